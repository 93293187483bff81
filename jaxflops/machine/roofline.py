"""The roofline model: the least time that work can take, given peaks and a bandwidth.

Williams, Waterman and Patterson, "Roofline: an insightful visual performance model" (2009).
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from jaxflops.errors import JaxflopsError
from jaxflops.machine.ceilings import Ceilings
from jaxflops.machine.device import Device
from jaxflops.machine.peaks import peak_for
from jaxflops.tree import Kind

Bound = Literal["compute", "memory", "unknown"]


@dataclass(frozen=True)
class Roofs:
    """Limits of one device, from one source.

    against: which source, in words; every number that depends on them says it.
    peak: kind -> FLOP/s; bandwidth: bytes of the working set -> bytes/s. None: unknown.

    Pickled where its functions are; a lambda is not, and then JaxflopsError says what is.
    """

    against: str
    peak: Callable[[Kind], float | None]
    bandwidth: Callable[[int], float | None]

    def __reduce__(self) -> tuple[Any, ...]:
        parts = self.against, self.peak, self.bandwidth
        try:
            pickle.dumps(parts)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise JaxflopsError(
                f"roofs of {self.against!r} hold functions that cannot be pickled ({error}): "
                "define them in a module, or keep the result with to_json()"
            ) from error
        return Roofs, parts

    def __deepcopy__(self, memo: dict[int, Any]) -> Roofs:
        """Themselves: roofs do not change."""
        return self


def datasheet(device: Device) -> Roofs:
    """The peaks of the table, or derived ones, which it then says."""
    source = "derived peaks" if device.derived else "datasheet peaks"
    against = f"{source} of {device.name}"
    return Roofs(against, partial(_peak, device), partial(_bandwidth, device))


def _peak(device: Device, kind: Kind) -> float | None:
    found = peak_for(kind, device)
    return found.flops_per_second if found else None


def _bandwidth(device: Device, _working_set: int) -> float | None:
    return device.bandwidth


def measured(ceilings: Ceilings) -> Roofs:
    """The best rates seen on this machine."""
    against = f"ceilings measured on this {ceilings.device_kind}, {ceilings.date}"
    return Roofs(against, ceilings.peak, ceilings.bandwidth)


@dataclass(frozen=True)
class Ideal:
    """The least seconds of some work on one device: both sides of the roof, and their greater.

    compute_seconds: sum over kinds of FLOPs / peak. memory_seconds: bytes / bandwidth; None when
    the bandwidth is unknown. missing: kinds without a known peak, whose seconds are not in it.
    """

    compute_seconds: float
    memory_seconds: float | None
    missing: tuple[Kind, ...] = ()

    @property
    def seconds(self) -> float:
        """The greater side: arithmetic and traffic can at best overlap entirely."""
        return max(self.compute_seconds, self.memory_seconds or 0.0)

    @property
    def bound(self) -> Bound:
        """Which side is the greater; unknown when a part of either is."""
        if self.missing or self.memory_seconds is None:
            return "unknown"
        return "compute" if self.compute_seconds >= self.memory_seconds else "memory"


def ideal(flops: Mapping[Kind, int], traffic: int, roofs: Roofs, devices: int = 1) -> Ideal:
    """The least seconds of `flops` by kind and `traffic` bytes, divided evenly among devices."""
    peaks = {kind: roofs.peak(kind) for kind, number in flops.items() if number}
    compute = sum(flops[kind] / peak for kind, peak in peaks.items() if peak)
    # An array that is read and written is in the traffic twice, and in the working set once.
    bandwidth = roofs.bandwidth(traffic // (2 * devices))
    return Ideal(
        compute_seconds=compute / devices,
        memory_seconds=traffic / bandwidth / devices if bandwidth else None,
        missing=tuple(kind for kind, peak in peaks.items() if not peak),
    )


def in_sequence(parts: Iterable[Ideal]) -> float:
    """Seconds of operations that run one after another, each at its own roof."""
    return sum(part.seconds for part in parts)


def intensity(flops: int, traffic: int) -> float:
    """Arithmetic intensity in FLOP per byte; infinite without traffic."""
    return flops / traffic if traffic else float("inf")


def ridge(peak: float, bandwidth: float) -> float:
    """The intensity from which on a device is bound by arithmetic, in FLOP per byte."""
    return peak / bandwidth


def attainable(at: float, peak: float, bandwidth: float) -> float:
    """FLOP/s under the roof at an intensity."""
    return min(peak, at * bandwidth)
