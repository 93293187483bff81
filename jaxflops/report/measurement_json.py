"""A measurement as plain JSON data: every sample, every count, and what they were held against."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxflops.contractions import open_symbols
from jaxflops.polynomial import Count
from jaxflops.report import files

if TYPE_CHECKING:
    from jaxflops.machine.device import Device
    from jaxflops.machine.utilization import Utilization
    from jaxflops.measurement import Measurement

FORMAT, VERSION = "jaxflops.measurement", 1


def dump(measurement: Measurement, path: str | Path | None = None) -> dict[str, Any]:
    """Everything as plain data, written to `path` when given; open counts are text."""
    timing = measurement.timing
    summary = timing.summary
    data = {
        "format": FORMAT,
        "version": VERSION,
        "name": timing.name,
        "environment": dict(timing.environment),
        "devices": timing.devices,
        "device": _device(measurement.device),
        "stage_seconds": dict(timing.stage_seconds),
        "warm_up_seconds": list(timing.warm_up),
        "sample_seconds": list(timing.samples),
        "calls_per_sample": timing.inner,
        "median_seconds": summary.median,
        "spread_seconds": summary.spread,
        "median_interval": summary.interval._asdict(),
        "memory_bytes": timing.memory._asdict(),
        "counts": _counts(measurement),
        "mfu": _utilization(measurement, "model"),
        "hfu": _utilization(measurement, "hardware"),
        "notes": list(timing.notes),
        "warnings": list(timing.warnings),
    }
    if path is not None:
        files.write(json.dumps(data, indent=1) + "\n", path)
    return data


def _device(device: Device | None) -> dict[str, Any] | None:
    if device is None:
        return None
    names = ("id", "name", "derived", "source", "date", "confidence")
    return {name: getattr(device, name) for name in names}


def _counts(measurement: Measurement) -> dict[str, int | str] | None:
    analysis = measurement.analysis
    if analysis is None:
        return None
    names = ("matmul_flops", "flops", "transcendentals", "bytes_unfused")
    return {name: _plain(getattr(analysis, name)) for name in names}


def _plain(count: Count) -> int | str:
    return count if isinstance(count, int) else str(count)


def _utilization(measurement: Measurement, which: str) -> dict[str, Any] | str | None:
    """Numerator, denominator and value; the reason where open loops leave none."""
    tree = measurement.analysis.tree if measurement.analysis else None
    tree = measurement.compiled if which == "hardware" else tree
    if tree is not None and (symbols := open_symbols(tree)):
        return f"open trip counts: {', '.join(symbols)}"
    used: Utilization | None = getattr(measurement, which)
    if used is None:
        return None
    return {
        "value": used.value,
        "flops": {str(kind): flops for kind, flops in used.flops.items()},
        "peak_seconds": used.peak_seconds,
        "against": used.against,
        "kinds_without_peak": [str(kind) for kind in used.missing],
    }
