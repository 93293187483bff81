"""What a program does to memory as a whole: its compulsory traffic, and its peak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxflops.jaxpr.liveness import peak
from jaxflops.jaxpr.program import Program, remove_dead_code
from jaxflops.jaxpr.traffic import Traffic, traffic
from jaxflops.polynomial import Count, evaluate, from_json, to_json


@dataclass(frozen=True)
class Footprint:
    """The memory of one program.

    compulsory: bytes that must be read of arguments and written of results.
    peak: bytes alive at once, at most.
    """

    compulsory: Traffic
    peak: Count

    @property
    def notes(self) -> tuple[str, ...]:
        """What was not known."""
        return self.compulsory.notes

    @property
    def symbols(self) -> frozenset[str]:
        """Sizes that are open."""
        counts = (self.compulsory.read, self.compulsory.written, self.peak)
        return frozenset().union(*(getattr(count, "symbols", ()) for count in counts))

    def at(self, **sizes: Count) -> Footprint:
        """The same with sizes given to all or some symbols."""
        read, written, notes = self.compulsory
        moved = Traffic(evaluate(read, sizes), evaluate(written, sizes), notes)
        return Footprint(moved, evaluate(self.peak, sizes))

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        read, written, notes = self.compulsory
        moved = {"read": to_json(read), "written": to_json(written), "notes": list(notes)}
        return {"compulsory": moved, "peak": to_json(self.peak)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Footprint:
        """What `to_json` wrote."""
        moved = data["compulsory"]
        notes = tuple(map(str, moved["notes"]))
        compulsory = Traffic(from_json(moved["read"]), from_json(moved["written"]), notes)
        return cls(compulsory, from_json(data["peak"]))


def footprint(program: Program) -> Footprint:
    """The memory of a traced program, without its dead code."""
    live, used = remove_dead_code(program)
    donated = _kept(program.donated or [False] * len(used), used)
    names = _kept(program.names, used)
    return Footprint(traffic(live, donated, names), peak(live, donated))


def _kept(values: Sequence[Any], used: Sequence[bool]) -> list[Any]:
    return [value for value, kept in zip(values, used, strict=True) if kept]
