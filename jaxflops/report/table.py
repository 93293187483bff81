"""`Table`: exact counts in rows and columns, and its layout as plain text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from jaxflops.polynomial import Count
from jaxflops.report import numbers

WIDTH = 100
GAP = "  "
_LABEL = 60  # characters of a label before its middle is left out


class Column(NamedTuple):
    """A heading and what is counted under it."""

    name: str
    unit: numbers.Unit = ""


class Row(NamedTuple):
    """A label and one count for each column."""

    label: str
    counts: tuple[Count, ...]


@dataclass(frozen=True)
class Table:
    """Rows that add up, column by column, to the total; it refuses to exist otherwise.

    corner: the heading of the labels.
    """

    corner: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    total: tuple[Count, ...]

    def __post_init__(self) -> None:
        sums = tuple(map(_sum, self._counts()))
        if sums != self.total:
            raise AssertionError(f"{self.corner}: the rows add up to {sums}, not {self.total}")

    def cells(self) -> list[list[str]]:
        """Texts by column, headings first and totals last; all of a column written alike."""
        return [
            [
                heading.name,
                *numbers.column([*(row.counts[i] for row in self.rows), total], heading.unit),
            ]
            for i, (heading, total) in enumerate(zip(self.columns, self.total, strict=True))
        ]

    def _counts(self) -> list[list[Count]]:
        """The counts of the rows by column."""
        return [[row.counts[i] for row in self.rows] for i in range(len(self.columns))]

    def labels(self) -> list[str]:
        """The texts of the first column, heading first and `total` last."""
        return [self.corner, *(_elide(row.label) for row in self.rows), "total"]

    def shortened(self, top: int) -> Table:
        """The first `top` rows; the others as one row that carries their exact sum."""
        kept, rest = self.rows[:top], self.rows[top:]
        if len(rest) <= 1:
            return self
        sums = tuple(map(_sum, zip(*(row.counts for row in rest), strict=True)))
        return replace(self, rows=(*kept, Row(f"... {len(rest)} more", sums)))

    def bands(self, width: int = WIDTH, gap: int = len(GAP)) -> Iterator[Table]:
        """Tables of as many columns as fit side by side, at least one each."""
        room = width - max(map(len, self.labels()))
        start, used = 0, 0
        for i, texts in enumerate(self.cells()):
            needed = gap + max(map(len, texts))
            if i > start and used + needed > room:
                yield self._slice(start, i)
                start, used = i, 0
            used += needed
        yield self._slice(start, len(self.columns))

    def _slice(self, start: int, stop: int) -> Table:
        rows = tuple(Row(row.label, row.counts[start:stop]) for row in self.rows)
        return Table(self.corner, self.columns[start:stop], rows, self.total[start:stop])


def _sum(counts: Sequence[Count]) -> Count:
    return sum(counts, start=0)


def render(table: Table, width: int = WIDTH) -> str:
    """Plain text of at most `width` columns: numbers to the right, too many columns in bands."""
    return "\n\n".join(_band(band, width) for band in table.bands(width))


def _band(table: Table, width: int) -> str:
    labels, columns = table.labels(), table.cells()
    margin = max(map(len, labels)) + len(GAP)
    room = width - margin
    if len(columns) == 1 and max(map(len, columns[0])) > room:
        cells = [_wrap(text, room) for text in columns[0]]
        lines = [
            line
            for label, parts in zip(labels, cells, strict=True)
            for line in _hang(label.ljust(margin), parts)
        ]
    else:
        widths = [max(map(len, texts)) for texts in columns]
        lines = [
            label.ljust(margin) + GAP.join(map(str.rjust, texts, widths))
            for label, texts in zip(labels, zip(*columns, strict=True), strict=True)
        ]
    rule = "-" * max(map(len, lines))
    return "\n".join(line.rstrip() for line in [lines[0], rule, *lines[1:-1], rule, lines[-1]])


def _hang(label: str, parts: Sequence[str]) -> list[str]:
    """The label before the first part, the other parts below it."""
    return [label + parts[0], *(" " * len(label) + part for part in parts[1:])]


def _wrap(formula: str, room: int) -> list[str]:
    """A sum broken before its signs; a term that is longer than a line stays whole."""
    lines = [""]
    for term in formula.replace(" + ", "\n+ ").replace(" - ", "\n- ").split("\n"):
        joined = f"{lines[-1]} {term}".strip()
        if len(joined) <= room or not lines[-1]:
            lines[-1] = joined
        else:
            lines.append(term)
    return lines


def _elide(label: str) -> str:
    if len(label) <= _LABEL:
        return label
    half = (_LABEL - 3) // 2
    return f"{label[:half]}...{label[-half:]}"
