"""`Viewed`: the views, unknowns and caveats of every result that holds a tree."""

from __future__ import annotations

from functools import cached_property

from jaxflops import coverage, views
from jaxflops.cost import ZERO, Cost
from jaxflops.phased import Phased
from jaxflops.polynomial import Count, Ratio, ratio
from jaxflops.tree import Node, Phase


class Viewed(Phased):
    """Views of `tree`; each sums to the total."""

    tree: Node

    @property
    def total(self) -> Cost:
        """Everything that runs, trip counts included."""
        return self.tree.total

    @cached_property
    def _phases(self) -> dict[str, Cost]:
        return self.by("phase")

    def phase(self, name: Phase) -> Cost:
        """Cost of one phase; zero when nothing of the program belongs to it."""
        return self._phases.get(name, ZERO)

    def by(self, key: views.Key, depth: int | None = None) -> dict[str, Cost]:
        """Cost by primitive, scope, source, dtype, kind or phase; each view sums to the total."""
        return views.by(self.tree, key, depth)

    @cached_property
    def unknown(self) -> list[coverage.Unknown]:
        """Primitives without a rule; their FLOPs are in no total."""
        return list(coverage.unknown(self.tree))

    @property
    def coverage(self) -> Count | Ratio:
        """Equations (trip counts included) whose primitive is not unknown, over all."""
        known, everything = coverage.tally(self.tree)
        return ratio(known, everything) if everything else 1

    @cached_property
    def caveats(self) -> list[str]:
        """What was assumed, chosen or not known, one sentence each."""
        return list(coverage.notes(self.tree))

    @property
    def interval(self) -> tuple[Count, Count]:
        """(least, most) FLOPs over the branches that data may choose."""
        return coverage.interval(self.tree)

    @property
    def symbols(self) -> frozenset[str]:
        """Sizes that are still open, unknown trip counts among them."""
        parts: list[frozenset[str]] = [
            getattr(count, "symbols", frozenset()) for count in self.total.as_dict().values()
        ]
        return frozenset().union(*parts)
