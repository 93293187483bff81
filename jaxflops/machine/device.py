"""`Device`: what one JAX device can do at most, and who says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

FORMATS = (
    *("fp64", "fp32", "tf32", "bf16", "fp16", "fp16_acc16"),
    *("fp8", "fp8_acc16", "fp6", "fp4", "int8", "int4"),
)
"""Names under which a peak is kept."""


class Links(NamedTuple):
    """How a device talks to others.

    each_way: bytes/s out of the device over all its links together (as much comes in).
    ports: number of links; hop_seconds: latency of one hop, where known.
    """

    kind: str
    each_way: float
    ports: int | None = None
    hop_seconds: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Device:
    """Peaks of one JAX device; what no source says is absent or None, never guessed.

    id: short name of the row; name: marketing name; platform: `cuda | rocm | tpu | cpu`.
    peak: dense FLOP/s of matrix units (of a CPU: of all its units) by format: `bf16 fp16 fp8
      tf32 fp32 fp64 int8 ...`, `fp16_acc16` accumulates in 16 bits. No structured sparsity.
    vector: FLOP/s of the other units, multiply-adds included.
    bandwidth: bytes/s of the main memory; memory_bytes: its size.
    source, date: where the figures come from, and when they were read.
    derived: computed from instruction set x cores x clock, not from a datasheet.
    """

    id: str
    name: str
    platform: str
    arch: str
    peak: Mapping[str, float]
    vector: Mapping[str, float]
    bandwidth: float | None
    memory_bytes: int | None
    links: Links | None
    source: str
    date: str
    confidence: str = "high"
    derived: bool = False
    notes: tuple[str, ...] = ()

    def best(self, fmt: str) -> float | None:
        """FLOP/s in a format on the fastest unit that has it; None when none is known to."""
        return self.peak.get(fmt, self.vector.get(fmt))
