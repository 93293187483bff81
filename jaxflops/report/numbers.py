"""Exact counts as text: the one formatter of every report."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal
from fractions import Fraction
from typing import Literal

from jaxflops.polynomial import Count, Polynomial, Ratio, ratio

Unit = Literal["FLOP", "MAC", "B", ""]
"""What a column counts; bytes get binary prefixes, everything else decimal ones."""

SHORT = 15
"""Characters up to which an int is written out: 999,999,999,999."""

_DECIMAL = ("", "k", "M", "G", "T", "P", "E", "Z", "Y", "R", "Q")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
_DIGITS = Context(prec=4)


def exact(count: Count) -> str:
    """`1,234,567`; a polynomial as it prints."""
    return f"{count:,}" if isinstance(count, int) else str(count)


def short(count: Count, unit: Unit = "") -> str:
    """The exact number while it is short, otherwise four digits and a prefix."""
    text = exact(count)
    return text if isinstance(count, Polynomial) or len(text) <= SHORT else rounded(count, unit)


def rounded(count: int, unit: Unit = "") -> str:
    """`3.243 EFLOP`, `1.5 TiB`: four digits, for reading; the exact number is in the data."""
    base, prefixes = (1024, _BINARY) if unit == "B" else (1000, _DECIMAL)
    power = 0
    value = Fraction(count)
    while abs(_four_digits(value)) >= base and power < len(prefixes) - 1:
        value, power = value / base, power + 1
    return f"{_four_digits(value):f} {prefixes[power]}{unit}".strip()


def column(counts: Sequence[Count], unit: Unit = "") -> list[str]:
    """One table column: all written out, or, when one is long, all with prefixes."""
    texts = [exact(count) for count in counts]
    numbers = [count for count in counts if not isinstance(count, Polynomial)]
    if len(numbers) < len(counts) or max(map(len, texts), default=0) <= SHORT:
        return texts
    return [rounded(number, unit) if number else "0" for number in numbers]


def quotient(value: Count | Ratio) -> str:
    """`2`, `5/3 = 1.667`, or a ratio of polynomials as it prints."""
    if isinstance(value, Fraction):
        return f"{value} = {_four_digits(value):f}"
    return str(value) if isinstance(value, Ratio) else exact(value)


def share(part: Count, whole: Count) -> str:
    """`12.3 %`; an exact ratio in symbols. Cut, so that only all is 100 % and only nothing 0 %."""
    value = ratio(part, whole)
    if not isinstance(value, (int, Fraction)):
        return str(value)
    hundredths = value.numerator * 10_000 // value.denominator
    if value and not hundredths:
        return "< 0.01 %"
    return f"{hundredths / 100:.2f}".rstrip("0").rstrip(".") + " %"


def _four_digits(value: Fraction | int) -> Decimal:
    """Four significant digits, without trailing zeros after the point."""
    cut = _DIGITS.divide(Decimal(value.numerator), Decimal(value.denominator))
    whole = cut.to_integral_value()
    return Decimal(int(cut)) if cut == whole else cut.normalize()
