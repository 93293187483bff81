"""Devices that the user describes: a TOML file that the variable JAXFLOPS_DEVICES names.

    [[device]]
    id = "my-accelerator"
    kinds = ["My Accelerator.*"]  # regular expressions over jax.Device.device_kind
    platform = "cuda"             # which rules choose a peak by precision: cuda, rocm, tpu, cpu
    peak = { bf16 = 250e12, fp32 = 60e12 }  # dense FLOP/s of one JAX device, by format
    bandwidth = 1.2e12            # bytes/s; may be left out, as memory_bytes, name and notes may
    source = "vendor's datasheet"
    date = "2026-11"

Its rows come before the table's and before what is derived of a CPU.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jaxflops.errors import JaxflopsError
from jaxflops.machine.device import FORMATS, Device

VARIABLE = "JAXFLOPS_DEVICES"
Rows = Mapping[str, tuple[Device, tuple[re.Pattern[str], ...]]]
_NEEDED = {"id": str, "kinds": list, "platform": str, "peak": dict, "source": str, "date": str}
_ALLOWED = {"name": str, "bandwidth": float, "memory_bytes": int, "vector": dict, "notes": list}
_PLATFORMS = ("cuda", "rocm", "tpu", "cpu")


@lru_cache(maxsize=8)
def read(path: str) -> Rows:
    """Row id -> the device and its patterns. Raises JaxflopsError that says what to write."""
    try:
        data = tomllib.loads(Path(path).expanduser().read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise JaxflopsError(f"{VARIABLE}={path}: cannot be read as TOML: {error}") from error
    rows: Any = data.get("device")
    if not _are_tables(rows) or set(data) != {"device"}:
        raise JaxflopsError(f"{VARIABLE}={path}: write one table [[device]] for each device")
    found = [_row(path, row) for row in rows]
    ids = [name for name, _ in found]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise JaxflopsError(f"{VARIABLE}={path}: two devices are called {', '.join(twice)}")
    return dict(found)


def _are_tables(rows: Any) -> bool:
    return isinstance(rows, list) and all(isinstance(row, dict) for row in rows)


def _row(path: str, row: dict[str, Any]) -> tuple[str, tuple[Device, tuple[re.Pattern[str], ...]]]:
    _check(path, row)
    made = Device(
        id=row["id"],
        name=row.get("name", row["id"]),
        platform=row["platform"],
        arch="",
        peak={fmt: float(rate) for fmt, rate in row["peak"].items()},
        vector={fmt: float(rate) for fmt, rate in row.get("vector", {}).items()},
        bandwidth=row.get("bandwidth"),
        memory_bytes=row.get("memory_bytes"),
        links=None,
        source=row["source"],
        date=row["date"],
        confidence=f"as {VARIABLE} says",
        notes=tuple(row.get("notes", ())),
    )
    return made.id, (made, tuple(re.compile(kind, re.IGNORECASE) for kind in row["kinds"]))


def _check(path: str, row: dict[str, Any]) -> None:
    """Every field that is needed, none that is not known, each of its type."""
    where = f"{VARIABLE}={path}, device {row.get('id', '?')!r}"
    types = _NEEDED | _ALLOWED
    if missing := [name for name in _NEEDED if name not in row]:
        raise JaxflopsError(f"{where}: {', '.join(missing)} is missing")
    if unknown := [name for name in row if name not in types]:
        raise JaxflopsError(f"{where}: {', '.join(unknown)} is no field; write {', '.join(types)}")
    for name, value in row.items():
        numbers = (int, float) if types[name] is float else types[name]
        if not isinstance(value, numbers):
            raise JaxflopsError(f"{where}: {name} = {value!r} is no {types[name].__name__}")
    if row["platform"] not in _PLATFORMS:
        raise JaxflopsError(f"{where}: platform is one of {', '.join(_PLATFORMS)}")
    _check_values(where, row)


def _check_values(where: str, row: dict[str, Any]) -> None:
    rates = [*row["peak"].items(), *row.get("vector", {}).items()]
    if wrong := [fmt for fmt, rate in rates if not _is_rate(rate)]:
        raise JaxflopsError(f"{where}: {', '.join(wrong)}: write FLOP/s, as in bf16 = 250e12")
    if wrong := [fmt for fmt, _ in rates if fmt not in FORMATS]:
        raise JaxflopsError(
            f"{where}: {', '.join(wrong)} is no format; write {', '.join(FORMATS)} (fp32 is true "
            "float32, tf32 what NVIDIA does with float32 by default)"
        )
    for name in ("bandwidth", "memory_bytes"):
        if name in row and not _is_rate(row[name]):
            raise JaxflopsError(
                f"{where}: {name} = {row[name]!r}: write more than 0, or leave it out"
            )
    for kind in row["kinds"]:
        try:
            re.compile(kind)
        except (re.error, TypeError) as error:
            raise JaxflopsError(f"{where}: kind {kind!r}: {error}") from error


def _is_rate(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and 0 < value < math.inf
