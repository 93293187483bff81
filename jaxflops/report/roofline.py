"""A roofline as plain text: sites by the ideal seconds that they can take, and the whole step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from jaxflops.machine.roofline import ridge
from jaxflops.report import numbers
from jaxflops.report.measurement import duration, percent, rate
from jaxflops.report.text import paragraph

if TYPE_CHECKING:
    from jaxflops.roofline import Roofline, Work
    from jaxflops.tree import Kind

ROWS = 10
_LABEL = 48
_HEADS = ("site", "FLOP", "bytes unfused", "FLOP/B", "ideal", "of all", "bound")


def text(roofline: Roofline, rows: int = ROWS) -> str:
    """`str(roofline)`."""
    head = "\n".join(paragraph(line) for line in _head(roofline))
    foot = "\n".join(paragraph(line) for line in _foot(roofline))
    return "\n\n".join([head, _table(roofline, rows), foot])


def intensity(flop_per_byte: float) -> str:
    """Three digits; a dash where there is no traffic."""
    return "-" if flop_per_byte == float("inf") else f"{flop_per_byte:.3g}"


def _head(roofline: Roofline) -> Iterator[str]:
    devices = f" x {roofline.devices} devices" if roofline.devices > 1 else ""
    yield f"{roofline.name} under {roofline.roofs.against}{devices}"
    bandwidth = roofline.roofs.bandwidth(2**62)
    if bandwidth is None:
        yield "bandwidth unknown: the ideal seconds are those of arithmetic alone"
        return
    for kind in {kind: None for work in roofline.operations for kind in work.flops}:
        peak = roofline.roofs.peak(kind)
        if peak:
            bend = f"compute bound from {ridge(peak, bandwidth):.3g} FLOP/B on"
            yield f"{kind}: {rate(peak, 'FLOP')}, {rate(bandwidth, 'B')} from memory: {bend}"


def _table(roofline: Roofline, rows: int) -> str:
    shown, rest = roofline.sites[:rows], roofline.sites[rows:]
    lines = [_HEADS, *(_row(work, roofline.unfused_seconds) for work in shown)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    laid = [_lay(line, widths) for line in lines]
    more = sum(work.seconds for work in rest)
    tail = [f"... {len(rest)} more sites: {duration(more)}"] if rest else []
    return "\n".join([laid[0], "-" * max(map(len, laid)), *laid[1:], *tail])


def _row(work: Work, whole: float) -> tuple[str, ...]:
    scope, phase = work.place.scope or "(no scope)", work.place.phase
    keep = _LABEL - len(phase) - 1
    label = scope if len(scope) <= keep else f"...{scope[3 - keep :]}"
    return (
        f"{label} {phase}",
        numbers.rounded(work.total_flops),
        numbers.rounded(work.traffic, "B"),
        intensity(work.intensity),
        _ideal(work.seconds, work.missing),
        percent(work.seconds / whole) if whole else "-",
        work.bound,
    )


def _ideal(seconds: float, missing: Sequence[Kind]) -> str:
    """Nothing is no time where a peak is missing; something is at least that long."""
    return "unknown" if missing and not seconds else duration(seconds)


def _lay(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *numbers_, last = cells
    middle = [cell.rjust(width) for cell, width in zip(numbers_, widths[1:-1], strict=True)]
    return "  ".join([first.ljust(widths[0]), *middle, last]).rstrip()


def _foot(roofline: Roofline) -> Iterator[str]:
    yield (
        f"ideal seconds of the step, if every operation reads and writes alone: "
        f"{_ideal(roofline.unfused_seconds, roofline.missing)}"
    )
    if roofline.compulsory is None:
        yield "ideal seconds under compulsory traffic: not given, it is not known"
    else:
        assert roofline.compulsory_bytes is not None
        moved = numbers.rounded(roofline.compulsory_bytes, "B")
        yield (
            f"ideal seconds if only arguments and results move ({moved}): "
            f"{_ideal(roofline.compulsory.seconds, roofline.missing)}, "
            f"{roofline.compulsory.bound} bound"
        )
    yield "both are assumptions about traffic, and neither is an upper bound"
    if roofline.missing:
        kinds = ", ".join(map(str, roofline.missing))
        yield f"without the contractions of {kinds}, for which no peak is known"
    if roofline.seconds is not None:
        yield f"measured: {duration(roofline.seconds)}{_verdict(roofline, roofline.seconds)}"


def _verdict(roofline: Roofline, seconds: float) -> str:
    if roofline.impossible:
        return f": IMPOSSIBLE, less than the ideal {duration(roofline.ideal_seconds)}"
    return f", {seconds / roofline.ideal_seconds:.3g} x the ideal" if roofline.ideal_seconds else ""
