"""Elementwise work, lowered against compiled: which pass of the compiler changed what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from jaxflops.compare.elementwise import Elementwise
from jaxflops.compare.entries import FIELDS, Pieces, Place, pieces
from jaxflops.compare.ledger import Columns
from jaxflops.compare.live import live
from jaxflops.compare.passes import Passes, Step
from jaxflops.compare.rows import WorkRow
from jaxflops.compare.work_causes import DEAD, WORK_CAUSES
from jaxflops.compare.work_change import NOTHING, changed, renamed
from jaxflops.compare.work_laws import amount
from jaxflops.errors import JaxflopsError
from jaxflops.hlo.ir import Module
from jaxflops.hlo.walk import walk


class Part(NamedTuple):
    """Pieces that are gone and new for one cause."""

    cause: str
    gone: Pieces
    new: Pieces = NOTHING
    explained: bool = True


class Ends(NamedTuple):
    """Pieces of the lowered program, those of it that are not dead, and the compiled program's."""

    lowered: Pieces
    live: Pieces
    compiled: Pieces


def with_compiled(found: Elementwise, module: Module, columns: Columns) -> Elementwise:
    """The account up to the lowered `module`, with the step to what was compiled of it."""
    assert columns.compiled is not None
    assert columns.passes is not None
    lowered, last = columns.lowered, columns.compiled
    alive = live(module)
    needed = lowered if alive is module else walk(alive, columns.passes.options)
    before, kept, after = (pieces(tree.leaves()) for tree in (lowered, needed, last))
    if before is None or kept is None or after is None:
        raise JaxflopsError(
            "a loop of the compiled program runs as often as data decide: its elementwise work is "
            "no number (a ledger's `.rows`, of contractions, are)"
        )
    rows = compiled_work(Ends(before, kept, after), columns.passes)
    totals = int(last.total.other_flops), int(last.total.transcendentals)
    return found._replace(rows=(*found.rows, *rows), compiled=totals)


def compiled_work(ends: Ends, passes: Passes) -> list[WorkRow]:
    """A row for each cause, and one for each place in the pipeline that has none.

    Their changes sum to that of the totals.
    """
    return [row for part in _merged(_parts(ends, passes)) if (row := _row(part)).size]


def _parts(ends: Ends, passes: Passes) -> Iterator[Part]:
    steps = passes.steps
    if not steps:
        yield from _rest(ends.lowered, ends.compiled, "this backend dumps no HLO between passes")
        return
    yield Part(DEAD.name, Counter(ends.lowered) - Counter(ends.live))
    yield from _rest(ends.live, _known(steps[0]), "before the first pass")
    for step in steps[1:-1]:
        yield from _of_pass(step, passes.devices)
    yield from _rest(_known(steps[-1]), ends.compiled, "after the last pass")


def _known(step: Step) -> Pieces:
    return step.after.pieces or NOTHING


def _of_pass(step: Step, devices: int) -> Iterator[Part]:
    """What the pass did within its law, and what else."""
    change = changed(step.before, step.after, devices)
    cause = WORK_CAUSES.get(step.name)
    gone, new = map(Counter, cause.law(change) if cause is not None else (NOTHING, NOTHING))
    left_gone, left_new = Counter(change.gone) - gone, Counter(change.new) - new
    for left, others in ((left_gone, left_new), (left_gone, new), (left_new, gone)):
        renamed(left, others)
    if cause is not None:
        yield Part(f"{cause.name} (pass {step.name})", +gone, +new)
    yield Part(f"unexplained (pass {step.name})", +left_gone, +left_new, explained=False)


def _rest(before: Pieces, after: Pieces, where: str) -> Iterator[Part]:
    """What only one of two forms of the same module has: nothing may be."""
    gone, new = Counter(before) - Counter(after), Counter(after) - Counter(before)
    renamed(gone, new)
    yield Part(f"unexplained ({where})", +gone, +new, explained=False)


def _merged(parts: Iterable[Part]) -> Iterator[Part]:
    """One part for each cause, in the order of their first."""
    found: dict[str, Part] = {}
    for part in parts:
        known = found.get(part.cause, part._replace(gone=NOTHING, new=NOTHING))
        gone, new = Counter(known.gone), Counter(known.new)
        gone.update(part.gone)
        new.update(part.new)
        found[part.cause] = part._replace(gone=gone, new=new)
    yield from found.values()


def _row(part: Part) -> WorkRow:
    flops, calls = (amount(part.new, field) - amount(part.gone, field) for field in FIELDS)
    size = amount(part.gone) + amount(part.new) if part.explained else _size(part)
    places = dict.fromkeys(str(piece.place) for piece in (*part.new, *part.gone))
    return WorkRow(
        "lowered to compiled", _cause(part), flops, calls, size, tuple(places), part.explained
    )


def _cause(part: Part) -> str:
    """The cause, with the opcodes that it concerns."""
    gone, new = (", ".join(dict.fromkeys(p.opcode for p in each)) for each in (part.gone, part.new))
    return f"{part.cause}: {gone} -> {new}" if gone and new else f"{part.cause}: {gone or new}"


def _size(part: Part) -> int:
    """What differs of each opcode at each place."""
    net: Counter[tuple[Place, str, str]] = Counter()
    for sign, side in ((-1, part.gone), (1, part.new)):
        for piece, times in side.items():
            net[piece[:3]] += sign * piece.amount * times
    return sum(map(abs, net.values()))
