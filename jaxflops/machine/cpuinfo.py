"""What `/proc/cpuinfo` and its neighbours say about this machine's processor."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

_MAX_KHZ = Path("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq")


@dataclass(frozen=True)
class CpuInfo:
    """One processor as its kernel describes it; numbers are -1 and texts empty where unsaid.

    vendor: vendor_id, or the implementer's code on Arm; part: Arm's part number.
    cores: physical cores that this process may use. clock_hz: and where that figure is from.
    """

    vendor: str
    family: int
    model: int
    part: str
    name: str
    flags: frozenset[str]
    cores: int
    clock_hz: float | None
    clock_source: str


def read(
    text: str,
    usable: AbstractSet[int] | None = None,
    max_khz: int | None = None,
    limit: int | None = None,
) -> CpuInfo | None:
    """The processor of a `/proc/cpuinfo` text; None when the text describes none.

    usable: logical processors that the process may run on (all). max_khz: the kernel's maximal
    clock (else the clock in the name, else the current one). limit: at most so many cores.
    """
    blocks = [_fields(block) for block in re.split(r"\n\s*\n", text) if "processor" in block]
    if not blocks:
        return None
    first = blocks[0]
    mine = [b for b in blocks if usable is None or _number(b, "processor") in usable]
    cores = len({_core(block) for block in mine})
    clock, source = _clock(first, max_khz)
    return CpuInfo(
        vendor=first.get("vendor_id") or first.get("CPU implementer", ""),
        family=_number(first, "cpu family"),
        model=_number(first, "model"),
        part=first.get("CPU part", ""),
        name=first.get("model name", ""),
        flags=frozenset((first.get("flags") or first.get("Features", "")).split()),
        cores=cores if limit is None else min(cores, limit),
        clock_hz=clock,
        clock_source=source,
    )


def read_this_machine() -> CpuInfo | None:
    """The processor under this process, with the cores that XLA will use; None off Linux."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return None
    khz = int(_MAX_KHZ.read_text("ascii")) if _MAX_KHZ.exists() else None
    return read(text, os.sched_getaffinity(0), khz, thread_limit(os.environ))


def thread_limit(environment: Mapping[str, str]) -> int | None:
    """XLA:CPU's own limit of threads, PJRT_NPROC before NPROC; it ignores OMP_NUM_THREADS."""
    for name in ("PJRT_NPROC", "NPROC"):
        if environment.get(name, "").isdigit() and int(environment[name]) > 0:
            return int(environment[name])
    return None


def memory_bytes(meminfo: str) -> int | None:
    """Installed memory of a `/proc/meminfo` text."""
    found = re.search(r"^MemTotal:\s+(\d+) kB", meminfo, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _fields(block: str) -> dict[str, str]:
    pairs = (line.split(":", 1) for line in block.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def _number(block: Mapping[str, str], key: str) -> int:
    text = block.get(key, "")
    return int(text) if text.isdigit() else -1


def _core(block: Mapping[str, str]) -> tuple[str, str]:
    """Hardware threads of one core share this; without topology each processor is a core."""
    if "core id" in block:
        return block.get("physical id", ""), block["core id"]
    return "", block["processor"]


def _clock(block: Mapping[str, str], max_khz: int | None) -> tuple[float | None, str]:
    if max_khz:
        return max_khz * 1e3, "the kernel's maximum"
    if named := re.search(r"@ ([\d.]+)GHz", block.get("model name", "")):
        return float(named[1]) * 1e9, "the nominal clock in its name; boost is higher"
    if "cpu MHz" in block:
        return float(block["cpu MHz"]) * 1e6, "as the kernel reports it now; boost may be higher"
    return None, ""
