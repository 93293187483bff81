"""`Analysis`: what `jf.analyze` returns; a tree, its views, and what was assumed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from jaxflops.cost import ZERO
from jaxflops.errors import JaxflopsError
from jaxflops.executions import Execution
from jaxflops.jaxpr.derivation import Derivation
from jaxflops.jaxpr.footprint import Footprint
from jaxflops.polynomial import Count
from jaxflops.report import files, html, latex, text, units
from jaxflops.report import json as json_report
from jaxflops.substitute import substitute
from jaxflops.tree import PHASES, Node, Phase
from jaxflops.viewed import Viewed


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
class Analysis(Viewed):
    """The exact cost of a program, attributed to primitives, scopes, source lines and phases.

    executions: of a program that ran (`jf.analyze_executed`), what each loop and choice did.
    """

    tree: Node = field(repr=False)
    provenance: Provenance
    derive: Callable[[], Derivation] = field(repr=False)
    executions: tuple[Execution, ...] = ()
    remember: Callable[[], Footprint] | None = field(default=None, repr=False)

    @property
    def macs(self) -> Count:
        """Multiply-adds of contractions: half of `matmul_flops`."""
        return units.macs(self.matmul_flops)

    @property
    def unit(self) -> units.Unit:
        """In which unit its reports print contractions."""
        return "MACs" if self.provenance.conventions.get("unit") == "MACs" else "FLOPs"

    def printed_in(self, unit: units.Unit) -> Analysis:
        """The same analysis, whose reports print contractions in "FLOPs" or in "MACs"."""
        units.check(unit)
        chosen = {k: v for k, v in self.provenance.conventions.items() if k != "unit"}
        chosen |= {} if unit == "FLOPs" else {"unit": unit}
        return replace(self, provenance=replace(self.provenance, conventions=chosen))

    @property
    def bytes_unfused(self) -> Count:
        """Bytes when every operation reads its operands and writes its results."""
        return self.total.bytes

    @cached_property
    def footprint(self) -> Footprint:
        """The program's memory as a whole: compulsory traffic and peak."""
        if self.remember is None:
            raise JaxflopsError(
                "the memory of this result is not known; it is of jf.analyze(fn)(*args)"
            )
        return self.remember()

    @property
    def bytes_compulsory(self) -> Count:
        """Bytes touched of arguments and written of results; donated updates are in place."""
        return self.footprint.compulsory.bytes

    @property
    def peak_bytes(self) -> Count:
        """Bytes alive at once, at most: an estimate from the program's own order."""
        return self.footprint.peak

    @cached_property
    def caveats(self) -> list[str]:
        """What was assumed, chosen or not known, one sentence each."""
        own = () if self.remember is None else self.footprint.notes
        return [*super().caveats, *own]

    @cached_property
    def derivation(self) -> Derivation:
        """One row a contraction: what it computes, its matrix form, and its forward product."""
        return self.derive()

    def at(self, **sizes: Count) -> Analysis:
        """The same analysis with sizes given to all or some symbols.

        Raises JaxflopsError for a name that is no symbol of this analysis.
        """
        unknown = sorted(set(sizes) - self.symbols)
        if unknown and self.remember is not None:  # sizes that only the memory depends on
            unknown = sorted(set(unknown) - self.footprint.symbols)
        if unknown:
            known = ", ".join(sorted(self.symbols)) or "none"
            raise JaxflopsError(f"at({', '.join(unknown)}=...): the open symbols are: {known}")
        empty = [n for n, size in sizes.items() if type(size) is not bool and size == 0]
        empty = [name for name in empty if "(" not in name]  # open trip counts may be 0
        if empty:
            raise JaxflopsError(
                f"at({empty[0]}=0): symbols are sizes >= 1, as they are to JAX; count empty arrays "
                "by themselves, as in f32[0,8]"
            )
        given = ", ".join(f"{name}={size}" for name, size in sizes.items())
        return replace(
            self,
            tree=substitute(self.tree, sizes),
            provenance=self.provenance.noting("sizes", given),
            derive=lambda: self.derivation.at(**sizes),
            remember=self.remember and (lambda: self.footprint.at(**sizes)),
        )

    def to_json(self, path: str | Path | None = None) -> dict[str, Any]:
        """Everything as plain JSON data; written to `path` when given. `jf.load` reads it back."""
        return json_report.dump(self, path)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as what `to_json` gives: the traced program behind it cannot be."""
        return load, (self.to_json(),)

    def __copy__(self) -> Analysis:
        """Itself: an analysis does not change."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Analysis:
        """Itself: an analysis does not change."""
        return self

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
    seen = json_report.decoded(source, _executions, parts.executions)
    made = Provenance(**parts.provenance)
    if parts.memory is None:
        return Analysis(parts.tree, made, lambda: rows, seen)
    memory = json_report.decoded(source, Footprint.from_json, parts.memory)
    return Analysis(parts.tree, made, lambda: rows, seen, lambda: memory)


def _executions(data: Any) -> tuple[Execution, ...]:
    return tuple(Execution.from_json(row) for row in data)


def phases_present(analysis: Analysis) -> list[Phase]:
    """The phases that have any cost, in order."""
    return [phase for phase in PHASES if analysis.phase(phase) != ZERO]
