"""Interpolation by Newton's divided differences, in exact fractions."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from jaxflops.polynomial.count import Count, symbol


def next_row(last: list[Count], value: Count, values: Sequence[int], number: int) -> list[Count]:
    """Divided differences that end at point `number`, from those that end at the one before."""
    row = [value]
    for order, before in enumerate(last, start=1):
        share: Any = Fraction(1, values[number] - values[number - order])
        row.append((row[-1] - before) * share)
    return row


def distance(values: Sequence[int], number: int) -> int:
    """The product of x - y over the points y before x."""
    result = 1
    for before in values[:number]:
        result *= values[number] - before
    return result


def newton(name: str, nodes: Sequence[int], values: Sequence[Count]) -> Count:
    """The polynomial in `name` through (nodes, values)."""
    row: list[Count] = []
    result: Count = 0
    basis: Count = 1
    for number, value in enumerate(values):
        row = next_row(row, value, nodes, number)
        result = result + row[-1] * basis
        basis = basis * (symbol(name) - nodes[number])
    return result
