"""Exact counts as text: the one formatter of every report."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from jaxflops.polynomial import Count, Polynomial
from jaxflops.polynomial.shown import exact, four_digits, quotient, share

__all__ = ["SHORT", "Unit", "column", "exact", "quotient", "rounded", "share", "short"]

Unit = Literal["FLOP", "MAC", "B", ""]
"""What a column counts; bytes get binary prefixes, everything else decimal ones."""

SHORT = 15
"""Characters up to which an int is written out: 999,999,999,999."""

_DECIMAL = ("", "k", "M", "G", "T", "P", "E", "Z", "Y", "R", "Q")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")


def short(count: Count, unit: Unit = "") -> str:
    """The exact number while it is short, otherwise four digits and a prefix."""
    text = exact(count)
    return text if isinstance(count, Polynomial) or len(text) <= SHORT else rounded(count, unit)


def rounded(count: int, unit: Unit = "") -> str:
    """`3.243 EFLOP`, `1.5 TiB`: four digits, for reading; the exact number is in the data."""
    base, prefixes = (1024, _BINARY) if unit == "B" else (1000, _DECIMAL)
    power = 0
    value = Fraction(count)
    while abs(four_digits(value)) >= base and power < len(prefixes) - 1:
        value, power = value / base, power + 1
    return f"{four_digits(value):f} {prefixes[power]}{unit}".strip()


def column(counts: Sequence[Count], unit: Unit = "") -> list[str]:
    """One table column: all written out, or, when one is long, all with prefixes."""
    texts = [exact(count) for count in counts]
    numbers = [count for count in counts if not isinstance(count, Polynomial)]
    if len(numbers) < len(counts) or max(map(len, texts), default=0) <= SHORT:
        return texts
    return [rounded(number, unit) if number else "0" for number in numbers]
