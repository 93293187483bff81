"""`Viewed`: the totals, phases, views and unknowns of every result that holds a tree."""

from __future__ import annotations

from functools import cached_property

from jaxflops import coverage, views
from jaxflops.cost import ZERO, Cost
from jaxflops.errors import JaxflopsError
from jaxflops.polynomial import Count, Ratio, ratio
from jaxflops.tree import Node, Phase


class Viewed:
    """Views of `tree`; each sums to the total."""

    tree: Node

    @property
    def total(self) -> Cost:
        """Everything that runs, trip counts included."""
        return self.tree.total

    @property
    def flops(self) -> Count:
        """Contractions plus other floating-point work, without transcendentals."""
        return self.total.flops

    @property
    def matmul_flops(self) -> Count:
        """Contractions only: dots and convolutions; a multiply-add is 2."""
        return self.total.matmul_flops

    @property
    def transcendentals(self) -> Count:
        """Calls of exp, log, tanh, erf ..."""
        return self.total.transcendentals

    @cached_property
    def _phases(self) -> dict[str, Cost]:
        return self.by("phase")

    @property
    def forward(self) -> Cost:
        """Cost of the forward phase."""
        return self.phase("forward")

    @property
    def recompute(self) -> Cost:
        """Cost of what remat runs again."""
        return self.phase("recompute")

    @property
    def backward(self) -> Cost:
        """Cost of the backward phase, without recompute."""
        return self.phase("backward")

    @property
    def update(self) -> Cost:
        """Cost of unmarked work on gradients: the optimizer."""
        return self.phase("update")

    def phase(self, name: Phase) -> Cost:
        """Cost of one phase; zero when nothing of the program belongs to it."""
        return self._phases.get(name, ZERO)

    @property
    def ratio(self) -> Count | Ratio:
        """Contraction FLOPs of backward over forward, exactly."""
        forward = self.forward.matmul_flops
        if not forward:
            raise JaxflopsError(
                "ratio is backward / forward contraction FLOPs, and this program's forward phase "
                "has none (under remat in mode='grad' it is dead: use mode='value_and_grad')"
            )
        return ratio(self.backward.matmul_flops, forward)

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
