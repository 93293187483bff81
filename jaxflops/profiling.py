"""`jf.profile`: device seconds per site, joined with what the compiled program does there."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax

from jaxflops.attribution.executions import affordable_runs
from jaxflops.attribution.join import Joined, join
from jaxflops.differentiated import differentiated
from jaxflops.errors import JaxflopsError
from jaxflops.hlo.context import Options
from jaxflops.hlo.module import read_module
from jaxflops.hlo.walk import walk
from jaxflops.jaxpr.program import Mode
from jaxflops.machine import calls
from jaxflops.machine.cpu import this_cpu
from jaxflops.machine.device import Device
from jaxflops.machine.devices import device as find_device
from jaxflops.machine.inputs import Inputs
from jaxflops.machine.roofline import datasheet
from jaxflops.machine.stages import Staged, reason, stage
from jaxflops.machine.trace_events import Event, read
from jaxflops.machine.trace_record import Recorded, record
from jaxflops.machine.trace_runs import whole_runs
from jaxflops.profiled import Profile

_TRIES = 3
APART = {"xla_gpu_enable_command_buffer": ""}
"""Compiler options: every kernel of a GPU launched by itself, so that its event has its name."""


def profile(  # noqa: PLR0913 - the options of one front door
    fn: Any,
    *misplaced: Any,
    mode: Mode = "call",
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    static_argnums: int | Sequence[int] = (),
    trip_counts: Mapping[str, int] | None = None,
    device: str | Device | None = None,
    runs: int | None = None,
    seed: int = 0,
    integers: tuple[int, int] = (0, 128),
) -> ProfileCall:
    """Where the time goes, by site: `jf.profile(step)(*args) -> Profile`.

    The compiled program runs under JAX's profiler, and each instruction's device seconds are given
    to the scope, line and phase that its work comes from.

    fn: a function, jitted or not, or a `jax.stages` Traced, Lowered or Compiled.
    mode, argnums, has_aux, static_argnums, trip_counts: as in `jf.analyze`.
    device: whose peaks to use, by name or as a `jf.device(...)`, when not the one it runs on.
    runs: calls that are recorded. Left out it is 5, or fewer, down to one, where long loops make
      so many events that reading them would take minutes.
    seed, integers: of arguments that are abstract, as in `jf.measure`.

    On a GPU the program is compiled without command buffers, which hide instructions: its kernels
    are launched one by one, and a small program's seconds are mostly the time between them. A
    `Compiled` runs as it is: compile it with XLA_FLAGS=--xla_gpu_enable_command_buffer=.
    Raises JaxflopsError when the program fails or no events arrive.
    """
    if misplaced:
        raise JaxflopsError("the arguments go in a second call: jf.profile(fn, ...)(*args)")
    if runs is not None and runs < 1:
        raise JaxflopsError(f"runs={runs}: write how many calls to record, at least 1")
    found = find_device(device) if isinstance(device, str) else device
    if isinstance(device, str) and found is None:
        raise JaxflopsError(f"device={device!r} is not known: see `jaxflops devices`")
    target = differentiated(fn, mode, argnums, has_aux=has_aux)
    return ProfileCall(target, found, runs, static_argnums, trip_counts or {}, (seed, integers))


@dataclass(frozen=True)
class ProfileCall:
    """`jf.profile(fn, ...)`, waiting for the function's arguments."""

    fn: Any
    device: Device | None
    runs: int | None
    static_argnums: int | Sequence[int]
    trip_counts: Mapping[str, int]
    drawn: tuple[int, tuple[int, int]]

    def __call__(self, *args: Any, **kwargs: Any) -> Profile:  # noqa: D102 - the class says it
        where = (self.fn, args, kwargs, self.static_argnums, time.perf_counter)
        staged = stage(*where, APART if jax.default_backend() == "gpu" else None)
        module = read_module(staged.compiled)
        tree = walk(module, Options(trip_counts=tuple(self.trip_counts.items())))
        recorded, events = self._record(
            staged, self.runs or affordable_runs(tree), lambda trace: read(trace, module.name)
        )
        return self._profile(staged, recorded, join(events, module, tree))

    def _record(
        self, staged: Staged, runs: int, read_events: Callable[[Any], list[Event]]
    ) -> tuple[Recorded, list[Event]]:
        try:
            inputs = Inputs(*self.drawn).concrete(staged.leaves, staged.shardings)
            work, _ = calls.prepare(staged, inputs, None)
            return _whole(lambda: record(work, runs), read_events)
        except JaxflopsError:
            raise
        except Exception as error:  # whatever the function or the backend raises
            raise JaxflopsError(f"{staged.name}: running it failed: {reason(error)}") from error

    def _profile(self, staged: Staged, recorded: Recorded, joined: Joined) -> Profile:
        first = staged.devices[0]
        known = self.device or _at_most(first)
        return Profile(
            name=staged.name,
            device_kind=first.device_kind,
            device=known,
            roofs=datasheet(known) if known else None,
            walls=recorded.walls,
            free=recorded.free,
            spans=joined.seconds.spans,
            items=joined.items,
            loops=joined.loops,
            between=joined.seconds.between,
            caveats=(*recorded.caveats, *joined.caveats),
        )

    def __repr__(self) -> str:
        name = getattr(self.fn, "__name__", "program")
        return f"<jf.profile({name}): call it with {name}'s arguments>"


def _whole(
    take: Callable[[], Recorded], read_events: Callable[[Any], list[Event]]
) -> tuple[Recorded, list[Event]]:
    """A recording with its events; again, a few times, when no run is in it in full."""
    for _ in range(_TRIES):
        recorded = take()
        events = read_events(recorded.trace)
        if whole_runs(events) or not events:
            break
    return recorded, events


def _at_most(device: jax.Device) -> Device | None:
    """What one device can do; of several on one CPU each may have all its cores for a while."""
    if device.platform == "cpu" and jax.local_device_count("cpu") > 1:
        return this_cpu()
    return find_device(device.device_kind)
