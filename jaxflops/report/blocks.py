"""What a report says, in order: paragraphs and tables. The renderers only set them in type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from jaxflops import coverage
from jaxflops.conventions import ASSUMPTIONS, CONVOLUTION, MULTIPLY_ADD
from jaxflops.cost import ZERO, Cost, total
from jaxflops.errors import JaxflopsError
from jaxflops.polynomial import Count, Polynomial
from jaxflops.report import numbers, units
from jaxflops.report.table import WIDTH, Column, Row, Table
from jaxflops.tree import PHASES
from jaxflops.viewed import Viewed

if TYPE_CHECKING:
    from jaxflops.compiled import CompiledAnalysis
    from jaxflops.results import Analysis


class Verbatim(str):
    """Text whose lines are laid out already."""

    __slots__ = ()


Block = str | Table
"""A paragraph, whose lines the renderers may wrap, or a table."""

LISTED = 12
"""Arguments and caveats that a report lists before it says how many more there are."""

_Counted = tuple[Column, Callable[[Cost], Count]]
_FLOPS: _Counted = (Column("contraction FLOPs", "FLOP"), lambda cost: cost.matmul_flops)
_MACS: _Counted = (Column("contraction MACs", "MAC"), lambda cost: units.macs(cost.matmul_flops))
_COLUMNS: tuple[_Counted, ...] = (
    (Column("other FLOPs", "FLOP"), lambda cost: cost.other_flops),
    (Column("transcendentals"), lambda cost: cost.transcendentals),
    (Column("int ops"), lambda cost: cost.int_ops),
    (Column("bytes unfused", "B"), lambda cost: cost.bytes),
)
_PAYLOAD: _Counted = (Column("payload bytes", "B"), lambda cost: cost.payload_bytes)


def report(analysis: Analysis) -> tuple[Block, ...]:
    """Header, phases, what the totals mean, what is not known, and how it was counted."""
    parts = (
        header(analysis),
        phases(analysis),
        summary(analysis),
        memory(analysis),
        unknown(analysis),
        caveats(analysis),
        conventions(analysis),
    )
    return tuple(part for part in parts if part)


def header(analysis: Analysis | CompiledAnalysis) -> str:
    """Function, mode and arguments."""
    made = analysis.provenance
    arguments = _listed(made.arguments, "arguments")
    line = ", ".join(arguments)
    shown = [line] if len(line) <= WIDTH else [f"  {argument}" for argument in arguments]
    return "\n".join([f"{made.function}, mode {made.mode!r}", *shown]).strip()


def phases(analysis: Analysis) -> Table:
    """Cost of each phase that has any."""
    costs: dict[str, Cost] = {phase: analysis.phase(phase) for phase in PHASES}
    present = {phase: cost for phase, cost in costs.items() if cost != ZERO}
    shown = present or {"forward": ZERO}
    return table("phase", shown, analysis.total, unit=analysis.unit)


def view(
    key: str,
    costs: Mapping[str, Cost],
    top: int = 0,
    traffic: str = "bytes unfused",
    unit: units.Unit = "FLOPs",
) -> Table:
    """The table of `analysis.by(key)`; with `top`, the other rows as one."""
    named = {label or "(no scope)": cost for label, cost in costs.items()}
    whole = table(key, named, traffic=traffic, unit=unit)
    return whole.shortened(top) if top else whole


def table(
    corner: str,
    costs: Mapping[str, Cost],
    whole: Cost | None = None,
    traffic: str = "bytes unfused",
    unit: units.Unit = "FLOPs",
) -> Table:
    """Costs by label; their sum is held against `whole`. traffic: which bytes they have."""
    whole = total(costs.values()) if whole is None else whole
    columns = _columns(unit, payload=whole.payload_bytes != 0)
    rows = (Row(label, tuple(get(cost) for _, get in columns)) for label, cost in costs.items())
    last = _COLUMNS[-1][0]
    headings = tuple(c._replace(name=traffic) if c == last else c for c, _ in columns)
    return Table(corner, headings, tuple(rows), tuple(get(whole) for _, get in columns))


def _columns(unit: units.Unit, *, payload: bool) -> tuple[_Counted, ...]:
    first = _MACS if unit == "MACs" else _FLOPS
    return (first, *_COLUMNS, _PAYLOAD) if payload else (first, *_COLUMNS)


def summary(analysis: Viewed, what: str = "equations") -> str:
    """The exact total, backward over forward, the elementwise share, branches, coverage."""
    lines = [
        _totals(analysis.total, getattr(analysis, "unit", "FLOPs")),
        _backward_over_forward(analysis),
        _branches(analysis),
        _coverage(analysis, what),
        _open_sizes(analysis),
    ]
    return "\n".join(line for line in lines if line)


def memory(analysis: Analysis) -> str:
    """Compulsory traffic and peak, where the program is at hand."""
    if analysis.remember is None:
        return ""
    moved, peak = numbers.exact(analysis.bytes_compulsory), numbers.exact(analysis.peak_bytes)
    if len(peak) > WIDTH:
        peak = "a maximum that depends on the sizes: analysis.at(...).peak_bytes"
    return f"bytes compulsory = {moved}\npeak bytes = {peak} (an estimate)"


def unknown(analysis: Viewed) -> str:
    """Primitives without a rule: how often they run, and on what first."""
    notes = _unknown_notes(analysis)
    lines = []
    for item in analysis.unknown:
        more = len(notes[item.name]) - 1
        others = f" (and {more} more kinds of operands)" if more else ""
        lines.append(f"- {numbers.exact(item.times)} x {item.note}{others}")
    return "\n".join(["unknown primitives:", *lines]) if lines else ""


def caveats(analysis: Viewed) -> str:
    """What was assumed; unknown primitives stand apart."""
    told = set().union(*_unknown_notes(analysis).values())
    rest = [f"- {note}" for note in analysis.caveats if note not in told]
    return "\n".join(["caveats:", *_listed(rest, "in analysis.caveats")]) if rest else ""


def conventions(analysis: Analysis) -> str:
    """How it was counted, and by which versions."""
    made = analysis.provenance
    chosen = dict(made.conventions)
    convolutions = CONVOLUTION[chosen.pop("conv", "taps")]
    multiply_add = MULTIPLY_ADD[chosen.pop("unit", "FLOPs")]
    others = [f"{name}: {value}" for name, value in chosen.items()]
    versions = [f"{name} {version}" for name, version in made.versions.items()]
    stated = "; ".join([multiply_add, *ASSUMPTIONS, convolutions, *others])
    return f"conventions: {stated} ({', '.join(versions)})"


def _totals(cost: Cost, unit: units.Unit) -> str:
    """Exact FLOPs, of contractions and of the rest; a MAC is no FLOP, and they have no sum."""
    other = numbers.exact(cost.other_flops)
    if unit == "MACs":
        multiplied = numbers.exact(units.macs(cost.matmul_flops))
        return f"MACs in contractions = {multiplied}\nFLOPs elementwise and in reductions = {other}"
    lines = [
        f"FLOPs = {numbers.exact(cost.flops)}",
        f"in contractions = {numbers.exact(cost.matmul_flops)}",
        f"elementwise and in reductions = {other}",
    ]
    if cost.flops != 0:
        lines[-1] += f", a share of {numbers.share(cost.other_flops, cost.flops)}"
    return "\n".join(lines)


def _backward_over_forward(analysis: Viewed) -> str:
    if analysis.backward.matmul_flops == 0:
        return ""
    try:
        value = numbers.quotient(analysis.ratio)
    except JaxflopsError as error:
        return f"backward / forward: {error}"
    return f"backward / forward = {value} (contraction FLOPs)"


def _branches(analysis: Viewed) -> str:
    try:
        least, most = analysis.interval
    except JaxflopsError:
        return "FLOPs by the branches taken: cannot be ordered in symbols"
    if least == most:
        return ""
    return f"FLOPs by the branches taken: {numbers.exact(least)} to {numbers.exact(most)}"


def _coverage(analysis: Viewed, what: str) -> str:
    known, equations = coverage.tally(analysis.tree)
    if known == equations:
        share = "100 %"
    elif isinstance(known, Polynomial) or isinstance(equations, Polynomial):
        share = numbers.exact(known)
    else:
        share = numbers.share(known, equations)
    return f"coverage {share} of {numbers.exact(equations)} {what}, trip counts included"


def _open_sizes(analysis: Viewed) -> str:
    names = ", ".join(sorted(analysis.symbols))
    return f"open sizes: {names}" if names else ""


def _unknown_notes(analysis: Viewed) -> dict[str, set[str]]:
    """Every note of an unknown primitive, by its name."""
    notes: dict[str, set[str]] = {}
    for node in coverage.distinct(analysis.tree):
        if node.state == "unknown":
            notes.setdefault(node.label, set()).update(node.notes)
    return notes


def _listed(items: tuple[str, ...] | list[str], where: str) -> list[str]:
    """The first items, and how many more there are."""
    more = len(items) - LISTED
    return [*items[:LISTED], f"... {more} more {where}"] if more > 1 else list(items)
