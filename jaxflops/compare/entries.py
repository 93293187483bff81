"""A tree's contractions, and its other work, as multisets: so two lanes are compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from jaxflops.errors import JaxflopsError
from jaxflops.tree import HERE, Leaf, Node, Phase, Site

FIELDS = ("other_flops", "transcendentals")
"""The fields of a `Cost` that are elementwise work and reductions."""


class Place(NamedTuple):
    """Where a contraction stands, in words that every lane has."""

    phase: Phase
    scope: tuple[str, ...]
    file: str
    line: int

    def __str__(self) -> str:
        source = f"{Path(self.file).name}:{self.line}" if self.file else "no source"
        return f"{'/'.join(self.scope) or '(no scope)'} {self.phase} ({source})"


class Entry(NamedTuple):
    """A contraction: where it stands and the FLOPs of one execution."""

    place: Place
    flops: int


Entries = Mapping[Entry, int]
"""How often each contraction runs."""


def contractions(tree: Node) -> Counter[Entry]:
    """Every contraction of the program that runs, with how often it does.

    Raises JaxflopsError for a trip count or a size that is still open.
    """
    found: Counter[Entry] = Counter()
    for node, site, times in tree.leaves():
        flops = node.own.matmul_flops
        if flops == 0 or times == 0:
            continue
        if not (isinstance(flops, int) and isinstance(times, int)):
            raise JaxflopsError(
                f"{node.label} runs {times} times with {flops} FLOPs each: a ledger compares "
                'numbers; give loops trip_counts={"scope or file:line": n}, and sizes as numbers'
            )
        found[Entry(place_of(site), flops)] += times
    return found


Depths = Mapping[tuple[Entry, int], int]
"""How many contractions of a kind stand in a program within how many loops."""


def depths(tree: Node) -> Depths:
    """Of each contraction, within how many loops its text stands; without multiplicities."""
    found: Counter[tuple[Entry, int]] = Counter()
    stack: list[tuple[Node, Site, int]] = [(tree, HERE, 0)]
    while stack:
        node, outer, depth = stack.pop()
        site = node.site.within(outer)
        if isinstance(node.own.matmul_flops, int) and node.own.matmul_flops:
            found[Entry(place_of(site), node.own.matmul_flops), depth] += 1
        inside = depth + (node.label == "while")
        stack += [(child, site, inside) for child in node.children]
    return found


class Piece(NamedTuple):
    """Elementwise work of one instruction: where, of which opcode, and how much it does at once."""

    place: Place
    opcode: str
    field: str
    amount: int

    @property
    def alike(self) -> tuple[str, str, int]:
        """What it does, wherever."""
        return self[1:]


Pieces = Mapping[Piece, int]
"""How often each piece runs."""


def pieces(leaves: Iterable[Leaf]) -> Counter[Piece] | None:
    """The elementwise work and reductions of leaves; None where data decide how often one runs."""
    found: Counter[Piece] = Counter()
    for node, site, times in leaves:
        for field in FIELDS:
            amount = getattr(node.own, field)
            if not amount or times == 0:
                continue
            if not (isinstance(amount, int) and isinstance(times, int)):
                return None
            found[Piece(place_of(site), node.label, field, amount)] += times
    return found


def total(entries: Entries) -> int:
    """FLOPs of all executions."""
    return sum(entry.flops * times for entry, times in entries.items())


def by_phase(entries: Entries) -> dict[Phase, int]:
    """FLOPs of each phase that has any."""
    found: Counter[Phase] = Counter()
    for entry, times in entries.items():
        found[entry.place.phase] += entry.flops * times
    return dict(found)


def place_of(site: Site) -> Place:
    """A site in those words; what has no phase of its own is forward.

    A scope that the user named `a/b` is two in HLO, where slashes part them.
    """
    source, scope = site.source, site.scope
    file, line = (source.file, source.line) if source is not None else ("", 0)
    if any("/" in name or not name for name in scope):
        scope = tuple(part for name in scope for part in name.split("/") if part)
    return Place(site.phase or "forward", scope, file, line)
