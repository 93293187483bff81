"""A measurement as plain text: each number with its numerator, its denominator and its device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from jaxflops import coverage
from jaxflops.contractions import open_symbols
from jaxflops.report import numbers
from jaxflops.report.text import paragraph

if TYPE_CHECKING:
    from jaxflops.coverage import Unknown
    from jaxflops.machine.timing import Timing
    from jaxflops.machine.utilization import Utilization
    from jaxflops.measurement import Measurement

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))


def text(measurement: Measurement) -> str:
    """`str(measurement)`."""
    return "\n".join(paragraph(line) for line in _lines(measurement))


def duration(seconds: float) -> str:
    """`1.234 ms`: four digits in the unit that fits."""
    scale, unit = next((u for u in _UNITS if abs(seconds) >= u[0]), _UNITS[-1])
    return f"{seconds / scale:.4g} {unit}"


def rate(per_second: float, unit: numbers.Unit) -> str:
    """`1.234 TFLOP/s`, always with decimal prefixes, as peaks are given."""
    text = numbers.rounded(int(per_second))
    return f"{text}{unit}/s" if text[-1].isalpha() else f"{text} {unit}/s"


def percent(share: float) -> str:
    """`41.2 %`; 100 % and more in full, so that the impossible is seen."""
    return f"{share * 100:.3g} %" if share < 1 else f"{share * 100:.1f} %"


def _lines(measurement: Measurement) -> Iterator[str]:
    timing = measurement.timing
    many = f"{timing.devices} x {timing.device_kind}"
    yield f"{timing.name} on {many if timing.devices > 1 else timing.device_kind}"
    stages = [f"{name} {duration(spent)}" for name, spent in timing.stage_seconds.items()]
    if stages:
        yield f"{', '.join(stages)} (once)"
    yield _call(timing)
    if measurement.analysis is not None and not measurement.analysis.symbols:
        yield f"{_flops(measurement)}; {_bytes(measurement)}"
    yield f"MFU: {_mfu(measurement)}"
    yield f"HFU: {_hfu(measurement)}"
    yield from _memory(timing)
    yield from (f"note: {note}" for note in timing.notes)
    yield from (f"warning: {warning}" for warning in timing.warnings)


def _call(timing: Timing) -> str:
    summary = timing.summary
    low, high, coverage = summary.interval
    inner = f" of {timing.inner} calls each" if timing.inner > 1 else ""
    return (
        f"call {duration(summary.median)}: median of {summary.number} samples{inner}, "
        f"{coverage:.0%} interval {duration(low)} to {duration(high)}, "
        f"spread {duration(summary.spread)}, least {duration(summary.least)}"
    )


def _flops(measurement: Measurement) -> str:
    assert measurement.analysis is not None
    counted = measurement.analysis.flops
    assert isinstance(counted, int)
    return f"{rate(measurement.flops_per_second, 'FLOP')}: {_flop(counted)} asked for"


def _flop(count: int) -> str:
    """The exact number while it is short, else with a prefix; always with its unit."""
    text = numbers.exact(count)
    return f"{text} FLOP" if len(text) <= numbers.SHORT else numbers.rounded(count, "FLOP")


def _bytes(measurement: Measurement) -> str:
    return f"{rate(measurement.bytes_per_second, 'B')} if every operation reads and writes alone"


def _mfu(measurement: Measurement) -> str:
    analysis = measurement.analysis
    if analysis is None:
        return "not given: a compiled program was timed, and MFU counts what was asked for"
    if analysis.symbols:
        return f"not given: open trip counts {', '.join(sorted(analysis.symbols))}"
    if measurement.model is None:
        return f"not given: no peaks are known for {measurement.timing.device_kind}"
    what = "contractions asked for, forward and backward"
    redone = measurement.repeated_by_hand
    by_hand = f"; {_flop(redone)} of it redo forward products in a custom_vjp's own rule"
    twice = f"; without {_flop(measurement.replicated)} that a mesh axis only replicates"
    marks = (by_hand if redone else "") + (twice if measurement.replicated else "")
    marks += _uncounted(analysis.unknown)
    return utilization(measurement.model, what) + marks


def _hfu(measurement: Measurement) -> str:
    if measurement.compiled is None:
        return f"not given: {measurement.unread}"
    open_loops = open_symbols(measurement.compiled)
    if open_loops:
        return f"not given: open trip counts {', '.join(open_loops)}"
    if measurement.hardware is None:
        return f"not given: no peaks are known for {measurement.timing.device_kind}"
    what = "contractions in the compiled program"
    return utilization(measurement.hardware, what) + _uncounted(
        coverage.unknown(measurement.compiled)
    )


def utilization(used: Utilization, what: str) -> str:
    """A share with all that it was computed from, or the kinds that have no peak."""
    if used.value is None:
        kinds = ", ".join(map(str, used.missing))
        return f"not given: no peak is known for {kinds} ({used.against})"
    numerator = f"{_flop(used.total_flops)} of {what}"
    if used.peak is None:
        return f"0 %: no contractions ({used.against})"
    devices = f"{used.devices} devices x " if used.devices > 1 else ""
    impossible = "IMPOSSIBLE, " if used.impossible else ""
    kinds = ", ".join(map(str, used.flops))
    return (
        f"{impossible}{percent(used.value)} = {numerator} / ({rate(used.peak, 'FLOP')} x {devices}"
        f"{duration(used.seconds)}); {used.against}, for {kinds}"
    )


def _uncounted(unknown: Iterable[Unknown]) -> str:
    """Work that the numerator leaves out though it may be contractions."""
    names = ", ".join(dict.fromkeys(item.name for item in unknown))
    return f"; without {names}, whose cost is unknown" if names else ""


def _memory(timing: Timing) -> Iterator[str]:
    planned, peak = timing.memory
    parts = []
    if planned is not None:
        parts.append(f"planned by the compiler {numbers.rounded(planned, 'B')}")
    if peak is not None:
        parts.append(f"most held since the process began {numbers.rounded(peak, 'B')}")
    if parts:
        yield f"memory of a device: {', '.join(parts)}"
