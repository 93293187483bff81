"""`jf.analyze_compiled`: what XLA will run, read from the compiled program into the same tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import jax

from jaxflops import coverage
from jaxflops.analysis import versions
from jaxflops.branches import BranchPolicy
from jaxflops.compare import stage
from jaxflops.compare.lowered import reported
from jaxflops.errors import JaxflopsError
from jaxflops.hlo.collectives import Collective, Mesh, collectives
from jaxflops.hlo.context import Options
from jaxflops.hlo.ir import Module
from jaxflops.hlo.memory import Memory, memory_of
from jaxflops.hlo.module import read_module
from jaxflops.hlo.parameters import arguments
from jaxflops.hlo.walk import read
from jaxflops.jaxpr.program import How, Mode, function_name
from jaxflops.polynomial import Count
from jaxflops.report import compiled as report
from jaxflops.report import html, text
from jaxflops.results import Provenance
from jaxflops.substitute import substitute
from jaxflops.tree import Node
from jaxflops.viewed import Viewed


@dataclass(frozen=True)
class CompiledAnalysis(Viewed):
    """What one device runs of a compiled program, attributed as in `jf.analyze`.

    devices: how many run it; None where the source does not say.
    memory: bytes that the compiler plans, of one device; None where nothing says.
    collectives: in the order of the program; payloads of one device.
    xla_reported: XLA's own cost analysis as it is: loop bodies once, -1 for each library call.
    """

    tree: Node = field(repr=False)
    provenance: Provenance
    devices: int | None
    memory: Memory | None
    collectives: tuple[Collective, ...] = field(repr=False)
    xla_reported: Mapping[str, float] | None = field(repr=False)

    @property
    def bytes_fused(self) -> Count:
        """Bytes when every fusion, and every instruction outside one, reads and writes alone."""
        return self.total.bytes

    @cached_property
    def caveats(self) -> list[str]:
        """What was assumed, chosen or not known, one sentence each."""
        return [*coverage.notes(self.tree), *report.missing(self)]

    def at(self, **sizes: Count) -> CompiledAnalysis:
        """The same with numbers for open trip counts."""
        unknown = sorted(set(sizes) - self.symbols)
        if unknown:
            known = ", ".join(sorted(self.symbols)) or "none"
            raise JaxflopsError(f"at({', '.join(unknown)}=...): the open symbols are: {known}")
        return replace(self, tree=substitute(self.tree, sizes))

    def to_json(self, path: str | Path | None = None) -> dict[str, Any]:
        """Everything as plain JSON data; written to `path` when given."""
        return report.dump(self, path)

    def __repr__(self) -> str:
        return f"<CompiledAnalysis of {self.provenance.function}: {self.flops} FLOPs>"

    def __str__(self) -> str:
        return text.render(report.blocks_of(self))

    def _repr_html_(self) -> str:
        return html.render(report.blocks_of(self))


def analyze_compiled(  # noqa: PLR0913 - the options of one front door
    fn: Any,
    *misplaced: Any,
    mode: Mode = "call",
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    static_argnums: int | Sequence[int] = (),
    strict: bool = False,
    branch: BranchPolicy | int = "max",
    trip_counts: Mapping[str, Count] | None = None,
    target: stage.Platform | None = None,
) -> AnalyzeCompiled:
    """Count what XLA will run: `jf.analyze_compiled(fn)(*args) -> CompiledAnalysis`.

    fn: a function of arrays, jitted or not, or what there is of it already, called without
      arguments: a `jax.stages` Traced, Lowered or Compiled, a ClosedJaxpr, HLO text, a serialized
      HloModuleProto, or the path of a dump.
    mode, argnums, has_aux, static_argnums: as in `jf.analyze`.
    strict: raise UnknownCostError for an instruction or a library call without a rule.
    branch: what a conditional costs: "max", "min", "sum", or a branch's index.
    trip_counts: trips of loops that cannot be inferred, by scope path or `file:line`; others stay
      symbols.
    target: "cpu", "cuda" or "tpu", where that is the backend at hand; None is that backend.

    The arguments are as in `jf.analyze`; the program is compiled, and not run. Counts are of one
    device. Raises JaxflopsError with what to write instead.
    """
    if misplaced:
        raise JaxflopsError(
            "the arguments go in a second call: jf.analyze_compiled(fn, mode=...)(*args, **kwargs)"
        )
    how = How(mode, argnums, has_aux, static_argnums)
    options = Options(branch, tuple((trip_counts or {}).items()), strict)
    return AnalyzeCompiled(fn, how, options, target)


@dataclass(frozen=True)
class AnalyzeCompiled:
    """`jf.analyze_compiled(fn, ...)`, waiting for the function's arguments."""

    fn: Any
    how: How
    options: Options
    target: stage.Platform | None

    def __call__(self, *args: Any, **kwargs: Any) -> CompiledAnalysis:  # noqa: D102 - the class says it
        fn = self.fn
        if is_module(fn) or isinstance(fn, (jax.stages.Lowered, jax.stages.Compiled)):
            self._check_ready(args, kwargs)
            source = stage.compiled(fn) if isinstance(fn, jax.stages.Lowered) else fn
            return read_compiled(source, self.options)
        if not stage.is_here(self.target):
            raise JaxflopsError(
                f"target={self.target!r} is not the backend at hand ({jax.default_backend()}), and "
                "only that can compile; jf.compare(fn, target=...) reads what is lowered for it"
            )
        traced = stage.trace(fn, self.how, args, kwargs, "jf.analyze_compiled")
        source = stage.compiled(stage.lower(traced, self.target))
        return read_compiled(source, self.options, function_name(fn), self.how.mode)

    def _check_ready(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self.how.mode != "call" or args or kwargs:
            kind = "module" if is_module(self.fn) else type(self.fn).__name__
            raise JaxflopsError(
                f"a {kind} is read as it is, with the arguments it has; "
                "write jf.analyze_compiled(it)()"
            )

    def __repr__(self) -> str:
        if is_module(self.fn):
            return "<jf.analyze_compiled(a module): call it without arguments>"
        name = function_name(self.fn)
        return f"<jf.analyze_compiled({name}, mode={self.how.mode!r}): call it with its arguments>"


def is_module(source: Any) -> bool:
    """Whether it is a module itself: text, bytes, a path, or one that was read."""
    return isinstance(source, (str, bytes, Path, Module))


def read_compiled(
    source: Any, options: Options, name: str = "", mode: str = "call", *, check: bool = True
) -> CompiledAnalysis:
    """The analysis of a compiled program or of a module, under the function's name.

    check: raise JaxflopsError for a trip count that no loop answers to.
    """
    ready = isinstance(source, jax.stages.Compiled)
    module = read_module(Path(source) if _is_path(source) else source)
    reading = read(module, options)
    if check:
        reading.loops.check_hints()
    meshes = _meshes(source) if ready else ()
    made = Provenance(
        name or module.name, mode, arguments(module), _conventions(options), versions()
    )
    return CompiledAnalysis(
        reading.tree,
        made,
        module.num_partitions,
        memory_of(source) if ready else None,
        tuple(collectives(reading.tree, reading.senders, meshes)),
        reported(source) if ready else None,
    )


def _is_path(source: Any) -> bool:
    """Whether a text is the name of a dump rather than a module."""
    if not isinstance(source, str) or "\n" in source or source.startswith("HloModule"):
        return False
    return bool(source.strip())


def _meshes(compiled: Any) -> tuple[Mesh, ...]:
    """The meshes that arguments and results are laid out on."""
    shardings = jax.tree.leaves((compiled.input_shardings, compiled.output_shardings))
    found = {sharding.mesh: None for sharding in shardings if hasattr(sharding, "mesh")}
    return tuple(dict(mesh.shape) for mesh in found)


def _conventions(options: Options) -> dict[str, str]:
    given = ", ".join(f"{place}={count}" for place, count in options.trip_counts)
    chosen = {"branch": str(options.branch), "trip_counts": given}
    return {name: value for name, value in chosen.items() if value}
