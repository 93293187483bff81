"""`jf.interpolate`'s result: an exact polynomial cost for each phase, and what it was seen at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from jaxflops.cost import FIELDS, Cost, total
from jaxflops.jaxpr.interpolate import interpolate_rows
from jaxflops.jaxpr.samples import Evidence, Point
from jaxflops.phased import Phased
from jaxflops.polynomial import Count
from jaxflops.results import Analysis
from jaxflops.tree import PHASES, Phase


@dataclass(frozen=True)
class Interpolated(Phased):
    """Costs by phase as polynomials in the sampled sizes.

    evidence: the range and residue class that was sampled, and the held-out sizes that agree.
    """

    phases: Mapping[Phase, Cost]
    evidence: Evidence

    @property
    def total(self) -> Cost:
        """The sum of the phases."""
        return total(self.phases.values())

    def phase(self, name: Phase) -> Cost:
        """Cost of one phase."""
        return self.phases[name]

    def at(self, **sizes: int) -> Cost:
        """The total at sizes in the sampled residue classes; raises JaxflopsError for others."""
        self.evidence.check(sizes)
        return self.total.at(**sizes)

    def __str__(self) -> str:
        lines = [
            f"{phase} {name}: {count}"
            for phase, cost in self.phases.items()
            for name, count in cost.as_dict().items()
            if count != 0
        ]
        return "\n".join([*lines, f"({self.evidence})"])


def fit(
    analysis_at: Callable[..., Analysis],
    *,
    sizes: Mapping[str, Sequence[int]] | Iterable[str],
    held_out: Sequence[Point],
    degree: int,
) -> Interpolated:
    """Interpolate every count of every phase of `analysis_at(**sizes)`."""

    def row(point: dict[str, int]) -> dict[str, Count]:
        analysis = analysis_at(**point)
        return {
            f"{phase} {name}": count
            for phase in PHASES
            for name, count in analysis.phase(phase).as_dict().items()
        }

    rows, evidence = interpolate_rows(row, sizes=sizes, held_out=held_out, degree=degree)
    phases = {p: Cost(**{name: rows[f"{p} {name}"] for name in FIELDS}) for p in PHASES}
    return Interpolated(phases, evidence)
