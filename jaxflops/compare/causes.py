"""Compiler passes by what they do to contractions, each with the law that its changes must keep.

A change is explained only where its pass is known and keeps its law; any other is unexplained.
Sources: the comments of these passes in XLA (`xla/hlo/transforms`, `xla/service`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from jaxflops.compare.entries import Entries, Entry, Place, total
from jaxflops.compare.passes import Change
from jaxflops.hlo.sites import COMPILER

T = TypeVar("T")
Law = Callable[[Change], bool]


class Cause(NamedTuple):
    """A cause's name, and whether a change can be of it."""

    name: str
    law: Law


def cause_of(change: Change) -> str | None:
    """The name of a change's cause; None where the pass is not known or its law is broken."""
    if same_work(change):
        return "moved by the compiler"
    cause = CAUSES.get(change.name)
    lawful = cause is not None and (cause.law(change) or cause.law(without_moved(change)))
    return cause.name if cause is not None and lawful else None


def without_moved(change: Change) -> Change:
    """The change without instructions that only have another name: equal FLOPs, in one phase."""
    before, after = Counter(change.before), Counter(change.after)
    new = _new(change)
    for entry, times in _gone(change).items():
        for other in new:
            moved = min(times, new[other]) if _same_in_its_phase(entry, other) else 0
            before[entry] -= moved
            after[other] -= moved
            times, new[other] = times - moved, new[other] - moved  # noqa: PLW2901 - what is left
    return change._replace(before=+before, after=+after)


def _same_in_its_phase(entry: Entry, other: Entry) -> bool:
    return (entry.flops, entry.place.phase) == (other.flops, other.place.phase)


def same_work(change: Change) -> bool:
    """As many FLOPs as before: instructions were rewritten, renamed or inlined."""
    return total(change.before) == total(change.after)


def only_removes(change: Change) -> bool:
    """Nothing runs that did not run before."""
    return not _new(change)


def merges_equals(change: Change) -> bool:
    """Each product that is gone has an equal one, with as many FLOPs, that still runs."""
    kept = {entry.flops for entry in change.after}
    return only_removes(change) and all(entry.flops in kept for entry in _gone(change))


def shrinks(change: Change) -> bool:
    """Fewer FLOPs, at places that had contractions before."""
    places = {entry.place for entry in change.before}
    fewer = total(change.after) < total(change.before)
    return fewer and all(entry.place in places for entry in _new(change))


def hoists(change: Change) -> bool:
    """What runs less often has left a loop, and still runs."""
    moved = _excess(change.depths, change.new_depths)
    left = {entry for entry, depth in moved if depth}
    return merges_equals(change) and all(entry in left for entry in _gone(change))


def multiplies_by_groups(change: Change) -> bool:
    """Each contraction that is gone is there again, its FLOPs times a group count it may have had.

    Run as often, and of the same phase or without a name, which is without a phase.
    """

    def dense(entry: Entry, new: Iterable[Entry]) -> Iterator[Entry]:
        for n in sorted(change.groups):
            for other in new:
                placed = other.place.phase == entry.place.phase or other.place.scope == COMPILER
                if other.flops == n * entry.flops and placed:
                    yield other

    return _is_again(change, dense)


def makes_padding_real(change: Change) -> bool:
    """Each convolution that is gone is there again, with more of its window's taps: at most all."""

    def wider(entry: Entry, new: Iterable[Entry]) -> Iterator[Entry]:
        for other in new:
            if (
                entry.flops < other.flops <= change.taps.get(entry, 0)
                and other.place == entry.place
            ):
                yield other

    return _is_again(change, wider)


def _is_again(change: Change, fitting: Callable[[Entry, Iterable[Entry]], Iterator[Entry]]) -> bool:
    """Whether all that is gone, and nothing else, is there as something that fits it."""
    wanted = Counter(_new(change))
    for entry, times in _gone(change).items():
        found = next((other for other in fitting(entry, wanted) if wanted[other] >= times), None)
        if found is None:
            return False
        wanted[found] -= times
    return not +wanted


def repeats(change: Change) -> bool:
    """Nothing is gone, and what is new is a second run of what there was, at its place."""
    new = _new(change)
    return not _gone(change) and all(change.before.get(e, 0) >= times for e, times in new.items())


def shares_out(change: Change) -> bool:
    """At each place there is as much as before, or a device's share: at least one in `devices`."""
    before, after = _by_place(change.before), _by_place(change.after)
    return before.keys() == after.keys() and all(
        after[place] <= flops <= change.devices * after[place] for place, flops in before.items()
    )


def _by_place(entries: Entries) -> Counter[Place]:
    found: Counter[Place] = Counter()
    for entry, times in entries.items():
        found[entry.place] += entry.flops * times
    return found


def _gone(change: Change) -> dict[Entry, int]:
    return _excess(change.before, change.after)


def _new(change: Change) -> dict[Entry, int]:
    return _excess(change.after, change.before)


def _excess(left: Mapping[T, int], right: Mapping[T, int]) -> dict[T, int]:
    counts = {key: times - right.get(key, 0) for key, times in left.items()}
    return {key: times for key, times in counts.items() if times > 0}


SHARED = Cause("one device's share, not that of all", shares_out)
CAUSES = {
    "cse": Cause("common subexpression merged", merges_equals),
    "dce": Cause("dead code removed", only_removes),
    "simplify-while-loops": Cause("dead code removed", only_removes),
    "algsimp": Cause("algebraic rewrite", shrinks),
    "dot-strength-reduction": Cause("product of size 1 made elementwise", only_removes),
    "dot_decomposer": Cause("product of size 1 made elementwise", only_removes),
    "constant_folding": Cause("constant folded", only_removes),
    "while-loop-invariant-code-motion": Cause("loop-invariant product hoisted", hoists),
    "convolution-group-converter": Cause("grouped convolution made dense", multiplies_by_groups),
    "ragged_dot_rewriter": Cause("ragged product made dense over its groups", multiplies_by_groups),
    "conv-rewriter": Cause("repeated as a library's call, the original left as dead code", repeats),
    "conv-padding-legalization": Cause("padding of a convolution made real", makes_padding_real),
    "spmd-partitioning": SHARED,
    "spmd-cleanup/pipeline-start": SHARED,  # the pipeline runs inside of spmd-partitioning
}
"""By the pass's name as XLA writes it in a dump."""
