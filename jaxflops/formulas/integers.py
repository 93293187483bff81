"""XLA's integer and boolean operations on Python ints, wrapped to the width of the result."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

_INTEGER = re.compile(r"([su])(\d+)$")
SIZE_BITS = 32
"""What JAX computes with sizes in."""


@lru_cache(maxsize=64)
def bounds(dtype: str) -> tuple[int, int] | None:
    """Least and greatest value of an integer dtype; (0, 1) for `pred`; None for other dtypes."""
    if dtype == "pred":
        return 0, 1
    found = _INTEGER.match(dtype)
    if not found:
        return None
    bits = int(found[2])
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if found[1] == "s" else (0, (1 << bits) - 1)


def narrow(dtype: str) -> bool:
    """Whether an integer dtype has fewer bits than sizes are taken to fit in."""
    found = _INTEGER.match(dtype)
    return found is not None and int(found[2]) < SIZE_BITS


def wrap(value: int, dtype: str) -> int:
    """`value` modulo the width of an integer dtype."""
    low, high = bounds(dtype) or (0, 0)
    return (value - low) % (high - low + 1) + low


def knows(opcode: str) -> bool:
    """Whether `apply` can compute this opcode."""
    return opcode in _OPERATIONS or opcode in _WIDTH_OPERATIONS


def apply(opcode: str, args: Sequence[int], dtype: str) -> int:
    """The result of an operation with a result of dtype `dtype`."""
    if opcode in _WIDTH_OPERATIONS:
        return wrap(_WIDTH_OPERATIONS[opcode](dtype, *args), dtype)
    return wrap(_OPERATIONS[opcode](*args), dtype)


def _divide(a: int, b: int) -> int:
    if b == 0:
        return -1
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _remainder(a: int, b: int) -> int:
    return a - b * _divide(a, b) if b else a


def _convert(dtype: str, a: int) -> int:
    """To `pred` by asking whether it is 0, otherwise truncated to the bits of the result."""
    return int(a != 0) if dtype == "pred" else a


def _bits(dtype: str) -> int:
    low, high = bounds(dtype) or (0, 0)
    return (high - low).bit_length()


def _shift_left(dtype: str, a: int, by: int) -> int:
    return a << by if 0 <= by < _bits(dtype) else 0


def _shift_right_logical(dtype: str, a: int, by: int) -> int:
    return (a % (1 << _bits(dtype))) >> by if 0 <= by < _bits(dtype) else 0


def _shift_right_arithmetic(dtype: str, a: int, by: int) -> int:
    signed = wrap(a, f"s{_bits(dtype)}")
    return signed >> (by if 0 <= by < _bits(dtype) else _bits(dtype) - 1)


COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "LT": lambda a, b: a < b,
    "LE": lambda a, b: a <= b,
    "GT": lambda a, b: a > b,
    "GE": lambda a, b: a >= b,
    "EQ": lambda a, b: a == b,
    "NE": lambda a, b: a != b,
}

_OPERATIONS: dict[str, Callable[..., int]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": _divide,
    "remainder": _remainder,
    "minimum": min,
    "maximum": max,
    "negate": lambda a: -a,
    "not": lambda a: ~a,
    "abs": abs,
    "sign": lambda a: (a > 0) - (a < 0),
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "clamp": lambda low, a, high: min(max(low, a), high),
    "select": lambda chosen, a, b: a if chosen else b,
}
_WIDTH_OPERATIONS: dict[str, Callable[..., int]] = {
    "convert": _convert,
    "shift-left": _shift_left,
    "shift-right-logical": _shift_right_logical,
    "shift-right-arithmetic": _shift_right_arithmetic,
}
