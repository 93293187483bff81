"""What a definition says."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Quantity(NamedTuple):
    """One reported number."""

    name: str
    lane: Literal["jaxpr", "hlo", "ledger", "machine", "profile", "execution", "roofline"]
    numerator: str
    denominator: str
    unit: str
    source: str
