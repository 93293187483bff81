"""How often each `while` runs: inferred, given by the user, or an open symbol."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from jaxflops.errors import JaxflopsError
from jaxflops.hlo.context import Callers
from jaxflops.hlo.ir import Computation, Instruction, Module
from jaxflops.hlo.trip_counts import TripCount, trip_count
from jaxflops.polynomial import Count, symbol


class Trips(NamedTuple):
    """A trip count, and what a reader should know of where it comes from."""

    number: Count
    notes: tuple[str, ...] = ()


class Loops:
    """The trip counts of one module; an open loop is a symbol, `trips(file:line)`."""

    def __init__(self, module: Module, hints: Mapping[str, Count]) -> None:
        self._module = module
        self._hints = hints
        self._known: dict[tuple[str, str, Callers], Trips] = {}
        self._found: dict[tuple[str, str, Callers], TripCount] = {}
        self._names: set[str] = set()
        self._places: dict[str, None] = {}

    def check_hints(self) -> None:
        """Raise JaxflopsError for a hint that no loop of the module answers to."""
        unused = sorted(self._hints.keys() - self._places)
        if unused:
            raise JaxflopsError(
                f"trip_counts: no loop at {', '.join(map(repr, unused))}; a hint names a loop by "
                "its scope path or its file:line, and the loops are at: "
                f"{', '.join(map(repr, filter(None, self._places))) or 'none'}"
            )

    def trips(
        self,
        loop: Instruction,
        where: Computation,
        scope: tuple[str, ...],
        callers: Callers = (),
    ) -> Trips:
        """The trips of `loop`, which stands in the computation `where`, run by these callers."""
        if not self._count(loop, where).by_caller:
            callers = ()
        key = (where.name, loop.name, callers)
        if key not in self._known:
            self._known[key] = self._trips(loop, self._count(loop, where, callers), scope)
        return self._known[key]

    def entered(
        self, name: str, call: Instruction, where: Computation, callers: Callers
    ) -> Callers:
        """The callers that decide loops in the computation `name`, which `call` in `where` runs."""
        if name not in self._decided:
            return ()
        several = len(self._module.callers[name]) > 1
        return (*callers, (name, where.name, call.name)) if several else callers

    @cached_property
    def _decided(self) -> frozenset[str]:
        """Computations in which a loop runs as often as one of several callers says."""
        found: set[str] = set()
        for where in self._module.computations.values():
            for ins in where.instructions.values():
                if ins.called and (
                    not found.isdisjoint(ins.called)
                    or (ins.opcode == "while" and self._count(ins, where).by_caller)
                ):
                    found.add(where.name)
                    break
        return frozenset(found)

    def _count(self, loop: Instruction, where: Computation, callers: Callers = ()) -> TripCount:
        key = (where.name, loop.name, callers)
        if key not in self._found:
            self._found[key] = trip_count(self._module, where, loop, callers)
        return self._found[key]

    def _trips(self, loop: Instruction, found: TripCount, scope: tuple[str, ...]) -> Trips:
        place = _place(loop)
        keys = _keys(loop, scope)
        self._places.update(dict.fromkeys(keys))
        if found.count is None:
            return self._open(place, keys, found.reason)
        if found.disputed:
            note = f"while at {place}: {found.count} trips ({found.reason}), XLA says "
            return Trips(found.count, (f"{note}{found.annotated}",))
        if found.provenance == "annotated":
            return Trips(found.count, (f"while at {place}: {found.count} trips ({found.reason})",))
        return Trips(found.count)

    def _open(self, place: str, keys: tuple[str, ...], reason: str) -> Trips:
        for key in keys:
            if key and key in self._hints:
                note = f"while at {place}: trip count given for {key!r}"
                return Trips(self._hints[key], (note,))
        name, number = f"trips({place})", 1
        while name in self._names:
            number += 1
            name = f"trips({place}#{number})"
        self._names.add(name)
        note = (
            f"while at {place}: trip count unknown ({reason}), kept as {name}; "
            f"give trip_counts={{{place!r}: n}}"
        )
        return Trips(symbol(name), (note,))


def _keys(loop: Instruction, scope: tuple[str, ...]) -> tuple[str, ...]:
    """What a hint may call the loop."""
    line = f"{loop.frame.file}:{loop.frame.line}" if loop.frame else _place(loop)
    return "/".join(scope), line, _place(loop)


def _place(loop: Instruction) -> str:
    """`file.py:12`, or the instruction's name."""
    return f"{Path(loop.frame.file).name}:{loop.frame.line}" if loop.frame else loop.name
