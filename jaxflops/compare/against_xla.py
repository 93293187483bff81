"""XLA's own numbers of a program against our projection onto its formulas, exact integers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from jaxflops.hlo.ir import Module
from jaxflops.hlo.xla_formulas import XlaCounts, xla_counts

EXACT, ROUNDING = 2**24, 1_000_000
"""Up to 2**24 a sum of float32 integers is exact; above, off by less than one part in so many."""


class AgainstXla(NamedTuple):
    """Loop bodies once, integer work as FLOPs, -1 a custom call: what XLA should say, and says.

    reported: XLA's dictionary, None where there is none.
    """

    projected: XlaCounts
    reported: Mapping[str, float] | None

    @property
    def rounding(self) -> tuple[float, float]:
        """(FLOPs, calls) that XLA reports more: the rounding of its float32 sums if it is small."""
        flops, calls = (
            0.0 if self.reported is None else self.reported.get(name, 0.0) - number
            for name, number in zip(XlaCounts._fields, self.projected, strict=True)
        )
        return flops, calls

    @property
    def ok(self) -> bool:
        """Whether rounding accounts for the difference: nothing does below 2**24."""
        return all(
            abs(off) * ROUNDING <= (0 if abs(number) < EXACT else abs(number))
            for off, number in zip(self.rounding, self.projected, strict=True)
        )


def against_xla(module: Module, reported: Mapping[str, float] | None) -> AgainstXla:
    """The comparison for a lowered module."""
    return AgainstXla(xla_counts(module), reported)
