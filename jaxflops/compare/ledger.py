"""The ledger's three steps: counted to lowered, lowered to XLA's own number, to compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from jaxflops.compare.compiled import compiled_rows
from jaxflops.compare.composites import Lowered
from jaxflops.compare.counted import Dead, counted_rows
from jaxflops.compare.entries import contractions, total
from jaxflops.compare.once import projected_once
from jaxflops.compare.passes import Passes
from jaxflops.compare.rows import Row
from jaxflops.tree import Node

TOLERANCE = 1_000_000
"""A ledger holds when less than one contraction FLOP in so many is unexplained."""


class Columns(NamedTuple):
    """The trees of the three columns, and what else may have to be asked.

    dead, composites: as `counted_rows` takes them.
    passes: what the compiler did between the second column and the third.
    """

    counted: Node
    lowered: Node
    compiled: Node | None
    dead: Callable[[], Dead]
    composites: Callable[[], Mapping[str, Lowered]]
    passes: Passes | None


def ledger(columns: Columns) -> list[Row]:
    """Every difference between the contractions of the three columns."""
    _, lowered, compiled, _, _, passes = columns
    before = contractions(lowered)
    rows, once = counted_rows(columns.counted, before, columns.dead, columns.composites)
    if all(row.explained for row in rows):
        rows += once_rows(once, lowered)
    rows += projected_once(lowered)
    if compiled is not None and passes is not None:
        rows += compiled_rows(passes, before, contractions(compiled))
    return rows


def once_rows(once: int, lowered: Node) -> list[Row]:
    """Both trees must be equal with bodies once, too, when all else is: there `unroll` shows."""
    change = int(lowered.once().matmul_flops) - once
    if not change:
        return []
    cause = "unexplained: bodies once differ (unroll)"
    return [Row("lowered to XLA", cause, 0, abs(change), (), explained=False)]


def unexplained_flops(rows: list[Row]) -> int:
    """FLOPs that no named equation, instruction or pass accounts for."""
    return sum(row.size for row in rows if not row.explained)


def holds(rows: list[Row], counted: Node) -> bool:
    """Whether what is unexplained is at most a millionth of the contractions that were counted."""
    return unexplained_flops(rows) * TOLERANCE <= total(contractions(counted))
