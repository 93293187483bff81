"""How much of the peak was used: FLOPs done, over what the devices could have done meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jaxflops.errors import JaxflopsError
from jaxflops.machine.roofline import Roofs
from jaxflops.tree import Kind


@dataclass(frozen=True)
class Utilization:
    """A share of the peak, with everything that it was computed from.

    flops: numerator, of all devices together, by kind.
    peak_seconds: sum over kinds of FLOPs / peak(kind): one device's time at its peaks.
    devices, seconds: that the executable used, and that it took.
    against: whose peaks. missing: kinds without a known peak; then there is no value.
    """

    flops: Mapping[Kind, int]
    peak_seconds: float
    devices: int
    seconds: float
    against: str
    missing: tuple[Kind, ...] = ()

    @property
    def value(self) -> float | None:
        """The share, 1 being the peak; None when a kind's peak is unknown."""
        return None if self.missing else self.peak_seconds / (self.devices * self.seconds)

    @property
    def total_flops(self) -> int:
        """The numerator."""
        return sum(self.flops.values())

    @property
    def peak(self) -> float | None:
        """The denominator's FLOP/s of one device: the peaks, weighed by what each kind did."""
        if self.missing or not self.peak_seconds:
            return None
        return self.total_flops / self.peak_seconds

    @property
    def impossible(self) -> bool:
        """More than the peak: a count, a time or a peak is wrong."""
        return self.value is not None and self.value > 1


def utilization(
    flops: Mapping[Kind, int], seconds: float, roofs: Roofs, devices: int = 1
) -> Utilization:
    """FLOPs of all devices together / (peak of each one's kinds x devices x seconds).

    With model FLOPs it is MFU (PaLM, appendix B), with those of the compiled program HFU
    (Korthikanti et al. 2022). Raises JaxflopsError for a time or a number that cannot be.
    """
    if seconds <= 0 or devices < 1:
        raise JaxflopsError(
            f"utilization over {seconds} s on {devices} devices: both must be positive"
        )
    done = {kind: number for kind, number in flops.items() if number}
    peaks = {kind: roofs.peak(kind) for kind in done}
    return Utilization(
        flops=done,
        peak_seconds=sum(done[kind] / peak for kind, peak in peaks.items() if peak),
        devices=devices,
        seconds=seconds,
        against=roofs.against,
        missing=tuple(kind for kind, peak in peaks.items() if not peak),
    )
