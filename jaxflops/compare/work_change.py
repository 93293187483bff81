"""What a compiler pass did to elementwise work: pieces that are gone, pieces that are new."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from jaxflops.compare.entries import Entries, Piece, Pieces, Place
from jaxflops.compare.passes import Snapshot


class WorkChange(NamedTuple):
    """What a pass did to elementwise work: pieces that are gone, pieces that are new.

    before, after: all pieces. products: FLOPs of contractions that it took away, at each place with
      a contraction that it changed. fewer: of each opcode, how many instructions it took away.
    devices: that share the program.
    """

    gone: Pieces
    new: Pieces
    before: Pieces
    after: Pieces
    products: Mapping[Place, int]
    fewer: Counter[str]
    devices: int = 1


NOTHING: Pieces = Counter()


def changed(before: Snapshot, after: Snapshot, devices: int = 1) -> WorkChange:
    """The change between two forms of a module."""
    old, new = Counter(before.pieces or NOTHING), Counter(after.pieces or NOTHING)
    fewer = Counter(before.opcodes)
    fewer.subtract(after.opcodes)
    products = _gone_products(before.entries, after.entries)
    return WorkChange(old - new, new - old, old, new, products, fewer, devices)


def renamed(some: Counter[Piece], others: Counter[Piece]) -> None:
    """Take out of both what is alike: it only has another name."""
    homes: dict[tuple[str, str, int], list[Piece]] = defaultdict(list)
    for other in others:
        homes[other.alike].append(other)
    for piece in some:
        for other in homes[piece.alike]:
            moved = min(some[piece], others[other])
            some[piece] -= moved
            others[other] -= moved


def _gone_products(before: Entries, after: Entries) -> dict[Place, int]:
    """Contraction FLOPs that are gone, at each place where a pass changed a contraction."""
    found: Counter[Place] = Counter()
    for entry in before.keys() | after.keys():
        less = before.get(entry, 0) - after.get(entry, 0)
        if less:
            found[entry.place] += entry.flops * less
    return dict(found)
