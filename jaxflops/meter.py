"""`jf.MFUMeter`: step seconds, items/s and MFU of a training loop, a plain dict a step."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import Any, NoReturn

import jax

from jaxflops.analysis import analyze
from jaxflops.contractions import closed, of_the_model
from jaxflops.errors import JaxflopsError
from jaxflops.machine.device import Device
from jaxflops.machine.devices import device as find_device
from jaxflops.machine.roofline import datasheet
from jaxflops.machine.stages import Clock
from jaxflops.polynomial import Count
from jaxflops.results import Analysis

Metrics = dict[str, float]


@dataclass(frozen=True)
class MFUMeter:
    """Counts a step once, then measures every step: `jf.MFUMeter(step, items=n)(*args) -> Meter`.

        meter = jf.MFUMeter(train_step, items=batch_size)(state, batch)  # from shapes; nothing runs
        for batch in batches:
            state, loss = train_step(state, batch)
            logger.log(meter.step(loss))

    fn: the whole step, as `jf.analyze` takes it. items: what a step works through (tokens, images).
    device: whose peaks to use, by name or as a `jf.device(...)`, when not the one it runs on.
    devices: how many the step uses; those that arguments and results lie on, if left out.
    ahead: steps that may be given to the device before the meter waits for their results.
    static_argnums, trip_counts: as in `jf.analyze`. window: steps that `summary()` covers.

    Raises JaxflopsError for an unknown device name, and naming the loop whose trip count is open.
    """

    fn: Any
    items: int | None = None
    device: str | Device | None = None
    devices: int | None = None
    ahead: int = 2
    static_argnums: int | Sequence[int] = ()
    trip_counts: Mapping[str, Count] | None = None
    window: int = 100
    clock: Clock = time.perf_counter

    def __post_init__(self) -> None:
        for name, least in {"items": 1, "devices": 1, "ahead": 0, "window": 1}.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise JaxflopsError(f"{name}={value}: write {least} or more")

    def __call__(self, *args: Any, **kwargs: Any) -> Meter:  # noqa: D102 - the class says it
        found = find_device(self.device) if isinstance(self.device, str) else self.device
        if isinstance(self.device, str) and found is None:
            raise JaxflopsError(f"device={self.device!r} is not known: see `jaxflops devices`")
        count = analyze(self.fn, static_argnums=self.static_argnums, trip_counts=self.trip_counts)
        return Meter(self, count(*args, **kwargs), found, _placed((args, kwargs)))

    def step(self, *_: Any) -> NoReturn:
        """Raise: nothing is counted yet."""
        raise JaxflopsError(
            "give the meter the step's arguments first, arrays or their shapes: "
            "meter = jf.MFUMeter(step, ...)(*args), then meter.step(loss)"
        )

    def __repr__(self) -> str:
        name = getattr(self.fn, "__name__", "step")
        return f"<jf.MFUMeter({name}): call it with {name}'s arguments>"


class Meter:
    """Measures steps; what it adds to one is a look at the clock and a few divisions.

    analysis: the counts of one step.
    """

    def __init__(
        self,
        options: MFUMeter,
        analysis: Analysis,
        device: Device | None,
        placed: frozenset[jax.Device],
    ) -> None:
        self.analysis = analysis
        self._options, self._device, self._placed = options, device, placed
        self._flops = closed(analysis.flops, "flops_per_second")
        self._model = {k: closed(n, "MFU") for k, n in of_the_model(analysis.tree).items()}
        self._peak_seconds: float | None = None
        self._devices: int | None = None
        self._pending = deque[Any]()
        self._last: float | None = None
        self._step = 0
        self._seconds = deque[float](maxlen=options.window)

    def step(self, result: Any = None) -> Metrics:
        """Call once a step; the numbers of the last finished step, empty until there is one.

        result: what the step returned and the next one does not donate, such as the loss. The meter
          waits for the result of the step `ahead` steps before: the device always has steps to do,
          so that dispatch stays hidden, and the time between two results is the time of a step.
          Where the host comes late and finds two results there, one step seems long and the next
          one too short, even above the peak: `summary()` is the median, and is robust to that.
          The dict then tells of that step.
        Without a result the meter waits for nothing: wait yourself before you call it, as
        `float(loss)` does; otherwise it measures how fast steps are dispatched.

        The first step compiles and is never reported. Time that the loop spends elsewhere
        (loading data) counts, as it does in training; call `pause()` after what should not.
        """
        if self._devices is None:
            self._settle(result)
        if result is not None:
            self._pending.append(result)
            if len(self._pending) <= self._options.ahead:
                return {}
            _wait(self._pending.popleft())
        now = self._options.clock()
        last, self._last = self._last, now
        self._step += 1
        if last is None:
            return {}
        self._seconds.append(now - last)
        return self._metrics(now - last, self._step)

    def pause(self) -> None:
        """After an evaluation or a checkpoint: the time since the last step is not a step's."""
        self._step += len(self._pending)
        self._pending.clear()
        self._last = None

    def summary(self) -> Metrics:
        """The same numbers from the median seconds of the last `window` steps."""
        return self._metrics(median(self._seconds), self._step) if self._seconds else {}

    def _metrics(self, seconds: float, step: int) -> Metrics:
        found: Metrics = {"step": step, "step_seconds": seconds}
        if seconds <= 0:  # a clock too coarse for the step
            return found
        if self._options.items is not None:
            found["items_per_second"] = self._options.items / seconds
        found["flops_per_second"] = self._flops / seconds
        if self._peak_seconds is not None and self._devices:
            found["mfu"] = self._peak_seconds / (self._devices * seconds)
        return found

    def _settle(self, result: Any) -> None:
        """How many devices, and their peaks, once there is a result to see them by."""
        placed = self._placed | _placed(result)
        self._devices = self._options.devices or len(placed) or _only_device()
        first = min(placed, key=lambda d: d.id) if placed else jax.devices()[0]
        known = self._device or find_device(first)
        if known is None:
            return
        peaks = {kind: datasheet(known).peak(kind) for kind in self._model}
        if all(peaks.values()):
            self._peak_seconds = sum(n / (peaks[kind] or 1) for kind, n in self._model.items())

    def __repr__(self) -> str:
        name = self.analysis.provenance.function
        return f"<meter of {name}: {self._step} steps>"


def _placed(tree: Any) -> frozenset[jax.Device]:
    """The devices that the arrays of a tree lie on; those of all processes."""
    found: set[jax.Device] = set()
    for leaf in jax.tree.leaves(tree):
        with suppress(AttributeError, ValueError):  # no array; a mesh without devices
            found |= leaf.sharding.device_set
    return frozenset(found)


def _only_device() -> int:
    if jax.device_count() == 1:
        return 1
    raise JaxflopsError(
        f"there are {jax.device_count()} devices, and neither arguments nor results say how many "
        "the step uses: pass jf.MFUMeter(step, devices=n)"
    )


def _wait(result: Any) -> None:
    try:
        jax.block_until_ready(result)  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        if "deleted" not in str(error) and "donated" not in str(error):
            raise
        raise JaxflopsError(
            "meter.step(result) got a result that the next step used up: pass one that is not "
            "donated, such as the loss"
        ) from error
