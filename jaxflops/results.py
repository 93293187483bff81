"""`Analysis`: what `jf.analyze` returns; a tree, its views, and what was assumed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from jaxflops import coverage, views
from jaxflops.cost import ZERO, Cost
from jaxflops.errors import JaxflopsError
from jaxflops.jaxpr.derivation import Derivation
from jaxflops.polynomial import Count, Ratio, ratio
from jaxflops.report import files, html, latex, text
from jaxflops.report import json as json_report
from jaxflops.substitute import substitute
from jaxflops.tree import PHASES, Node, Phase


@dataclass(frozen=True)
class Provenance:
    """What a number was counted from, and by what.

    conventions: the option names and values that change what is counted.
    versions: of jaxflops, jax and jaxlib.
    """

    function: str
    mode: str
    arguments: tuple[str, ...]
    conventions: Mapping[str, str]
    versions: Mapping[str, str]

    def noting(self, name: str, value: str) -> Provenance:
        """The same with one more choice; a second value of a name is added to the first."""
        before = self.conventions.get(name)
        noted = {name: f"{before}, {value}" if before else value} if value else {}
        return replace(self, conventions={**self.conventions, **noted})


@dataclass(frozen=True)
class Analysis:
    """The exact cost of a program, attributed to primitives, scopes, source lines and phases."""

    tree: Node = field(repr=False)
    provenance: Provenance
    derive: Callable[[], Derivation] = field(repr=False)

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

    @property
    def bytes_unfused(self) -> Count:
        """Bytes when every operation reads its operands and writes its results."""
        return self.total.bytes

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
    def derivation(self) -> Derivation:
        """One row a contraction: what it computes, its matrix form, and its forward product."""
        return self.derive()

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

    def at(self, **sizes: Count) -> Analysis:
        """The same analysis with sizes given to all or some symbols.

        Raises JaxflopsError for a name that is no symbol of this analysis.
        """
        unknown = sorted(set(sizes) - self.symbols)
        if unknown:
            known = ", ".join(sorted(self.symbols)) or "none"
            raise JaxflopsError(f"at({', '.join(unknown)}=...): the open symbols are: {known}")
        given = ", ".join(f"{name}={size}" for name, size in sizes.items())
        return replace(
            self,
            tree=substitute(self.tree, sizes),
            provenance=self.provenance.noting("sizes", given),
            derive=lambda: self.derivation.at(**sizes),
        )

    def to_json(self, path: str | Path | None = None) -> dict[str, Any]:
        """Everything as plain JSON data; written to `path` when given. `jf.load` reads it back."""
        return json_report.dump(self, path)

    def __repr__(self) -> str:
        origin = self.provenance
        return f"<Analysis of {origin.function}, mode {origin.mode!r}: {self.flops} FLOPs>"

    def to_latex(self, path: str | Path | None = None) -> str:
        """The phases and the derivation as LaTeX tables; written to `path` when given."""
        shown = latex.analysis(self)
        if path is not None:
            files.write(shown + "\n", path)
        return shown

    def __str__(self) -> str:
        return text.analysis(self)

    def _repr_html_(self) -> str:
        return html.analysis(self)


def load(source: str | Path | Mapping[str, Any]) -> Analysis:
    """The analysis that `to_json` wrote to a path, or returned as data; every count is exact.

    Raises JaxflopsError for what is no analysis, is damaged, or has another format version.
    """
    parts = json_report.read(source)
    rows = json_report.decoded(source, Derivation.from_json, parts.derivation)
    return Analysis(parts.tree, Provenance(**parts.provenance), lambda: rows)


def phases_present(analysis: Analysis) -> list[Phase]:
    """The phases that have any cost, in order."""
    return [phase for phase in PHASES if analysis.phase(phase) != ZERO]
