"""Scalars of a loop as straight lines in the iteration's number, and where a comparison turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from jaxflops.errors import JaxflopsError
from jaxflops.formulas.integers import COMPARISONS
from jaxflops.polynomial import Count, Polynomial, maximum


class Line(NamedTuple):
    """`slope * t + offset` in iteration t; the offset may be in symbols."""

    slope: int
    offset: Count


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
    if factor.slope or (line.slope and isinstance(factor.offset, Polynomial)):
        return None
    slope = line.slope * factor.offset if line.slope else 0
    return Line(int(slope), line.offset * factor.offset)


_COMBINE = {"add": _add, "subtract": _subtract, "multiply": _multiply}


def crossing(line: Line, direction: str) -> Count | None:
    """The first t >= 0 at which `line` stands no longer in `direction` to 0.

    None where it always does, so that only an overflow could end the loop, and where that depends
    on the sizes behind the symbols.
    """
    slope, offset = line
    if direction in ("GT", "GE"):
        return crossing(Line(-slope, -offset), {"GT": "LT", "GE": "LE"}[direction])
    if isinstance(offset, Polynomial):
        return _in_symbols(slope, offset, direction)
    return _in_numbers(slope, offset, direction)


def _in_numbers(slope: int, offset: int, direction: str) -> int | None:
    if not COMPARISONS[direction](offset, 0):
        return 0
    if direction == "EQ":
        return 1 if slope else None
    if direction == "NE":
        meets = slope != 0 and offset % slope == 0 and -offset // slope > 0
        return -offset // slope if meets else None
    return int(_ceiling(offset, slope, direction)) if slope > 0 else None


def _in_symbols(slope: int, offset: Polynomial, direction: str) -> Count | None:
    """LT and LE of a rising line, and NE of one that meets 0 at every size."""
    if direction == "NE":
        meets = slope in (1, -1) and _never_negative(-offset * slope)
        return -offset * slope if meets else None
    if direction not in ("LT", "LE") or slope <= 0:
        return None
    return maximum(0, _ceiling(offset, slope, direction))


def _ceiling(offset: Count, slope: int, direction: str) -> Count:
    """How many steps of `slope` until the line is no longer below 0, or no longer at most 0."""
    rest = -offset if direction == "LT" else 1 - offset  # how far it may still rise
    return -(-rest // slope)


def _never_negative(count: Count) -> bool:
    try:
        return count >= 0
    except JaxflopsError:
        return False
