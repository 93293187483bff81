"""`jf.profile`: device seconds per site, joined with what the compiled program does there."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import jax

from jaxflops.attribution.executions import Loop
from jaxflops.attribution.groups import Key, group
from jaxflops.attribution.join import Joined, join
from jaxflops.attribution.spent import Item, Spent, gather
from jaxflops.errors import JaxflopsError
from jaxflops.hlo.context import Options
from jaxflops.hlo.module import read_module
from jaxflops.hlo.walk import walk
from jaxflops.jaxpr.program import Mode
from jaxflops.machine import calls, trace_events
from jaxflops.machine.cpu import this_cpu
from jaxflops.machine.device import Device
from jaxflops.machine.devices import device as find_device
from jaxflops.machine.inputs import Inputs
from jaxflops.machine.roofline import Roofs, datasheet
from jaxflops.machine.stages import Staged, reason, stage
from jaxflops.machine.trace_record import Recorded, record
from jaxflops.report import profile as report

BETWEEN = "(between instructions)"
"""The key of the seconds in which no instruction was active."""


@dataclass(frozen=True)
class Profile:
    """What `jf.profile` returns: where the device seconds of one run went; means over the runs.

    device: None when no source gives its peaks; then there are no shares of the peak.
    walls, free: seconds of each call on the wall clock, under the profiler and without it.
    spans: seconds of each run on the device that is whole in the trace.
    items: the instructions that were seen. loops: trips inferred and observed.
    between: seconds in which no instruction was active.
    """

    name: str
    device_kind: str
    device: Device | None
    roofs: Roofs | None = field(repr=False)
    walls: tuple[float, ...]
    free: tuple[float, ...]
    spans: tuple[float, ...]
    items: tuple[Item, ...] = field(repr=False)
    loops: tuple[Loop, ...] = field(repr=False)
    between: float
    caveats: tuple[str, ...]

    @property
    def device_seconds(self) -> float:
        """Device seconds of one run, from its first instruction to its last; the mean."""
        return sum(self.spans) / len(self.spans)

    @cached_property
    def total(self) -> Spent:
        """The whole run: every instruction, and the time between them."""
        return self._spent("total", self.items, self.between)

    def by(self, key: Key, depth: int | None = None) -> dict[str, Spent]:
        """Seconds by scope, source line, phase, site, opcode or instruction; the largest first.

        They sum to `device_seconds`: what no site explains and the time between instructions have
        rows too.
        site: scope and phase together. depth: keep only the first so many names of a scope path.
        """
        groups = group(self.items, key, depth)
        rows = [self._spent(name, items) for name, items in groups.items()]
        rows.append(self._spent(BETWEEN, (), self.between))
        return {row.key: row for row in sorted(rows, key=lambda row: -row.seconds)}

    def slowest(self, number: int = 10, key: Key = "site") -> list[Spent]:
        """The rows that waste most: seconds above the ideal, or seconds where no roof is known."""
        rows = [row for name, row in self.by(key).items() if name != BETWEEN]
        rows.sort(key=lambda row: -(row.seconds if row.above_ideal is None else row.above_ideal))
        return rows[:number]

    @property
    def of_peak(self) -> float | None:
        """Seconds at the peaks of its contractions' kinds over seconds; None without peaks."""
        return self.total.of_peak

    @property
    def above_ideal(self) -> float | None:
        """Seconds beyond the least that the roofs allow; None without known roofs."""
        return self.total.above_ideal

    @property
    def explained(self) -> float:
        """Share of the seconds at a site that the program named, without what is inferred."""
        return self._share("scope", "line")

    @property
    def inferred(self) -> float:
        """Share of the seconds of unnamed instructions whose site the data flow tells."""
        return self._share("inferred")

    @property
    def unexplained(self) -> list[Item]:
        """Instructions that no site explains, the slowest first."""
        found = [each for each in self.items if each.how == "none"]
        return sorted(found, key=lambda each: -each.seconds)

    @property
    def impossible(self) -> list[Spent]:
        """Sites above 100 % of their own kinds' peaks: a time, a count or a peak is wrong."""
        return [row for row in self.by("site").values() if row.impossible]

    def against(self, roofs: Roofs) -> Profile:
        """The same profile held against other roofs, as measured ceilings."""
        return replace(self, roofs=roofs)

    def to_json(self, path: str | Path | None = None) -> dict[str, Any]:
        """Everything as plain data; written to `path` when given."""
        return report.dump(self, path)

    def __repr__(self) -> str:
        return f"<Profile of {self.name}: {len(self.spans)} runs of {self.device_seconds:.4g} s>"

    def __str__(self) -> str:
        return report.text(self)

    def _spent(self, key: str, items: Sequence[Item], between: float = 0.0) -> Spent:
        found = gather(key, items, self.device_seconds, self.roofs)
        return replace(found, seconds=found.seconds + between) if between else found

    def _share(self, *hows: str) -> float:
        return sum(each.seconds for each in self.items if each.how in hows) / self.device_seconds


def profile(  # noqa: PLR0913 - the options of one front door
    fn: Any,
    *misplaced: Any,
    mode: Mode = "call",
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    static_argnums: int | Sequence[int] = (),
    trip_counts: Mapping[str, int] | None = None,
    device: str | Device | None = None,
    runs: int = 5,
    seed: int = 0,
    integers: tuple[int, int] = (0, 128),
) -> ProfileCall:
    """Where the time goes, by site: `jf.profile(step)(*args) -> Profile`.

    The compiled program runs under JAX's profiler, and each instruction's device seconds are given
    to the scope, line and phase that its work comes from.

    fn: a function, jitted or not, or a `jax.stages` Traced, Lowered or Compiled.
    mode, argnums, has_aux, static_argnums, trip_counts: as in `jf.analyze`.
    device: whose peaks to use, by name or as a `jf.device(...)`, when not the one it runs on.
    runs: calls that are recorded, after one that is not.
    seed, integers: of arguments that are abstract, as in `jf.measure`.

    On a GPU, command buffers hide instructions: set XLA_FLAGS=--xla_gpu_enable_command_buffer=
    before JAX starts. Raises JaxflopsError when the program fails or no events arrive.
    """
    if misplaced:
        raise JaxflopsError("the arguments go in a second call: jf.profile(fn, ...)(*args)")
    if runs < 1:
        raise JaxflopsError(f"runs={runs}: write how many calls to record, at least 1")
    found = find_device(device) if isinstance(device, str) else device
    if isinstance(device, str) and found is None:
        raise JaxflopsError(f"device={device!r} is not known: write jf.device(...)'s names")
    target = _transformed(fn, mode, argnums, has_aux=has_aux)
    return ProfileCall(target, found, runs, static_argnums, trip_counts or {}, (seed, integers))


@dataclass(frozen=True)
class ProfileCall:
    """`jf.profile(fn, ...)`, waiting for the function's arguments."""

    fn: Any
    device: Device | None
    runs: int
    static_argnums: int | Sequence[int]
    trip_counts: Mapping[str, int]
    drawn: tuple[int, tuple[int, int]]

    def __call__(self, *args: Any, **kwargs: Any) -> Profile:  # noqa: D102 - the class says it
        staged = stage(self.fn, args, kwargs, self.static_argnums, time.perf_counter)
        module = read_module(staged.compiled)
        tree = walk(module, Options(trip_counts=tuple(self.trip_counts.items())))
        recorded = self._record(staged)
        joined = join(trace_events.read(recorded.trace, module.name), module, tree)
        return self._profile(staged, recorded, joined)

    def _record(self, staged: Staged) -> Recorded:
        try:
            inputs = Inputs(*self.drawn).concrete(staged.leaves, staged.shardings)
            work, _ = calls.prepare(staged, inputs, None)
            return record(work, self.runs)
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
            caveats=joined.caveats,
        )

    def __repr__(self) -> str:
        name = getattr(self.fn, "__name__", "program")
        return f"<jf.profile({name}): call it with {name}'s arguments>"


def _at_most(device: jax.Device) -> Device | None:
    """What one device can do; of several on one CPU each may have all its cores for a while."""
    if device.platform == "cpu" and jax.local_device_count("cpu") > 1:
        return this_cpu()
    return find_device(device.device_kind)


def _transformed(fn: Any, mode: Mode, argnums: int | Sequence[int], *, has_aux: bool) -> Any:
    if mode == "call":
        return fn
    if mode not in ("grad", "value_and_grad"):
        raise JaxflopsError(
            f"mode={mode!r}: write 'call', 'grad' or 'value_and_grad', or pass a function that "
            "calls jax.vjp"
        )
    if not callable(fn) or isinstance(fn, jax.stages.Traced | jax.stages.Lowered):
        raise JaxflopsError(
            f"mode={mode!r} differentiates a function, and this is a {type(fn).__name__}"
        )
    transform = jax.grad if mode == "grad" else jax.value_and_grad
    return transform(fn, argnums=argnums, has_aux=has_aux)
