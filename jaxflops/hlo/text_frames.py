"""Where instructions come from, in HLO text: the tables at its top and each one's metadata."""

from __future__ import annotations

import re

from jaxflops.hlo.frames import Frames, Location, legacy_frame
from jaxflops.hlo.ir import Frame
from jaxflops.hlo.scanner import Scanner, unquote

TABLES = re.compile(r"(FileNames|FunctionNames|FileLocations|StackFrames)[ \t]*\n")
_ROW = re.compile(r'(\d+) (?:("(?:[^"\\\n]|\\.)*")|\{([^{}\n]*)\})[ \t]*(?:\n|$)')
_ENTRY = re.compile(r'\s*([\w-]+)=("(?:[^"\\\n]|\\.)*"|\{[^{}]*\}|[^\s"{}]+)')
_LOCATION = ("file_name_id", "function_name_id", "line", "column", "end_line", "end_column")


def read_tables(scanner: Scanner) -> Frames:
    """The four tables that stand here, in any order; all are optional."""
    tables: dict[str, list[str]] = {}
    while header := scanner.take(TABLES):
        rows = tables[header[1]] = []
        while row := scanner.take(_ROW):
            if int(row[1]) != len(rows) + 1:
                scanner.fail(f"row {row[1]} of {header[1]} follows row {len(rows)}", row.start())
            rows.append(unquote(row[2]) if row[2] else row[3])
        scanner.blank()
    return Frames(
        tables.get("FileNames", ()),
        tables.get("FunctionNames", ()),
        [_location(row) for row in tables.get("FileLocations", ())],
        _stack(tables.get("StackFrames", [])),
    )


def parse_metadata(text: str, frames: Frames) -> tuple[str, Frame | None]:
    """`op_name` and the frame of `metadata={text}`."""
    said = parse_entries(text)
    number = said.get("stack_frame_id")
    frame = frames[int(number)] if number else legacy_frame(said)
    return said.get("op_name", ""), frame


def parse_entries(text: str) -> dict[str, str]:
    """`a="x" b=2` as a dict; raises ValueError for what is not such a list."""
    found, at = {}, 0
    while at < len(text.rstrip()):
        entry = _ENTRY.match(text, at)
        if entry is None:
            raise ValueError(f"{text[at:].strip()[:40]!r} is not key=value")
        found[entry[1]] = unquote(entry[2])
        at = entry.end()
    return found


def _location(row: str) -> Location:
    said = parse_entries(row)
    return Location(*(int(said.get(key, 0)) for key in _LOCATION))


def _stack(rows: list[str]) -> list[tuple[int, int]]:
    """(location, parent) of each frame. XLA prints parents one too high, 1 where there is none."""
    said = [parse_entries(row) for row in rows]
    parents = [int(each.get("parent_frame_id", 0)) for each in said]
    shift = 1 if parents and min(parents) > 0 else 0
    return [
        (int(each.get("file_location_id", 0)), parent - shift)
        for each, parent in zip(said, parents, strict=True)
    ]
