"""Events of a run joined with the instructions of the program that ran, by name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from jaxflops.attribution.buffers import argument_copies, loop_buffers
from jaxflops.attribution.executions import Loop, Placed, Program, is_named, place
from jaxflops.attribution.launches import launching
from jaxflops.attribution.named_views import named_views
from jaxflops.attribution.spent import Item, item
from jaxflops.cost import ZERO
from jaxflops.errors import JaxflopsError
from jaxflops.hlo.ir import Module
from jaxflops.hlo.sites import COMPILER
from jaxflops.machine.trace_events import Event
from jaxflops.machine.trace_runs import Seconds, attribute
from jaxflops.tree import Node, Site

_LISTED = 3


class Joined(NamedTuple):
    """Seconds, the instructions that took them, their loops, and what a reader should know."""

    seconds: Seconds
    items: tuple[Item, ...]
    loops: tuple[Loop, ...]
    caveats: tuple[str, ...]


def join(events: Sequence[Event], module: Module, tree: Node) -> Joined:
    """The instructions of `module`, whose walk is `tree`, with the seconds that they took.

    Raises JaxflopsError when there are no events, no complete run, or names of another program.
    """
    known = place(tree, {})
    events = _of_program(_launched(events, module, set(known.placed)), set(known.placed))
    seconds = attribute(events, known.containers)
    if not seconds.spans:
        raise JaxflopsError(_NOTHING if not events else _CUT)
    program = place(tree, dict(_executions(seconds, known.containers)))
    items = tuple(_items(seconds, program, module))
    return Joined(seconds, items, tuple(program.loops), tuple(_caveats(seconds, program)))


_STRANGE = Placed(Node("(not in the program)", Site(COMPILER), ZERO, ZERO), Site(COMPILER), 0)
_NOTHING = (
    "the profiler recorded no instruction of this program. On a GPU command buffers can hide those "
    "of a Compiled: set XLA_FLAGS=--xla_gpu_enable_command_buffer= before JAX starts; on a backend "
    "without events per instruction, time the whole call with jf.measure"
)
_BUFFER = "command_buffer"  # as XLA names them on a GPU, with a number
_HIDDEN = (
    "the profiler names command buffers, which hide the instructions that they launch: profile the "
    "function instead of a Compiled, or set XLA_FLAGS=--xla_gpu_enable_command_buffer= before JAX "
    "starts"
)
_CUT = (
    "no run is in the trace from its first to its last instruction, as when the profiler's buffers "
    "are full: profile fewer runs (runs=1), or a smaller program"
)


def _launched(events: Sequence[Event], module: Module, names: set[str]) -> list[Event]:
    """The events under the names of the instructions that launch what the profiler names.

    That is what runs asynchronously, by the one that starts it, and a library's call of which only
    the slices around it are fused, by the fusion.
    """
    strange = {event.instruction for event in events} - names
    if not strange:
        return list(events)
    launches = launching(module)
    launched = {name: launches.get(name, name) for name in strange}
    return [e._replace(instruction=launched.get(e.instruction, e.instruction)) for e in events]


def _executions(seconds: Seconds, containers: Collection[str]) -> Iterator[tuple[str, int]]:
    """How often each instruction was seen, where that says how often it ran.

    A CPU records a loop as one event around its body's; a GPU a copy of its condition each time
    round, as the loop's own kernels.
    """
    for name, spent in seconds.spent.items():
        if not (name in containers and spent.kernels):
            yield name, spent.events


def _of_program(events: Sequence[Event], names: set[str]) -> list[Event]:
    """The events of the program that has these names; another may have the same module name."""
    strange: dict[int, list[str]] = {event.run.program: [] for event in events}
    for event in events:
        if event.instruction not in names:
            strange[event.run.program].append(event.instruction)
    least = min(strange, key=lambda program: len(strange[program]), default=0)
    kept = [event for event in events if event.run.program == least]
    if any(name.startswith(_BUFFER) for name in strange.get(least, ())):
        raise JaxflopsError(_HIDDEN)
    if kept and len(strange[least]) == len(kept):
        raise JaxflopsError(
            f"the profiler names an instruction {strange[least][0]!r} that the compiled program "
            "does not have, nor any other that it does: seconds cannot be told apart by site"
        )
    return kept


def _items(seconds: Seconds, program: Program, module: Module) -> Iterator[Item]:
    infer, arguments = _Inference(module, program), argument_copies(module)
    for name, spent in seconds.spent.items():
        placed = program.placed.get(name, _STRANGE)
        site = infer.site(name, placed)
        yield item(name, placed, spent, site)._replace(copies=arguments.get(name, ""))


class _Inference:
    """Where an instruction without a name of its own stands, as the data flow says."""

    def __init__(self, module: Module, program: Program) -> None:
        self._views, self._buffers = named_views(module), loop_buffers(module)
        self._program = program

    def site(self, name: str, placed: Placed) -> Site | None:
        """Of a view of its result, of the loop whose buffer it makes, or of the loop around it."""
        nearest = self._views.get(name) or self._buffers.get(name) or placed.loop
        known = self._program.placed.get(nearest)
        if known is None or not is_named(known.site):
            return None
        return known.site if known.site.scope or known.site.source else None  # not the root


def _caveats(seconds: Seconds, program: Program) -> Iterator[str]:
    if seconds.cut:
        yield f"{seconds.cut} of {seconds.cut + len(seconds.spans)} runs are not whole in the trace"
    for loop in program.loops:
        yield from _trips(loop)
    strange = [name for name in seconds.spent if name not in program.placed]
    if strange:
        yield f"names that the compiled program does not have: {_listed(strange)}"
    hidden = [
        name
        for name, placed in program.placed.items()
        if name not in seconds.spent and placed.runs != 0 and placed.node.total.flops != 0
    ]
    if hidden:
        yield f"instructions with FLOPs and without events, in no row: {_listed(hidden)}"


def _trips(loop: Loop) -> Iterator[str]:
    place = "/".join(loop.site.scope) or "no scope"
    name = f"{loop.name} ({place})"
    if loop.observed is None:
        yield f"{name}: {loop.inferred} trips inferred; none observed, its body has no events"
    elif not isinstance(loop.inferred, int):
        yield f"{name}: {loop.observed} trips observed; they could not be inferred"
    elif not loop.agrees:
        yield (
            f"{name}: {loop.observed} trips observed, {loop.inferred} inferred: "
            "the trip count of the compiled program is wrong"
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
