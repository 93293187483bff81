"""`jf.compare`: three columns, and a named row for every difference between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from jaxflops.analysis import Analyze
from jaxflops.compare import ledger, passes, stage
from jaxflops.compare.against_xla import AgainstXla, against_xla
from jaxflops.compare.compiled_work import with_compiled
from jaxflops.compare.elementwise import Elementwise
from jaxflops.compare.equations import Equations
from jaxflops.compare.lowered import reported
from jaxflops.compare.opaque import Opaque, opaque
from jaxflops.compare.rows import Row
from jaxflops.compare.share import of_all_devices
from jaxflops.compare.trips import refuse_open
from jaxflops.compiled import CompiledAnalysis, read_compiled
from jaxflops.errors import JaxflopsError
from jaxflops.hlo.context import Options as HloOptions
from jaxflops.hlo.ir import Module
from jaxflops.hlo.module import read_module
from jaxflops.hlo.walk import walk
from jaxflops.jaxpr.options import Options
from jaxflops.jaxpr.program import How, Mode, function_name
from jaxflops.report import files
from jaxflops.report import ledger as report
from jaxflops.results import Analysis, Provenance
from jaxflops.tree import Node
from jaxflops.viewed import Viewed


@dataclass(frozen=True)
class Column(Viewed):
    """A program as XLA holds it before optimization, read into the tree.

    against_xla: XLA's own numbers against our projection onto XLA's formulas.
    """

    tree: Node = field(repr=False)
    against_xla: AgainstXla = field(repr=False)

    @property
    def xla_reported(self) -> Mapping[str, float] | None:
        """XLA's own cost analysis of it, as is; None where the backend has none."""
        return self.against_xla.reported


@dataclass(frozen=True)
class Comparison:
    """What is counted, lowered and compiled, and the causes of every difference.

    counted: the jaxpr's analysis. lowered: XLA's program before optimization. compiled: after it;
      None where the program was lowered for a platform that is not here.
    rows: of contractions: counted + rows of its step = lowered, and lowered + rows = compiled.
    account: makes `elementwise`.

    Pickled with `elementwise` made, since the traced program that it is made of cannot be.
    """

    counted: Analysis
    lowered: Column
    compiled: CompiledAnalysis | None
    rows: tuple[Row, ...]
    account: Callable[[], Elementwise] = field(repr=False)

    @cached_property
    def elementwise(self) -> Elementwise:
        """Elementwise work and reductions through the columns; made when first asked for.

        Raises JaxflopsError where that is no number, as `no_elementwise` says.
        """
        return self.account()

    @cached_property
    def no_elementwise(self) -> str | None:
        """Why elementwise work is no number (loops that data end); None where it is one."""
        try:
            _ = self.elementwise
        except JaxflopsError as error:
            return str(error).partition("; give ")[0]  # no loop of the counted program is open
        return None

    @cached_property
    def unknown(self) -> dict[str, tuple[Opaque, ...]]:
        """Of each column, the calls whose FLOPs are unknown: in no number, and no row."""
        trees = {"counted": self.counted.tree, "lowered": self.lowered.tree}
        if self.compiled is not None:
            trees["compiled"] = self.compiled.tree
        return {column: opaque(tree) for column, tree in trees.items()}

    @property
    def unexplained(self) -> int:
        """Contraction FLOPs that no named equation, instruction or pass accounts for."""
        return ledger.unexplained_flops(list(self.rows))

    @property
    def ok(self) -> bool:
        """Whether at most a millionth of contractions and a hundredth of the rest is unexplained.

        XLA's own numbers of the lowered program, where there are any, must be ours too. False where
        elementwise work is no number (`no_elementwise`): it is not accounted for. Calls whose FLOPs
        are unknown make no difference: they are named in `unknown`, not accounted for.
        """
        numbers = self.no_elementwise is None and self.elementwise.ok
        return self.contractions_ok and self.lowered.against_xla.ok and numbers

    @property
    def contractions_ok(self) -> bool:
        """Whether at most a millionth of the contractions is unexplained."""
        return ledger.holds(list(self.rows), self.counted.tree)

    def to_json(self, path: str | Path | None = None) -> dict[str, Any]:
        """Totals and rows as plain data; written to `path` when given."""
        return report.dump(self, path)

    def to_markdown(self, path: str | Path | None = None) -> str:
        """Totals and rows as a Markdown table; written to `path` when given."""
        shown = report.markdown(self)
        if path is not None:
            files.write(shown + "\n", path)
        return shown

    def __reduce__(self) -> tuple[Any, ...]:
        why = self.no_elementwise
        made = partial(_given, self.elementwise) if why is None else partial(_refuse, why)
        return Comparison, (self.counted, self.lowered, self.compiled, self.rows, made)

    def __copy__(self) -> Comparison:
        """Itself: a comparison does not change."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Comparison:
        """Itself: a comparison does not change."""
        return self

    def __repr__(self) -> str:
        name = self.counted.provenance.function
        return f"<Comparison of {name}: {self.unexplained} contraction FLOPs unexplained>"

    def __str__(self) -> str:
        return report.text(self)


def _given(elementwise: Elementwise) -> Elementwise:
    return elementwise


def _refuse(why: str) -> Elementwise:
    raise JaxflopsError(why)


def compare(
    fn: Any,
    *misplaced: Any,
    mode: Mode = "call",
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    static_argnums: int | Sequence[int] = (),
    trip_counts: Mapping[str, int] | None = None,
    target: stage.Platform | None = None,
    compiled: bool = True,
) -> Compare:
    """Account for every FLOP: `jf.compare(fn, mode="grad")(*args) -> Comparison`.

    The program is counted (jaxpr), lowered (XLA's program before optimization) and compiled, and
    each difference gets the name of what made it, its FLOPs and its sites.

    fn: a function of arrays, jitted or not, a `jax.stages.Traced`, or a ClosedJaxpr.
    mode, argnums, has_aux, static_argnums, trip_counts: as in `jf.analyze`.
    target: lower for "cpu", "cuda" or "tpu"; compiled only where that is the backend at hand.
    compiled: False leaves that column out, and with it nearly all of the time.

    A kernel's branches that its grid decides count as the costliest, as in a loop that XLA sees.
    The arguments are as in `jf.analyze`; the program is compiled, up to twice, but not run.
    """
    if misplaced:
        raise JaxflopsError(
            "the arguments go in a second call: jf.compare(fn, mode=...)(*args, **kwargs)"
        )
    how = How(mode, argnums, has_aux, static_argnums)
    return Compare(fn, how, trip_counts or {}, target, compiled)


@dataclass(frozen=True)
class Compare:
    """`jf.compare(fn, ...)`, waiting for the function's arguments."""

    fn: Any
    how: How
    trip_counts: Mapping[str, int]
    target: stage.Platform | None
    compiled: bool

    def __call__(self, *args: Any, **kwargs: Any) -> Comparison:  # noqa: D102 - the class says it
        traced = stage.trace(self.fn, self.how, args, kwargs)
        counted = Analyze(traced, How(), Options(trip_counts=self.trip_counts, cells=False))()
        made = replace(counted.provenance, function=function_name(self.fn), mode=self.how.mode)
        _refuse_open(counted)
        source = stage.lower(traced, self.target)
        options = HloOptions(trip_counts=tuple(self.trip_counts.items()))
        module = read_module(source)
        lowered = Column(walk(module, options), against_xla(module, reported(source)))
        refuse_open(lowered.tree, "lowered")
        here = self.compiled and stage.is_here(self.target)
        compiled, done = self._compiled(source, module, options, made) if here else (None, None)
        last = compiled.tree if compiled is not None else None
        if last is not None:
            refuse_open(last, "compiled")
        equations = Equations(traced, counted.tree, self.trip_counts, self.target)
        columns = ledger.Columns(
            counted.tree, lowered.tree, last, equations.dead, equations.composites, done
        )
        rows = ledger.ledger(columns)
        account = partial(_elementwise, equations, module, columns)
        named = replace(counted, provenance=made)
        return Comparison(named, lowered, compiled, tuple(rows), account)

    def _compiled(
        self, source: Any, module: Module, options: HloOptions, made: Provenance
    ) -> tuple[CompiledAnalysis, passes.Passes]:
        """The last column, and how it came to be; hints are for whichever does not know better."""
        found, done = passes.compiled(source, module.num_partitions or 1, options)
        return read_compiled(found, options, made.function, made.mode, check=False), done

    def __repr__(self) -> str:
        name = function_name(self.fn)
        return f"<jf.compare({name}, mode={self.how.mode!r}): call it with {name}'s arguments>"


def _elementwise(equations: Equations, module: Module, columns: ledger.Columns) -> Elementwise:
    found = of_all_devices(equations.elementwise(columns.lowered), columns.counted)
    return found if columns.passes is None else with_compiled(found, module, columns)


def _refuse_open(counted: Analysis) -> None:
    """Raise JaxflopsError for trip counts or sizes that are open."""
    if counted.symbols:
        names = ", ".join(sorted(counted.symbols))
        raise JaxflopsError(
            f"{names} open: a ledger compares numbers; "
            'give loops trip_counts={"scope or file:line": n}, and sizes as numbers'
        )
