"""Which elements of a value are touched: parts by how they are addressed, and their union."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise, product
from math import prod
from typing import Any, NamedTuple

from jaxflops.polynomial import Count, minimum

Key = tuple[Any, ...]
Box = tuple[tuple[int, int], ...]
MANY_BOXES = 12  # of more, the union is bounded by their sum


class Part(NamedTuple):
    """One access: how many elements, and the rows of each axis where they are known beforehand.

    An access without a box depends on data or on an iteration's number: each run of a loop's body
    may touch others.
    """

    size: Count
    box: Box | None = None


class Touch(NamedTuple):
    """What a program does to a value.

    read, written: parts by what addresses them; equal accesses are one.
    whole: every element is read.
    kept: the value's buffer is a donated argument's and becomes a result: it stays in place.
    unknown: primitives that read it whole because what they access is not known.
    """

    whole: bool = False
    read: Mapping[Key, Part] = {}
    written: Mapping[Key, Part] = {}
    kept: bool = False
    unknown: frozenset[str] = frozenset()

    def __or__(self, other: Touch) -> Touch:
        return Touch(
            self.whole or other.whole,
            {**self.read, **other.read},
            {**self.written, **other.written},
            self.kept or other.kept,
            self.unknown | other.unknown,
        )

    @property
    def reads(self) -> Touch:
        """What is read alone."""
        return self._replace(written={}, kept=False)

    def elements(self, size: Count) -> Count:
        """How many of `size` elements are read, at most."""
        return size if self.whole else extent(self.read.values(), size)

    def rekeyed(self, mark: Key) -> Touch:
        """The same elements seen through a view: no rows are known any more."""
        read = {(*mark, key): Part(part.size) for key, part in self.read.items()}
        written = {(*mark, key): Part(part.size) for key, part in self.written.items()}
        return self._replace(read=read, written=written)

    def repeated(self, times: Count | None) -> Touch:
        """By a loop that runs `times`; None: nobody knows how often."""
        if times is None:
            unsure = any(part.box is None for part in self.read.values())
            return self._replace(whole=self.whole or unsure, written=_all(self.written))
        return self._replace(read=_scaled(self.read, times), written=_scaled(self.written, times))


NOTHING = Touch()
WHOLE = Touch(whole=True)
KEPT = Touch(kept=True)
EVERYTHING = Part(-1)  # of a value written as often as nobody knows: all of it


def extent(parts: Iterable[Part], size: Count) -> Count:
    """Elements in the union of parts of a value of `size` elements, at most."""
    given = list(parts)
    if EVERYTHING in given:
        return size
    boxes = {part.box for part in given if part.box is not None}
    loose = sum((part.size for part in given if part.box is None), 0)
    if not boxes and loose == 0:
        return 0
    return minimum(size, _union(boxes) + loose)


def slices(size: Count, touch: Touch) -> Count:
    """Elements written in place, of a value of `size` elements."""
    return extent(touch.written.values(), size)


def _all(parts: Mapping[Key, Part]) -> Mapping[Key, Part]:
    return {key: part if part.box is not None else EVERYTHING for key, part in parts.items()}


def _scaled(parts: Mapping[Key, Part], times: Count) -> Mapping[Key, Part]:
    """Boxes are the same rows in each run; EVERYTHING stays."""
    return {
        key: part if part.box is not None or part is EVERYTHING else Part(part.size * times)
        for key, part in parts.items()
    }


def _union(boxes: set[Box]) -> int:
    """Elements in a union of boxes: the cells of the grid of their borders that some box covers."""
    if len(boxes) > MANY_BOXES or len({len(box) for box in boxes}) > 1:
        return sum(_volume(box) for box in boxes)
    axes = [
        sorted({edge for rows in column for edge in rows}) for column in zip(*boxes, strict=True)
    ]
    if not axes:
        return len(boxes)
    cells = product(*(pairwise(axis) for axis in axes))
    return sum(_volume(cell) for cell in cells if any(_covers(box, cell) for box in boxes))


def _volume(box: Box) -> int:
    return prod(stop - start for start, stop in box)


def _covers(box: Box, cell: Box) -> bool:
    return all(a <= c and d <= b for (a, b), (c, d) in zip(box, cell, strict=True))
