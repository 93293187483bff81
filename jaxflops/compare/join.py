"""Join two multisets of contractions; what has no counterpart is matched ever more loosely.

What agrees in everything is gone first; a place without a source, as library code has that is
traced apart, agrees with any of its phase and scope. The rest is paired at the same place (another
number of FLOPs or executions there), then with equal FLOPs at another phase of the same place, then
anywhere; what is left then has no counterpart. Every FLOP of both sides is in exactly one match.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Literal, NamedTuple

from jaxflops.compare.entries import Entries, Entry, Place, total

How = Literal["other count", "other phase", "other place", "missing", "added"]


class Difference(NamedTuple):
    """Contractions that do not agree.

    change: FLOPs of the right side less those of the left.
    size: FLOPs that differ; of what only changed its phase or place, all of them.
    """

    how: How
    change: int
    size: int
    places: tuple[Place, ...]


def join(left: Entries, right: Entries) -> list[Difference]:
    """Every difference between two multisets; their changes sum to that of the totals."""
    gone, new = Counter(left), Counter(right)
    gone, new = gone - new, new - gone
    _without_source(gone, new)
    found = [*_at_one_place(gone, new)]
    found += _moved(gone, new, "other phase", lambda e: (*e.place[1:], e.flops))
    found += _moved(gone, new, "other place", lambda e: e.flops)
    for how, sign, rest in (("missing", -1, gone), ("added", 1, new)):
        for entry, times in rest.items():
            size = entry.flops * times
            found.append(Difference(how, sign * size, size, (entry.place,)))  # type: ignore[arg-type]
    return found


def _without_source(gone: Counter[Entry], new: Counter[Entry]) -> None:
    """What agrees as far as the side without a source says; taken out of both."""
    for entry, other in _pairs(gone, new, _unsourced):
        if not (entry.place.file and other.place.file):
            _cancel(gone, new, entry, other)
    _clean(gone, new)


def _unsourced(entry: Entry) -> Entry:
    return entry._replace(place=entry.place._replace(file="", line=0))


def _at_one_place(gone: Counter[Entry], new: Counter[Entry]) -> Iterator[Difference]:
    """Other work at a place that both sides have; taken out of both."""
    for place in sorted({e.place for e in gone} & {e.place for e in new}):
        before, after = (_take(side, place) for side in (gone, new))
        change = after - before
        yield Difference("other count", change, abs(change), (place,))


def _take(side: Counter[Entry], place: Place) -> int:
    here = {entry: times for entry, times in side.items() if entry.place == place}
    for entry in here:
        del side[entry]
    return total(here)


def _moved(
    gone: Counter[Entry], new: Counter[Entry], how: How, key: Callable[[Entry], Hashable]
) -> Iterator[Difference]:
    """Equal work that stands elsewhere on the other side; taken out of both."""
    for entry, other in _pairs(gone, new, key):
        times = _cancel(gone, new, entry, other)
        if times:
            yield Difference(how, 0, entry.flops * times, (entry.place, other.place))
    _clean(gone, new)


def _pairs(
    gone: Iterable[Entry], new: Iterable[Entry], key: Callable[[Entry], Hashable]
) -> Iterator[tuple[Entry, Entry]]:
    homes: dict[Hashable, list[Entry]] = {}
    for entry in new:
        homes.setdefault(key(entry), []).append(entry)
    for entry in list(gone):
        for other in homes.get(key(entry), ()):
            yield entry, other


def _cancel(gone: Counter[Entry], new: Counter[Entry], entry: Entry, other: Entry) -> int:
    times = min(gone[entry], new[other])
    gone[entry] -= times
    new[other] -= times
    return times


def _clean(*sides: Counter[Entry]) -> None:
    for side in sides:
        for entry in [e for e, times in side.items() if not times]:
            del side[entry]
