"""Peaks of a CPU, derived: FLOP per cycle of its instruction set x cores x clock."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from jaxflops.machine import cpuinfo
from jaxflops.machine.cpuinfo import CpuInfo
from jaxflops.machine.device import Device

_SOURCE = "derived: FLOP per cycle and core (jaxflops/machine/data/cpus.toml) x cores x clock"


def this_cpu(shared_by: int = 1) -> Device | None:
    """The processor under this process as one JAX device; None for an unknown microarchitecture.

    shared_by: how many JAX devices divide its cores (`xla_force_host_platform_device_count`).
    """
    info = cpuinfo.read_this_machine()
    if info is None:
        return None
    meminfo = Path("/proc/meminfo")
    memory = cpuinfo.memory_bytes(meminfo.read_text("utf-8")) if meminfo.exists() else None
    return derive(info, shared_by, memory)


def derive(info: CpuInfo, shared_by: int = 1, memory_bytes: int | None = None) -> Device | None:
    """Peaks of a described processor; None without a row for it, or without a clock."""
    row = next((row for row in table() if _fits(row, info)), None)
    if row is None or info.clock_hz is None:
        return None
    scale = info.cores * info.clock_hz / shared_by
    peak = {fmt: rate * scale for fmt, rate in _rates(row, info).items()}
    return Device(
        id="cpu",
        name=f"{info.name or row['name']} ({info.cores} cores)",
        platform="cpu",
        arch=row["name"],
        peak=peak,
        vector={},
        bandwidth=None,
        memory_bytes=memory_bytes,
        links=None,
        source=_SOURCE,
        date="2026-11",
        confidence="derived",
        derived=True,
        notes=_notes(row, info, shared_by),
    )


@lru_cache(maxsize=1)
def table() -> Sequence[Mapping[str, Any]]:
    """The rows of data/cpus.toml."""
    text = resources.files("jaxflops.machine").joinpath("data/cpus.toml").read_text("utf-8")
    rows: list[Mapping[str, Any]] = tomllib.loads(text)["cpu"]
    return rows


def _fits(row: Mapping[str, Any], info: CpuInfo) -> bool:
    return (
        row["vendor"] == info.vendor
        and info.family in row.get("family", [info.family])
        and info.model in row.get("models", [info.model])
        and info.part in row.get("parts", [info.part])
        and re.search(row.get("named", ""), info.name) is not None
        and info.flags.issuperset(row.get("has", ()))
        and info.flags.isdisjoint(row.get("lacks", ()))
    )


def _rates(row: Mapping[str, Any], info: CpuInfo) -> dict[str, int]:
    rates = dict(row["rate"])
    for extra in row.get("with", ()):
        if extra["flag"] in info.flags:
            rates |= extra["rate"]
    return rates


def _notes(row: Mapping[str, Any], info: CpuInfo, shared_by: int) -> tuple[str, ...]:
    clock = f"{info.clock_hz / 1e9:.3f} GHz" if info.clock_hz else "unknown clock"
    notes = [f"{row['name']}: {row['rule']}", f"clock {clock}: {info.clock_source}"]
    if shared_by > 1:
        notes.append(f"{shared_by} JAX devices share its cores: each is given that share")
    return tuple(notes)
