"""Peaks of devices as plain text: one in full, or all that are known in a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from string import ascii_letters
from typing import TYPE_CHECKING

from jaxflops.report import numbers
from jaxflops.report.measurement import rate

if TYPE_CHECKING:
    from jaxflops.machine.device import Device

_FORMATS = ("fp8", "bf16", "fp16", "tf32", "fp32", "fp64")
_HEADS = ("id", *_FORMATS, "GB/s", "GiB", "read", "sources")
_ABSENT = "-"


def describe(device: Device) -> str:
    """Everything that is known of one device, each line with its unit; and who says so."""
    return "\n".join(_lines(device))


def table(devices: Sequence[Device]) -> str:
    """A row a device: dense TFLOP/s by format, bandwidth, memory, date and sources."""
    letters = _letters(devices)
    rows = [_HEADS, *(_row(device, letters) for device in devices)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_set(row, widths) for row in rows]
    legend = [f"{letter}: {source}" for source, letter in letters.items()]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:], "", *legend])


def _lines(device: Device) -> Iterator[str]:
    mark = " (derived, not from a datasheet)" if device.derived else ""
    yield f"{device.name} [{device.id}], {device.platform} {device.arch}{mark}"
    for title, rates in (("peak, dense", device.peak), ("vector units", device.vector)):
        if rates:
            yield f"  {title}: {', '.join(_rate(fmt, value) for fmt, value in rates.items())}"
    yield f"  memory: {_memory(device)}"
    if device.links:
        yield f"  links: {device.links.kind}, {rate(device.links.each_way, 'B')} each way"
    yield f"  source: {device.source}"
    yield f"  read {device.date}, confidence {device.confidence}"
    yield from (f"  note: {note}" for note in device.notes)


def _rate(fmt: str, value: float) -> str:
    operations = f"{numbers.rounded(int(value))}op/s"
    return f"{fmt} {operations if fmt.startswith('int') else rate(value, 'FLOP')}"


def _memory(device: Device) -> str:
    size = numbers.rounded(device.memory_bytes, "B") if device.memory_bytes else "size unknown"
    speed = rate(device.bandwidth, "B") if device.bandwidth else "bandwidth unknown"
    return f"{size}, {speed}"


def _letters(devices: Iterable[Device]) -> dict[str, str]:
    """Source -> the letter that stands for it, in order of appearance."""
    sources = dict.fromkeys(s for device in devices for s in device.source.split("; "))
    return dict(zip(sources, ascii_letters, strict=False))


def _row(device: Device, letters: dict[str, str]) -> tuple[str, ...]:
    peaks = [_scaled(device.best(fmt), 1e12) for fmt in _FORMATS]
    sources = "".join(letters[source] for source in device.source.split("; "))
    mark = "derived" if device.derived else sources
    size = _scaled(device.memory_bytes, 2**30)
    return (device.id, *peaks, _scaled(device.bandwidth, 1e9), size, device.date, mark)


def _scaled(value: float | None, unit: float) -> str:
    return _ABSENT if value is None else f"{value / unit:.4g}"


def _set(row: Sequence[str], widths: Sequence[int]) -> str:
    """Names and sources to the left, numbers to the right."""
    cells = [
        cell.rjust(width) if 0 < i < len(row) - 1 else cell.ljust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()
