"""The highest of many counts: of ints one, of polynomials those that no other exceeds."""

from __future__ import annotations

from collections.abc import Iterable

from jaxflops.errors import JaxflopsError
from jaxflops.polynomial import Count


def plus(heights: Iterable[Count], more: Count) -> list[Count]:
    """Each height raised by `more`."""
    return [height + more for height in heights]


def highest(left: list[Count], right: Iterable[Count]) -> list[Count]:
    """Those of both that may be the highest."""
    kept = left
    for height in right:
        kept = _add(kept, height)
    return kept


def _add(kept: list[Count], height: Count) -> list[Count]:
    if any(_below(height, other) for other in kept):
        return kept
    return [*(other for other in kept if not _below(other, height)), height]


def _below(low: Count, high: Count) -> bool:
    """Whether low <= high at all sizes, as far as can be proved."""
    try:
        return not high < low
    except JaxflopsError:
        return False
