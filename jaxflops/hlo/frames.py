"""A module's stack-frame tables, resolved into frames that share their callers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from jaxflops.hlo.ir import Frame

T = TypeVar("T")


class Location(NamedTuple):
    """A row of the file-location table; ids count from 1, 0 is absent."""

    file: int
    function: int
    line: int
    column: int = 0
    end_line: int = 0
    end_column: int = 0


class Frames:
    """Frame ids of one module -> `Frame`; each is made once, when it is first asked for.

    stack: (location id, parent frame id) of every frame, ids from 1, 0 for no parent.
    """

    def __init__(
        self,
        files: Sequence[str] = (),
        functions: Sequence[str] = (),
        locations: Sequence[Location] = (),
        stack: Sequence[tuple[int, int]] = (),
    ) -> None:
        self._tables = files, functions, locations
        self._stack = stack
        self._made: dict[int, Frame] = {}

    def __getitem__(self, number: int) -> Frame | None:
        """The frame `number`, None for 0; raises ValueError for one that is not in the tables."""
        if not number:
            return None
        if number not in self._made:
            for each in reversed(self._unmade(number)):
                location, parent = self._stack[each - 1]
                self._made[each] = self._frame(location, self._made.get(parent))
        return self._made[number]

    def _unmade(self, number: int) -> list[int]:
        """`number` and its callers, up to the first that is made; a cycle is an error."""
        chain: list[int] = []
        while number and number not in self._made:
            if not 0 < number <= len(self._stack) or len(chain) > len(self._stack):
                raise ValueError(f"stack frame {number} is not in a table of {len(self._stack)}")
            chain.append(number)
            number = self._stack[number - 1][1]
        return chain

    def _frame(self, location: int, parent: Frame | None) -> Frame:
        files, functions, locations = self._tables
        found = _entry(locations, location, "file location")
        return Frame(
            _entry(files, found.file, "file name"),
            found.line,
            _entry(functions, found.function, "function name") if found.function else "",
            *found[3:],
            parent=parent,
        )


def legacy_frame(said: Mapping[str, str | int]) -> Frame | None:
    """The frame of metadata that name the file and line themselves, as older dumps do."""
    if not said.get("source_file"):
        return None
    return Frame(
        str(said["source_file"]),
        int(said.get("source_line", 0)),
        column=int(said.get("source_column", 0)),
        end_line=int(said.get("source_end_line", 0)),
        end_column=int(said.get("source_end_column", 0)),
    )


def _entry(table: Sequence[T], number: int, what: str) -> T:
    if not 0 < number <= len(table):
        raise ValueError(f"{what} {number} is not in a table of {len(table)}")
    return table[number - 1]
