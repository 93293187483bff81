"""`jf.measure`: time a program and count it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax

from jaxflops.analysis import analyze
from jaxflops.differentiated import differentiated
from jaxflops.errors import JaxflopsError
from jaxflops.hlo.context import Options as HloOptions
from jaxflops.hlo.ir import HloError
from jaxflops.hlo.module import read_module
from jaxflops.hlo.walk import walk as walk_hlo
from jaxflops.jaxpr.program import Mode
from jaxflops.machine.calls import Feed
from jaxflops.machine.device import Device
from jaxflops.machine.devices import device as find_device
from jaxflops.machine.inputs import Inputs
from jaxflops.machine.roofline import datasheet
from jaxflops.machine.sampling import Plan, Progress
from jaxflops.machine.stages import Clock
from jaxflops.machine.timing import Timing, time_call
from jaxflops.measurement import Measurement
from jaxflops.polynomial import Count
from jaxflops.report.progress import Bar
from jaxflops.results import Analysis
from jaxflops.tree import Node


def measure(  # noqa: PLR0913 - the options of one front door
    fn: Any,
    *misplaced: Any,
    mode: Mode = "call",
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    feed: Feed | None = None,
    rotate: int = 1,
    static_argnums: int | Sequence[int] = (),
    trip_counts: Mapping[str, Count] | None = None,
    device: str | Device | None = None,
    samples: int | None = None,
    seconds: float = 2.0,
    seed: int = 0,
    integers: tuple[int, int] = (0, 128),
    progress: Progress | None = None,
    clock: Clock = time.perf_counter,
) -> Measure:
    """Time `fn` and count it: `jf.measure(step)(*args) -> Measurement`.

    fn: a function, jitted or not, or a `jax.stages` Traced, Lowered or Compiled (those last two
      are timed, and not counted).
    mode, argnums, has_aux: as in `jf.analyze`, but for "vjp", which is no program to run.
    feed: `(outputs, args) -> next args`: chains the calls, for donated state too large to copy.
      Without it donated arguments are copied before each call, and your arrays survive.
    rotate: take so many copies of the arguments in turn. Small ones stay in a cache between calls,
      as they do not in a program that does other work; choose n so that n times their bytes do not.
    static_argnums: as in `jax.jit`. trip_counts: as in `jf.analyze`.
    device: whose peaks to use, by name or as a `jf.device(...)`, when not the one it runs on.
    samples: exactly so many; else for `seconds`. seed, integers: of arguments that are abstract;
      integers are drawn from [low, high).
    progress: called with (samples taken, share of the work done) after each sample; a bar on
      standard error when that is a terminal and the run is long, if left out.

    Raises TraceError or JaxflopsError with what failed, and after how many samples.
    """
    if misplaced:
        raise JaxflopsError("the arguments go in a second call: jf.measure(fn, ...)(*args)")
    found = find_device(device) if isinstance(device, str) else device
    if isinstance(device, str) and found is None:
        raise JaxflopsError(f"device={device!r} is not known: see `jaxflops devices`")
    _check(rotate, samples, seconds, integers)
    target = differentiated(fn, mode, argnums, has_aux=has_aux)
    options: dict[str, Any] = {"static_argnums": static_argnums, "feed": feed, "clock": clock}
    options["rotate"] = rotate
    options["progress"] = Bar() if progress is None else progress
    plan = Plan(samples=samples, seconds=seconds)
    return Measure(target, found, plan, Inputs(seed, integers), trip_counts or {}, options)


def _check(rotate: int, samples: int | None, seconds: float, integers: tuple[int, int]) -> None:
    if rotate < 1:
        raise JaxflopsError(f"rotate={rotate}: write how many copies to take in turn, 1 or more")
    if samples is not None and samples < 1:
        raise JaxflopsError(f"samples={samples}: write how many to take, 1 or more")
    if not seconds > 0:
        raise JaxflopsError(f"seconds={seconds}: write how long to take samples, more than 0")
    if not integers[0] < integers[1]:
        raise JaxflopsError(f"integers={integers}: write (low, high), low being less than high")


@dataclass(frozen=True)
class Measure:
    """`jf.measure(fn, ...)`, waiting for the function's arguments."""

    fn: Any
    device: Device | None
    plan: Plan
    inputs: Inputs
    trip_counts: Mapping[str, Count]
    options: Mapping[str, Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Measurement:  # noqa: D102 - the class says it
        inputs = replace(self.inputs, made={})
        timing = time_call(
            self.fn, args, kwargs, plan=self.plan, inputs=inputs, **self.options
        ).check()
        known = self.device or find_device(timing.device_kind)
        roofs = datasheet(known) if known else None
        tree, unread = self._read(timing)
        return Measurement(timing, self._count(args, kwargs), known, roofs, tree, unread)

    def _read(self, timing: Timing) -> tuple[Node | None, str]:
        """The compiled program's tree, or why there is none."""
        options = HloOptions(trip_counts=tuple(self.trip_counts.items()))
        try:
            return walk_hlo(read_module(timing.executable), options), ""
        except HloError as error:
            return None, str(error)

    def _count(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Analysis | None:
        if isinstance(self.fn, (jax.stages.Lowered, jax.stages.Compiled)):
            return None
        static = self.options["static_argnums"]
        count = analyze(self.fn, static_argnums=static, trip_counts=self.trip_counts)
        return count() if isinstance(self.fn, jax.stages.Traced) else count(*args, **kwargs)

    def __repr__(self) -> str:
        name = getattr(self.fn, "__name__", "program")
        return f"<jf.measure({name}): call it with {name}'s arguments>"
