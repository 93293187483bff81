"""`Derivation`: one row a contraction, from which a reader can check the count by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, NamedTuple

from jaxflops.cost import Cost
from jaxflops.jaxpr.derivation.text import render
from jaxflops.polynomial import Count, Ratio, evaluate, from_json, ratio, to_json
from jaxflops.tree import PHASES, Phase

Shape = tuple[Count, ...]


@dataclass(frozen=True)
class Row:
    """One contraction.

    name: the value it computes, as the user wrote it; `h'` is a product inside the expression
      assigned to `h`, `h#2` the second value of that name, `h[i]` the one of iteration i.
    form: how it is computed; `+=` where it is one of several terms of a gradient.
    shapes: of the operands in the order of the form, then of the product.
    flops: contraction FLOPs of all its executions; times: how many those are.
    forward: name of the forward product that it is the derivative or the repetition of, or its
      own; empty where there is none.
    again: it computes the forward product once more (remat, or by hand in a backward rule).
    own_backward: written by hand in a custom_vjp's backward rule.
    source: `file:line`.
    """

    phase: Phase
    name: str
    form: str
    shapes: tuple[Shape, ...]
    flops: Count
    times: Count
    forward: str
    again: bool
    own_backward: bool
    source: str

    def at(self, sizes: Mapping[str, Count]) -> Row:
        """The row with sizes given to its symbols; the form keeps the names."""
        shapes = tuple(tuple(evaluate(d, sizes) for d in shape) for shape in self.shapes)
        flops, times = evaluate(self.flops, sizes), evaluate(self.times, sizes)
        return replace(self, shapes=shapes, flops=flops, times=times)


class Note(NamedTuple):
    """What a name in the forms stands for that no row computes.

    `h[-1]` is `x`, `a` is what the source at `net.py:12` calls `relu(h)`, `i` counts a loop.
    """

    name: str
    meaning: str


@dataclass(frozen=True)
class Derivation:
    """The contractions of a program in the order of execution, forward and backward paired.

    total: cost of the whole program; what is not in the rows is elementwise work and reductions.
    notes: names that no row computes.
    """

    rows: tuple[Row, ...]
    total: Cost
    notes: tuple[Note, ...] = ()

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Row:
        return self.rows[index]

    def phase(self, phase: Phase) -> tuple[Row, ...]:
        """The rows of one phase."""
        return tuple(row for row in self.rows if row.phase == phase)

    def flops(self, phase: Phase | None = None) -> Count:
        """Contraction FLOPs, of one phase or of all."""
        rows = self.rows if phase is None else self.phase(phase)
        return sum((row.flops for row in rows), start=0)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases that have rows."""
        return tuple(phase for phase in PHASES if self.phase(phase))

    @cached_property
    def ratio(self) -> Count | Ratio | None:
        """Backward over forward contraction FLOPs, exactly; None without a forward row."""
        forward = self.flops("forward")
        return ratio(self.flops("backward"), forward) if forward != 0 else None

    def at(self, **sizes: Count) -> Derivation:
        """The same table with sizes given to all or some symbols; others are ignored."""
        rows = tuple(row.at(sizes) for row in self.rows)
        return replace(self, rows=rows, total=self.total.at(**sizes))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data; `from_json` reads it back exactly."""
        return {
            "rows": [_dump(row) for row in self.rows],
            "total": {name: to_json(count) for name, count in self.total.as_dict().items()},
            "notes": [list(note) for note in self.notes],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Derivation:
        """What `to_json` gave."""
        total = Cost(**{name: from_json(count) for name, count in data["total"].items()})
        rows = tuple(_load(row) for row in data["rows"])
        return cls(rows, total, tuple(Note(str(n), str(m)) for n, m in data["notes"]))

    def __str__(self) -> str:
        return render(self)


def _dump(row: Row) -> dict[str, Any]:
    data = {field.name: getattr(row, field.name) for field in fields(row)}
    shapes = [[to_json(d) for d in shape] for shape in row.shapes]
    return {**data, "shapes": shapes, "flops": to_json(row.flops), "times": to_json(row.times)}


def _load(data: Mapping[str, Any]) -> Row:
    shapes = tuple(tuple(from_json(d) for d in shape) for shape in data["shapes"])
    counts = {name: from_json(data[name]) for name in ("flops", "times")}
    return Row(**{**data, "shapes": shapes, **counts})
