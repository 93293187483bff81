"""Elementwise work of all devices: what each `shard_map` leaves to the others is a row."""

from __future__ import annotations

from jaxflops.compare.counted import SHARE, STEP, of_one_device
from jaxflops.compare.elementwise import TOLERANCE, Elementwise
from jaxflops.compare.entries import FIELDS, pieces
from jaxflops.compare.rows import WorkRow
from jaxflops.tree import Node


class OfAllDevices(Elementwise):
    """An account whose `counted` is of all devices, and `lowered` and `compiled` of one."""

    __slots__ = ()

    @property
    def ok(self) -> bool:
        """Whether at most a hundredth of what was counted of one device is unexplained."""
        others = sum(row.size for row in self.rows if row.cause == SHARE)
        return self.unexplained * TOLERANCE <= sum(self.counted) - others


def of_all_devices(found: Elementwise, counted: Node) -> Elementwise:
    """The account of one device's share, from what all devices do: itself where none is shared."""
    every, one = (pieces(tree.leaves()) for tree in (counted, of_one_device(counted)))
    if every is None or one is None or every == one:
        return found
    others = every - one
    flops, calls = (
        sum(piece.amount * n for piece, n in others.items() if piece.field == name)
        for name in FIELDS
    )
    sites = tuple(dict.fromkeys(str(piece.place) for piece in others))
    row = WorkRow(STEP, SHARE, -flops, -calls, flops + calls, sites, explained=True)
    whole = int(counted.total.other_flops), int(counted.total.transcendentals)
    return OfAllDevices(whole, found.lowered, (row, *found.rows), found.compiled)
