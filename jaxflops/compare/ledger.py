"""The ledger's three steps: counted to lowered, lowered to XLA's own number, to compiled."""

from __future__ import annotations

from typing import Any

from jaxflops.compare.compiled import compiled_rows
from jaxflops.compare.entries import contractions, total
from jaxflops.compare.join import join
from jaxflops.compare.once import projected_once
from jaxflops.compare.rows import Row, unexplained
from jaxflops.tree import Node

TOLERANCE = 1_000_000
"""A ledger holds when less than one contraction FLOP in so many is unexplained."""


def ledger(counted: Node, lowered: Node, compiled: Node | None, source: Any) -> list[Row]:
    """Every difference between the contractions of the three columns.

    source: the `Lowered` that the second column was read from; it may be compiled once more.
    """
    asked, before = contractions(counted), contractions(lowered)
    rows = unexplained("counted to lowered", join(asked, before))
    if not rows:
        rows += once_rows(counted, lowered)
    rows += projected_once(lowered)
    if compiled is not None:
        rows += compiled_rows(source, before, contractions(compiled))
    return rows


def once_rows(counted: Node, lowered: Node) -> list[Row]:
    """Both trees must be equal with bodies once, too, when all else is: there `unroll` shows."""
    ours, theirs = (int(tree.once().matmul_flops) for tree in (counted, lowered))
    if ours == theirs:
        return []
    cause = "unexplained: bodies once differ (unroll)"
    change = theirs - ours
    return [Row("lowered to XLA", cause, 0, abs(change), (), explained=False)]


def unexplained_flops(rows: list[Row]) -> int:
    """FLOPs that no named equation, instruction or pass accounts for."""
    return sum(row.size for row in rows if not row.explained)


def holds(rows: list[Row], counted: Node) -> bool:
    """Whether what is unexplained is at most a millionth of the contractions that were counted."""
    return unexplained_flops(rows) * TOLERANCE <= total(contractions(counted))
