"""Measured ceilings, kept between processes for as long as their environment is the same."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jax

from jaxflops.errors import JaxflopsError
from jaxflops.machine import ceilings as measure
from jaxflops.machine.ceilings import Ceilings, Point
from jaxflops.machine.environment import environment
from jaxflops.machine.peaks import ceiling_key
from jaxflops.machine.stages import Clock
from jaxflops.tree import Kind

FORMAT = 1
KINDS: tuple[Kind, ...] = (
    Kind(("float32", "float32"), "float32"),
    Kind(("float32", "float32"), "float32", "HIGHEST"),
    Kind(("bfloat16", "bfloat16"), "bfloat16"),
)


def ceilings(
    kinds: Iterable[Kind] = KINDS,
    *,
    device: jax.Device | None = None,
    refresh: bool = False,
    directory: Path | None = None,
    clock: Clock = time.perf_counter,
) -> Ceilings:
    """Ceilings of this machine for those kinds: from the cache, and what is missing measured now.

    A first measurement takes some ten seconds on a CPU; close what else runs. Kept in
    `$XDG_CACHE_HOME/jaxflops`. A kind that the backend cannot run has no ceiling.
    refresh: measure all again, and keep the better at every size: what was seen once is possible.
    """
    device = jax.devices()[0] if device is None else device
    now = environment(device)
    path = (directory or cache_directory()) / f"ceilings-{_digest(now)}.json"
    known = load(path)
    found = known if known and not refresh else _start(device, now, clock)
    wanted = {key: kind for kind in kinds if (key := ceiling_key(kind)) is not None}
    missing = {key: kind for key, kind in wanted.items() if key not in found.matmul}
    if missing:
        new = {key: _matmul(kind, device, clock) for key, kind in missing.items()}
        found = replace(found, matmul={**found.matmul, **new})
    if known is not None and found is not known:
        found = found.best(known)
    if found is not known:
        save(found, path)
    return found


def cache_directory(variables: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_CACHE_HOME/jaxflops`, or `~/.cache/jaxflops`."""
    home = variables.get("XDG_CACHE_HOME", "")
    return (Path(home) if home else Path.home() / ".cache") / "jaxflops"


def save(found: Ceilings, path: Path) -> None:
    """Write them at once or not at all; a directory that cannot be written keeps nothing."""
    text = json.dumps({"format": FORMAT, **asdict(found)}, indent=1)
    partial = path.with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, "utf-8")
        partial.replace(path)
    with suppress(OSError):
        partial.unlink(missing_ok=True)


def load(path: Path) -> Ceilings | None:
    """The ceilings of a file; None when it is missing, damaged or of another format."""
    try:
        data = json.loads(path.read_text("utf-8"))
        if data.pop("format") != FORMAT:
            return None
        matmul = {key: _points(rows) for key, rows in data.pop("matmul").items()}
        return Ceilings(matmul=matmul, stream=_points(data.pop("stream")), **data)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _points(rows: Iterable[Any]) -> tuple[Point, ...]:
    return tuple(Point(int(size), float(rate)) for size, rate in rows)


def _start(device: jax.Device, now: Mapping[str, str], clock: Clock) -> Ceilings:
    return Ceilings(
        device_kind=device.device_kind,
        environment=now,
        matmul={},
        stream=measure.measure_stream(device, clock),
        dispatch_seconds=measure.measure_dispatch(device, clock),
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
    )


def _matmul(kind: Kind, device: jax.Device, clock: Clock) -> tuple[Point, ...]:
    try:
        return measure.measure_matmul(kind, device, clock)
    except JaxflopsError:
        return ()


def _digest(now: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(now, sort_keys=True).encode()).hexdigest()[:16]
