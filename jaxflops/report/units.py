"""FLOPs or MACs: in which unit a report prints contractions, and by which convention."""

from __future__ import annotations

from typing import Literal, get_args

from jaxflops.errors import JaxflopsError
from jaxflops.polynomial import Count, Polynomial, ratio

Unit = Literal["FLOPs", "MACs"]


def check(unit: str) -> None:
    """Raise JaxflopsError for what is no unit."""
    if unit not in get_args(Unit):
        raise JaxflopsError(f"unit {unit!r}: write 'FLOPs' or 'MACs'")


def macs(flops: Count) -> Count:
    """Multiply-adds of so many FLOPs; JaxflopsError where they are no whole number."""
    half = ratio(flops, 2)
    if isinstance(half, (int, Polynomial)):
        return half
    raise JaxflopsError(
        f"{flops} FLOPs in contractions are no whole number of multiply-adds (by a rule of the "
        "user's); print them in FLOPs"
    )
