"""`Measurement`: a program's exact counts joined with how long it takes: FLOP/s, MFU and HFU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from jaxflops.contractions import closed, of_every_phase, of_the_model
from jaxflops.errors import JaxflopsError
from jaxflops.machine.device import Device
from jaxflops.machine.roofline import Roofs
from jaxflops.machine.statistics import Interval
from jaxflops.machine.timing import Timing
from jaxflops.machine.utilization import Utilization, utilization
from jaxflops.polynomial import Count
from jaxflops.report import measurement as report
from jaxflops.report import measurement_json
from jaxflops.results import Analysis
from jaxflops.roofline import Roofline, roofline
from jaxflops.tree import Kind, Node


@dataclass(frozen=True)
class Measurement:
    """What `jf.measure` returns: a timing, the counts of the program timed, and its device.

    analysis: None where there is nothing to count from (a `Lowered` or `Compiled`).
    device: None when no source gives its peaks; then there is no MFU.
    roofs: whose peaks utilization is held against; the device's datasheet unless `against` says.
    compiled: what one device runs, read from the compiled program; None when `unread` says why.

    Pickled without the executable (`timing.executable` is then None): the counts, samples and
    peaks travel.
    """

    timing: Timing
    analysis: Analysis | None
    device: Device | None
    roofs: Roofs | None = field(repr=False)
    compiled: Node | None = field(default=None, repr=False)
    unread: str = ""

    @property
    def trace_seconds(self) -> float | None:
        """Seconds of tracing; None when it was traced before."""
        return self.timing.stage_seconds.get("trace")

    @property
    def lower_seconds(self) -> float | None:
        """Seconds of lowering; None when it was lowered before."""
        return self.timing.stage_seconds.get("lower")

    @property
    def compile_seconds(self) -> float | None:
        """Seconds of compiling, without tracing and lowering; None when it was compiled before."""
        return self.timing.stage_seconds.get("compile")

    @property
    def samples(self) -> tuple[float, ...]:
        """Seconds per call, every sample, in order."""
        return self.timing.samples

    @property
    def median(self) -> float:
        """Median seconds per call."""
        return self.timing.median

    @property
    def spread(self) -> float:
        """Median absolute deviation x 1.4826, in seconds."""
        return self.timing.summary.spread

    @property
    def interval(self) -> Interval:
        """Confidence interval of the median, in seconds."""
        return self.timing.summary.interval

    @property
    def flops_per_second(self) -> float:
        """FLOPs asked for (contractions and other), of all devices, over median seconds."""
        return closed(self._counted.flops, "flops_per_second") / self.median

    @property
    def bytes_per_second(self) -> float:
        """`bytes_unfused` over median seconds: an assumption about traffic, not a measurement."""
        return closed(self._counted.bytes_unfused, "bytes_per_second") / self.median

    @cached_property
    def model(self) -> Utilization | None:
        """MFU with its numerator, denominator and what it is held against; None without peaks.

        Raises JaxflopsError, naming the loop, when a trip count is open.
        """
        if self.analysis is None:
            return None
        return self._used(of_the_model(self.analysis.tree), "MFU", 1)

    @cached_property
    def hardware(self) -> Utilization | None:
        """HFU, as `model` is MFU: of what the compiled program runs, on all its devices."""
        if self.compiled is None:
            return None
        return self._used(of_every_phase(self.compiled), "HFU", self.timing.devices)

    def _used(self, counted: Mapping[Kind, Count], what: str, copies: int) -> Utilization | None:
        if self.roofs is None:
            return None
        flops = {kind: closed(count, what) * copies for kind, count in counted.items()}
        return utilization(flops, self.median, self.roofs, self.timing.devices)

    @property
    def mfu(self) -> float | None:
        """Model FLOPs utilization, 1 being the peak; None when a peak is unknown."""
        return self.model.value if self.model else None

    @cached_property
    def repeated_by_hand(self) -> int:
        """FLOPs in MFU's numerator by which backward rules (`custom_vjp`) redo forward products."""
        rows = self._counted.derivation.rows
        redone = [row.flops for row in rows if row.again and row.phase == "backward"]
        return sum(closed(flops, "MFU") for flops in redone)

    @cached_property
    def replicated(self) -> int:
        """FLOPs left out of MFU's numerator, because one device more does the same work."""
        tree = self._counted.tree
        done, once = of_the_model(tree, replicated=True), of_the_model(tree)
        return closed(sum(done.values()) - sum(once.values()), "MFU")

    @property
    def hfu(self) -> float | None:
        """Hardware FLOPs utilization: contractions of the compiled program, recompute included."""
        return self.hardware.value if self.hardware else None

    def roofline(self) -> Roofline:
        """The least seconds of each operation, and of the step, against those that it took."""
        if self.roofs is None:
            raise JaxflopsError(
                f"no peaks are known for {self.timing.device_kind}: use measurement.against(roofs)"
            )
        devices, seconds = self.timing.devices, self.median
        return roofline(self._counted, roofs=self.roofs, devices=devices, seconds=seconds)

    def to_json(self, path: str | Path | None = None) -> dict[str, Any]:
        """Samples, counts and utilization as plain data; written to `path` when given."""
        return measurement_json.dump(self, path)

    def against(self, roofs: Roofs) -> Measurement:
        """The same measurement with utilization held against other peaks, as measured ceilings."""
        return replace(self, roofs=roofs)

    @property
    def _counted(self) -> Analysis:
        if self.analysis is None:
            raise JaxflopsError(
                f"{self.timing.name} was compiled already, so there is no program to count: "
                "measure the function itself"
            )
        return self.analysis

    def __copy__(self) -> Measurement:
        """Itself: a measurement does not change."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Measurement:
        """Itself: a measurement does not change, and its executable cannot be copied."""
        return self

    def __str__(self) -> str:
        return report.text(self)
