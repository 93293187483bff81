"""`Timing`: how long a program took, stage by stage and call by call, and how that was measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, NamedTuple

import jax

from jaxflops.errors import JaxflopsError
from jaxflops.machine import calls, stages
from jaxflops.machine.environment import environment
from jaxflops.machine.inputs import Inputs
from jaxflops.machine.sampling import Plan, Progress, Samples, Work, sample
from jaxflops.machine.stages import Clock, Staged, reason
from jaxflops.machine.statistics import Summary, summarize

_OUT_OF_MEMORY = ("RESOURCE_EXHAUSTED", "out of memory", "Out of memory")


class Memory(NamedTuple):
    """Bytes on one device.

    planned: arguments + results + temporaries - donated, by the compiler; None where it is silent.
    peak: the most the allocator has held since the process began; None where it is silent (CPU).
    """

    planned: int | None
    peak: int | None


@dataclass(frozen=True)
class Timing:
    """Seconds of one program on one machine; every sample is kept.

    stage_seconds: `trace`, `lower` and `compile`, those that ran here.
    warm_up, samples: seconds per call, in order; `inner` calls make a sample.
    devices: how many the executable uses; device_kind, platform: of the first.
    environment: versions, flags and processor. memory: of the first device. notes: how it was
      measured. failure: what ended it early.
    executable: the compiled program that was timed; it and `cause` are not pickled.
    """

    name: str
    device_kind: str
    platform: str
    devices: int
    stage_seconds: Mapping[str, float]
    warm_up: tuple[float, ...]
    samples: tuple[float, ...]
    inner: int
    settled: bool
    memory: Memory
    notes: tuple[str, ...]
    failure: str = ""
    cause: BaseException | None = field(default=None, repr=False, compare=False)
    executable: jax.stages.Compiled | None = field(default=None, repr=False, compare=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        """Without what belongs to this process: the executable, an exception's traceback."""
        return {**self.__dict__, "executable": None, "cause": None}

    @cached_property
    def summary(self) -> Summary:
        """Median, spread, interval, drift. Raises JaxflopsError when there are no samples."""
        if not self.samples:
            raise JaxflopsError(self.failure or f"{self.name}: no samples were taken")
        return summarize(self.samples)

    @property
    def median(self) -> float:
        """Seconds per call."""
        return self.summary.median

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why the median should not be trusted, a sentence each."""
        cold = f"the warm-up ended before the time was stable (calls: {len(self.warm_up)})"
        found = () if self.settled else (cold,)
        return (*((self.failure,) if self.failure else ()), *found, *self.summary.warnings)

    def check(self) -> Timing:
        """The timing itself; raises JaxflopsError with the reason and the results so far."""
        if self.failure:
            raise JaxflopsError(self.failure) from self.cause
        return self


def time_call(  # noqa: PLR0913  # the options of a front door
    target: Any,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    static_argnums: int | Sequence[int] = (),
    feed: calls.Feed | None = None,
    rotate: int = 1,
    plan: Plan = Plan(),  # noqa: B008  # frozen
    inputs: Inputs | None = None,
    clock: Clock = time.perf_counter,
    progress: Progress = lambda *_: None,
) -> Timing:
    """Compile and time a program; abstract arguments are drawn at random from a fixed seed.

    target: a function, a jitted function, or a jax.stages Traced, Lowered or Compiled.
    feed: `(outputs, args) -> next args`, for donated state that is too large to copy. The arrays
      given as donated arguments are then used up, as by any call; without feed they are copied.
    rotate: so many copies of the arguments are taken in turn, against caches that hold them.
    Raises TraceError or JaxflopsError when the program does not trace, lower or compile. When it
    fails to run, the timing holds the samples so far and `failure`; `check()` raises it.
    """
    staged = stages.stage(target, args, kwargs or {}, static_argnums, clock)
    inputs = Inputs() if inputs is None else inputs
    ready = partial(calls.prepare, staged, feed=feed, rotate=rotate)
    taken, notes = _run(staged, inputs, ready, lambda work: sample(work, plan, clock, progress))
    first = staged.devices[0]
    failed = taken.failure
    return Timing(
        name=staged.name,
        device_kind=first.device_kind,
        platform=first.platform,
        devices=len(staged.devices),
        stage_seconds=staged.seconds,
        warm_up=taken.warm_up,
        samples=taken.samples,
        inner=taken.inner,
        settled=taken.settled,
        memory=Memory(_planned(staged.compiled), _peak(first)),
        notes=(*notes, *staged.notes),
        failure=_explain(staged, taken) if failed else "",
        cause=failed,
        executable=staged.compiled,
        environment={k: v for k, v in environment(first).items() if k != "machine"},
    )


def _run(
    staged: Staged,
    inputs: Inputs,
    prepare: Callable[[list[Any]], tuple[Work, str]],
    take: Callable[[Work], Samples],
) -> tuple[Samples, tuple[str, ...]]:
    """Samples, and how they were taken; making the arguments can run out of memory too."""
    try:
        work, note = prepare(inputs.concrete(staged.leaves, staged.shardings))
    except Exception as error:  # noqa: BLE001  # whatever the backend raises
        return Samples((), (), 1, settled=False, failure=error), ()
    return take(work), (note, *((inputs.note,) if inputs.note else ()))


def _explain(staged: Staged, taken: Samples) -> str:
    assert taken.failure is not None
    where = f"{staged.name}: failed "
    where += (
        "before its first call" if not taken.warm_up else f"after {len(taken.warm_up)} warm-up "
    )
    if taken.warm_up:
        where += f"calls and {len(taken.samples)} samples"
    if taken.samples:
        where += f" (median {summarize(taken.samples).median:.3g} s)"
    return f"{where}: {reason(taken.failure)}{_remedy(staged, str(taken.failure))}"


def _remedy(staged: Staged, message: str) -> str:
    if not any(mark in message for mark in _OUT_OF_MEMORY):
        return ""
    planned = _planned(staged.compiled)
    needs = f"the program plans {planned:,} bytes a device; " if planned else ""
    copies = "pass feed= so that donated state is not copied, or " if any(staged.donated) else ""
    return f". Out of memory: {needs}{copies}make it smaller"


def _planned(compiled: Any) -> int | None:
    try:
        sizes = compiled.memory_analysis()
    except (NotImplementedError, RuntimeError):  # a backend without the analysis
        return None
    if sizes is None:
        return None
    given = sizes.argument_size_in_bytes + sizes.output_size_in_bytes
    return int(given + sizes.temp_size_in_bytes - sizes.alias_size_in_bytes)


def _peak(device: jax.Device) -> int | None:
    stats = device.memory_stats() if device.process_index == jax.process_index() else None
    return (stats or {}).get("peak_bytes_in_use")
