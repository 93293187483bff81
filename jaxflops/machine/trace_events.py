"""Profiler events -> when each instruction of a module was active, run by run.

A trace is planes of lines of events. On a CPU the instructions are events of the host's plane, on
whichever thread ran them; on an accelerator its own plane holds them, a line for each stream.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from math import inf
from typing import Any, NamedTuple

from jaxflops.machine.trace_record import RUN, quiet

_END = "end: "
_Span = tuple[float, float]
_Pair = tuple[Any, Any, str]


class Run(NamedTuple):
    """One execution of a module on one device."""

    program: int
    number: int
    device: int


class Event(NamedTuple):
    """An instruction was active from `start` to `end`, in nanoseconds of the trace's clock.

    whole: False where its end is not in the trace. kernel: what an accelerator ran for it.
    """

    instruction: str
    run: Run
    start: float
    end: float
    whole: bool = True
    kernel: str = ""


def read(trace: Any, module: str) -> list[Event]:
    """Every event of the HLO module of this name; of other modules none.

    trace: a `jax.profiler.ProfileData`, or anything with `planes` like its.
    """
    with quiet():
        planes = list(trace.planes)
        devices = [plane for plane in planes if plane.name.startswith("/device:")]
        calls = sorted(_calls(planes))
        found = [event for plane in devices for event in _device(plane, module, calls)]
        if not found:  # a CPU has no plane of its own, or an empty one
            found = [event for plane in planes for event in _host(plane, module, calls)]
    return found


def _host(plane: Any, module: str, calls: list[_Span]) -> Iterator[Event]:
    """A CPU's instructions: begun by one event, ended by it or by its `end:` event, the later.

    A parallel instruction's event covers only its launch; what it launched ends with the event
    `end: <name>` whose `_c` is its `_p`, on the thread that finished last. That thread writes it
    after it has handed its result on, late when it is interrupted there: but never did anything
    run on when the call around it had all its results.
    """
    begun: list[tuple[Event, _Pair]] = []
    ended: dict[_Pair, float] = {}
    runs: dict[Run, Run] = {}
    for event in _events(plane):
        stats, name, start = dict(event.stats), event.name, event.start_ns
        if name.startswith(_END) and "_c" in stats:
            ended[stats.get("_ct"), stats["_c"], name.removeprefix(_END)] = start
        elif stats.get("hlo_module") == module and "hlo_op" in stats:
            run = Run(*(stats.get(key, 0) for key in ("program_id", "run_id", "device_ordinal")))
            own = Event(
                stats["hlo_op"], runs.setdefault(run, run), start, start + event.duration_ns
            )
            begun.append((own, (stats.get("_pt"), stats.get("_p"), name)))
    for own, pair in begun:
        last = ended.get(pair)
        if last is None:
            yield own._replace(whole=not ended)
        else:
            yield own._replace(end=min(max(own.end, last), _latest(own.start, calls)))


def _latest(start: float, calls: list[_Span]) -> float:
    """When the call ended in which something began."""
    number = bisect_right(calls, (start, inf))
    within = number and start <= calls[number - 1][1]
    return calls[number - 1][1] if within else inf


def _device(plane: Any, module: str, calls: list[_Span]) -> Iterator[Event]:
    """An accelerator's instructions, by stream (GPU) or from the line of XLA's operations (TPU)."""
    ordinal = plane.name.rpartition(":")[2]
    device = int(ordinal) if ordinal.isdecimal() else 0
    lines = {line.name: line for line in plane.lines}
    if "XLA Ops" in lines and not any(map(_is_stream, lines)):
        yield from _by_module(lines, module, device)
        return
    for line in plane.lines:
        for event in line.events if _is_stream(line.name) else ():
            stats = dict(event.stats)
            if stats.get("hlo_module") == module and "hlo_op" in stats:
                # Nested annotations are joined, the innermost last.
                name = str(stats["hlo_op"]).rpartition("::")[2]
                number = stats.get("run_id", bisect_right(calls, (event.start_ns, inf)))
                run = Run(stats.get("program_id", 0), number, device)
                end = event.start_ns + event.duration_ns
                yield Event(name, run, event.start_ns, end, kernel=event.name)


def _by_module(lines: dict[str, Any], module: str, device: int) -> Iterator[Event]:
    """Operations within the times of the module's runs, which have a line of their own."""
    modules = lines["XLA Modules"].events if "XLA Modules" in lines else ()
    runs = sorted(
        (each.start_ns, each.start_ns + each.duration_ns)
        for each in modules
        if each.name.partition("(")[0] == module
    )
    starts = [start for start, _ in runs]
    for event in lines["XLA Ops"].events:
        number = bisect_right(starts, event.start_ns)
        if number and event.start_ns < runs[number - 1][1]:
            name = event.name.partition(" = ")[0].removeprefix("%")
            end = event.start_ns + event.duration_ns
            yield Event(name, Run(0, number, device), event.start_ns, end)


def _is_stream(name: str) -> bool:
    return name.startswith("Stream")


def _calls(planes: Iterable[Any]) -> Iterator[_Span]:
    """When each call that was recorded began, and had all its results."""
    for plane in planes:
        if plane.name.startswith("/host:"):
            for event in _events(plane):
                if event.name == RUN:
                    yield event.start_ns, event.start_ns + event.duration_ns


def _events(plane: Any) -> Iterator[Any]:
    return (event for line in plane.lines for event in line.events)
