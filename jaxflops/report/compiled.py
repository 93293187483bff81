"""A compiled analysis as blocks of a report, and as plain JSON data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxflops.cost import ZERO, Cost
from jaxflops.polynomial import Count, to_json
from jaxflops.report import blocks, files, json_tree, numbers
from jaxflops.report import json as json_report
from jaxflops.report.blocks import Block
from jaxflops.report.table import Column, Row, Table
from jaxflops.tree import PHASES

if TYPE_CHECKING:
    from jaxflops.compiled import CompiledAnalysis
    from jaxflops.hlo.collectives import Collective

FORMAT, VERSION = "jaxflops.compiled", 1
TRAFFIC = "bytes fused"
"""The heading of the bytes: a fusion reads its operands and writes its results."""


def blocks_of(analysis: CompiledAnalysis) -> tuple[Block, ...]:
    """Header, phases, totals, memory, collectives, XLA's numbers, what is not known."""
    parts = (
        header(analysis),
        phases(analysis),
        blocks.summary(analysis, "instructions"),
        memory(analysis),
        exchanged(analysis),
        reported(analysis),
        blocks.unknown(analysis),
        blocks.caveats(analysis),
        conventions(analysis),
    )
    return tuple(part for part in parts if part)


def header(analysis: CompiledAnalysis) -> str:
    """Function, mode, arguments, and whose work it is."""
    many = analysis.devices
    share = f"one of {many} devices runs" if many is not None and many > 1 else "one device runs"
    unsaid = " (the module does not say of how many)" if many is None else ""
    return f"{blocks.header(analysis)}\ncompiled: what {share}{unsaid}"


def phases(analysis: CompiledAnalysis) -> Table:
    """Cost of each phase that has any."""
    costs: dict[str, Cost] = {phase: analysis.phase(phase) for phase in PHASES}
    present = {phase: cost for phase, cost in costs.items() if cost != ZERO}
    shown = present or {"forward": ZERO}
    return blocks.table("phase", shown, analysis.total, traffic=TRAFFIC)


def memory(analysis: CompiledAnalysis) -> str:
    """What a device holds, as planned."""
    planned = analysis.memory
    if planned is None:
        return ""
    parts = [
        f"{name} {numbers.rounded(size, 'B')}"
        for name, size in planned._asdict().items()
        if size is not None and (size or name in ("arguments", "outputs", "temporaries"))
    ]
    return f"memory of a device: {', '.join(parts)}"


def exchanged(analysis: CompiledAnalysis) -> Table | str:
    """Payload and number of executions by kind and axes, or groups where there is no mesh."""
    merged: dict[str, tuple[Count, Count]] = {}
    for each in analysis.collectives:
        runs, payload = merged.get(label(each), (0, 0))
        merged[label(each)] = (runs + each.times, payload + each.payload_bytes * each.times)
    if not merged:
        return ""
    columns = (Column("runs"), Column("payload bytes", "B"))
    rows = tuple(Row(name, counts) for name, counts in merged.items())
    totals = tuple(sum(counts, start=0) for counts in zip(*merged.values(), strict=True))
    return Table("collective", columns, rows, totals)


def label(each: Collective) -> str:
    """`all-reduce over data`, or `all-gather in 2 groups of 4`."""
    if each.axes is not None:
        return f"{each.kind} over {', '.join(each.axes)}" if each.axes else each.kind
    if each.kind == "collective-permute":
        return f"{each.kind} of {len(each.groups)} pairs"
    if not each.groups:
        return f"{each.kind} of all"
    return f"{each.kind} in {len(each.groups)} groups of {len(each.groups[0])}"


def reported(analysis: CompiledAnalysis) -> str:
    """XLA's own numbers, and why they are others."""
    said = analysis.xla_reported
    if said is None:
        return ""
    shown = ", ".join(f"{said.get(name, 0.0):,.0f} {name}" for name in ("flops", "transcendentals"))
    return f"XLA's own analysis: {shown} (loop bodies once, integer work as FLOPs, float32 sums)"


def missing(analysis: CompiledAnalysis) -> Iterator[str]:
    """What the source of the analysis does not say, and where XLA's number is no count."""
    if analysis.memory is None:
        yield "no memory analysis: the module alone does not say what is held at a time"
    said = analysis.xla_reported
    if said is None:
        yield "XLA reports no cost analysis of this program"
        return
    negative = [name for name, value in said.items() if value < 0]
    if negative:
        yield (
            f"XLA reports negative {', '.join(sorted(negative))}: it adds -1 for each call that it "
            "cannot look into"
        )


def conventions(analysis: CompiledAnalysis) -> str:
    """How it was counted, and by which versions."""
    made = analysis.provenance
    chosen = "; ".join(f"{name}: {value}" for name, value in made.conventions.items())
    versions = ", ".join(f"{name} {version}" for name, version in made.versions.items())
    return (
        "conventions: the optimized HLO module of one device; a multiply-add is 2 FLOPs; loops by "
        f"their trip counts; convolutions count the taps that meet real input; {chosen} "
        f"({versions})"
    )


def dump(analysis: CompiledAnalysis, path: str | Path | None = None) -> dict[str, Any]:
    """Everything as plain data, written to `path` when given."""
    made = analysis.provenance
    data = {
        "format": FORMAT,
        "version": VERSION,
        "provenance": json_report.provenance(made),
        "devices": analysis.devices,
        "summary": json_report.summary(analysis),
        "memory": analysis.memory._asdict() if analysis.memory else None,
        "collectives": list(map(_exchange, analysis.collectives)),
        "xla_reported": dict(analysis.xla_reported) if analysis.xla_reported is not None else None,
        "tree": json_tree.dump(analysis.tree),
    }
    if path is not None:
        files.write(json.dumps(data, indent=1) + "\n", path)
    return data


def _exchange(each: Collective) -> dict[str, Any]:
    source = each.site.source
    return {
        "kind": each.kind,
        "payload_bytes": each.payload_bytes,
        "times": to_json(each.times),
        "groups": [list(group) for group in each.groups],
        "axes": list(each.axes) if each.axes is not None else None,
        "scope": list(each.site.scope),
        "source": [source.file, source.line] if source is not None else None,
        "phase": each.site.phase,
    }
