"""The program as equations: each lowered by itself, evidence for what was counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jaxflops.compare.alone import Alone, LoweredLeaves
from jaxflops.compare.composites import Lowered, lowered_as
from jaxflops.compare.constants import closed_over
from jaxflops.compare.counted import Dead, dead_in, of_one_device
from jaxflops.compare.elementwise import Elementwise, elementwise
from jaxflops.compare.trips import trips_by_place
from jaxflops.jaxpr._jax import dce, expand_high
from jaxflops.jaxpr.inlined import inlined
from jaxflops.jaxpr.options import Options
from jaxflops.jaxpr.platforms import platforms_chosen
from jaxflops.jaxpr.walk import walk
from jaxflops.jaxpr.written_out import written_out
from jaxflops.tree import Node


@dataclass(frozen=True)
class Equations:
    """A `Traced`, what was counted of it, and the platform for which it is lowered."""

    traced: Any
    counted: Node
    trip_counts: Mapping[str, int]
    target: str | None

    def composites(self) -> dict[str, Lowered]:
        """Contractions that lower to others."""
        return lowered_as(*self._whole)

    def dead(self) -> Dead:
        """What is dead in iterations that lowering writes out beside their loop."""
        options = Options(trip_counts=self.trip_counts, cells=False)
        return dead_in(walk(self._live, options), walk(written_out(self._live), options))

    def elementwise(self, lowered: Node) -> Elementwise:
        """The account of elementwise work up to the lowered program.

        Iterations are written out where that leaves less unexplained: JAX 0.12 does.
        """
        share, (whole, alone) = of_one_device(self.counted), self._whole
        found = elementwise(share, whole, alone, lowered)
        written = written_out(self._live) if found.unexplained else self._live
        if written is self._live:
            return found
        equations, alone = self._lowered(written)
        other = elementwise(share, equations, alone, lowered, whole)
        return other if other.unexplained < found.unexplained else found

    @cached_property
    def _live(self) -> Any:
        """The jaxpr that is lowered: without dead code, what JAX keeps whole written out."""
        return dce(platforms_chosen(expand_high(self.traced.jaxpr)))[0]

    @cached_property
    def _whole(self) -> tuple[Node, dict[int, Alone]]:
        return self._lowered(self._live)

    def _lowered(self, jaxpr: Any) -> tuple[Node, dict[int, Alone]]:
        """Equations on one device, and each with what it lowers to by itself."""
        # A jitted function's parameters are no constants here, so trips are taken from the counts.
        trips = {**trips_by_place(self.counted), **self.trip_counts}
        options = Options(trip_counts=trips, cells=False)
        top = zip(jaxpr.constvars, self.traced.jaxpr.consts, strict=True)
        leaves = LoweredLeaves(options, (*top, *closed_over(jaxpr)))
        tree = walk(inlined(jaxpr), options, leaves)
        return of_one_device(tree), leaves.lowered(self.target)
