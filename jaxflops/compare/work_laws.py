"""What a compiler pass can do to elementwise work: laws that take a change piece by piece.

A law gives back what the pass can have done. The rest is unexplained, unless it is on the other
side of the change under another name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from jaxflops.compare.entries import FIELDS, Piece, Pieces, Place
from jaxflops.compare.work_change import NOTHING, WorkChange
from jaxflops.hlo.sites import COMPILER

Lawful = tuple[Pieces, Pieces]
"""The pieces that a pass can have taken away, and those that it can have made."""
Law = Callable[[WorkChange], Lawful]


def removes(change: WorkChange) -> Lawful:
    """Work is gone."""
    return change.gone, NOTHING


def merges(change: WorkChange) -> Lawful:
    """Of equal pieces some are gone: each has an equal one that still runs."""
    return _among(change.gone, change.after), NOTHING


def repeats(change: WorkChange) -> Lawful:
    """Pieces run more often: each equal to one that ran before, of an opcode that is there more."""
    again = _among(change.new, change.before)
    return NOTHING, Counter({p: n for p, n in again.items() if change.fewer[p.opcode] < 0})


def converts(change: WorkChange) -> Lawful:
    """Only conversions come and go."""
    return _of(change.gone, ("convert",)), _of(change.new, ("convert",))


class _Room:
    """What may stand in the stead of pieces that are gone.

    Of each as large a piece, and one smaller: x / y is x * (1 / y), where y may be a row's one
    number. FLOPs of contractions that are gone may be elementwise as well.
    """

    def __init__(self, flops: int = 0) -> None:
        self._slots: Counter[int] = Counter()
        self._flops = flops

    def add(self, amount: int, times: int) -> None:
        self._slots[amount] += times
        self._slots[max(amount - 1, 1)] += times

    def update(self, other: _Room) -> None:
        self._slots.update(other._slots)
        self._flops += other._flops

    def take(self, amount: int, times: int) -> int:
        """How many of so many pieces fit."""
        left = times
        for size in sorted(size for size in self._slots if size >= amount):
            taken = min(left, self._slots[size])
            self._slots[size] -= taken
            left -= taken
        taken = min(left, self._flops // amount)
        self._flops -= taken * amount
        return times - left + taken


def rewrites(change: WorkChange) -> Lawful:
    """Each new piece stands for one that is gone, at its place where both have a name."""
    rooms: dict[Place, _Room] = {place: _Room(n) for place, n in change.products.items() if n > 0}
    for piece, times in change.gone.items():
        rooms.setdefault(piece.place, _Room()).add(piece.amount, times)
    new: Counter[Piece] = Counter()
    ordered = sorted(change.new.items(), key=lambda item: -item[0].amount)
    for piece, times in ordered:
        if piece.place in rooms:
            new[piece] = rooms[piece.place].take(piece.amount, times)
    nameless, anywhere = _Room(), _Room()
    for place, room in rooms.items():
        (nameless if _nameless(place) else anywhere).update(room)
    for piece, times in ordered:
        new[piece] += nameless.take(piece.amount, times - new[piece])
        if _nameless(piece.place):
            new[piece] += anywhere.take(piece.amount, times - new[piece])
    return change.gone, +new


def expands(*opcodes: str) -> Law:
    """There are fewer instructions of these opcodes, and others at their places, or without a name.

    An instruction that costs nothing, such as a scatter that only writes, has no place here.
    """

    def law(change: WorkChange) -> Lawful:
        gone = _of(change.gone, opcodes)
        if not any(change.fewer[opcode] > 0 for opcode in opcodes):
            return NOTHING, NOTHING
        return gone, _at(change.new, {piece.place for piece in gone} | _unnamed(change.new))

    return law


def made_of(*opcodes: str) -> Law:
    """Instructions of these opcodes are now others, or the same, that do not more in all."""

    def law(change: WorkChange) -> Lawful:
        gone, new = _of(change.gone, opcodes), _of(change.new, (*opcodes, "map"))
        return (gone, new) if amount(new) <= amount(gone) else (NOTHING, NOTHING)

    return law


def swaps(*labels: str) -> Law:
    """Only instructions and calls of these names come and go: one is made of another."""
    return lambda change: (_of(change.gone, labels), _of(change.new, labels))


def goes_into(prefix: str) -> Law:
    """All that is gone is now in library calls whose names begin so.

    A call that adds what was gone adds a bias as well, of zeros where there was none.
    """

    def law(change: WorkChange) -> Lawful:
        calls = {piece: n for piece, n in change.new.items() if piece.opcode.startswith(prefix)}
        gone = amount(change.gone)
        whole = gone <= amount(calls) <= 2 * gone
        return (change.gone, Counter(calls)) if whole else (NOTHING, NOTHING)

    return law


def around_products(change: WorkChange) -> Lawful:
    """Work at places with contractions that the pass changed, or without a name."""
    if not change.products:
        return NOTHING, NOTHING
    return NOTHING, _at(change.new, _unnamed(change.new) | set(change.products))


def shares_out(change: WorkChange) -> Lawful:
    """At a place as much of an opcode as before or a device's share: at least one in `devices`.

    A sum is now one within a device and one across devices; that of a contraction's results is new.
    """
    before, after = _by_opcode(change.before), _by_opcode(change.after)

    def across(piece: Piece) -> int:
        return sum(after[piece.place, opcode, piece.field] for opcode in _ACROSS)

    def lawful(piece: Piece) -> bool:
        key = piece[:3]
        if piece.opcode in _ACROSS:
            summed = before[piece.place, "reduce", piece.field]
            return bool(summed) or piece.place in change.products
        whole = after[key] + (across(piece) if piece.opcode == "reduce" else 0)
        return after[key] <= before[key] <= change.devices * whole

    gone, new = (Counter({p: n for p, n in side.items() if lawful(p)}) for side in change[:2])
    return gone, new


_ACROSS = ("all-reduce", "reduce-scatter")


def _by_opcode(pieces: Pieces) -> Counter[tuple[Place, str, str]]:
    """Operations of each opcode at each place."""
    found: Counter[tuple[Place, str, str]] = Counter()
    for piece, times in pieces.items():
        found[piece[:3]] += piece.amount * times
    return found


def amount(pieces: Pieces, *fields: str) -> int:
    """Operations of all executions, of the fields given or of both."""
    chosen = fields or FIELDS
    return sum(piece.amount * n for piece, n in pieces.items() if piece.field in chosen)


def _nameless(place: Place) -> bool:
    """Whether the compiler made it: no part of the program has its name."""
    return place.scope[-1:] == COMPILER


def _unnamed(pieces: Pieces) -> set[Place]:
    return {piece.place for piece in pieces if _nameless(piece.place)}


def _of(pieces: Pieces, opcodes: Iterable[str]) -> Pieces:
    chosen = frozenset(opcodes)
    return Counter({piece: times for piece, times in pieces.items() if piece.opcode in chosen})


def _at(pieces: Pieces, places: set[Place]) -> Pieces:
    return Counter({piece: times for piece, times in pieces.items() if piece.place in places})


def _among(pieces: Pieces, others: Pieces) -> Pieces:
    known = {piece.alike for piece in others}
    return Counter({piece: times for piece, times in pieces.items() if piece.alike in known})
