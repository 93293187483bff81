"""Scalars of a loop as straight lines in the iteration's number, and where a comparison turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from jaxflops.hlo.integers import COMPARISONS


class Line(NamedTuple):
    """`slope * t + offset` in iteration t."""

    slope: int
    offset: int


def combine(opcode: str, args: Sequence[Line | None]) -> Line | None:
    """The result of an operation on lines; None where that is no line, or an operand is none.

    Overflow is not considered: the caller checks the ends.
    """
    lines = [arg for arg in args if arg is not None]
    if len(lines) != len(args):
        return None
    if opcode == "convert":
        return lines[0]
    if opcode == "negate":
        return Line(-lines[0].slope, -lines[0].offset)
    return _COMBINE[opcode](*lines) if opcode in _COMBINE else None


def _add(a: Line, b: Line) -> Line:
    return Line(a.slope + b.slope, a.offset + b.offset)


def _subtract(a: Line, b: Line) -> Line:
    return Line(a.slope - b.slope, a.offset - b.offset)


def _multiply(a: Line, b: Line) -> Line | None:
    line, factor = (a, b) if b.slope == 0 else (b, a)
    if factor.slope:
        return None
    return Line(line.slope * factor.offset, line.offset * factor.offset)


_COMBINE = {"add": _add, "subtract": _subtract, "multiply": _multiply}


def crossing(line: Line, direction: str) -> int | None:
    """The first t >= 0 at which `line` stands no longer in `direction` to 0.

    None where it always does, so that only an overflow could end the loop.
    """
    slope, offset = line
    if not COMPARISONS[direction](offset, 0):
        return 0
    if direction in ("GT", "GE"):
        return crossing(Line(-slope, -offset), {"GT": "LT", "GE": "LE"}[direction])
    if direction == "EQ":
        return 1 if slope else None
    if direction == "NE":
        meets = slope != 0 and offset % slope == 0 and -offset // slope > 0
        return -offset // slope if meets else None
    if slope <= 0:
        return None
    rest = -offset if direction == "LT" else 1 - offset  # how far it may still rise
    return -(-rest // slope)
