"""Exact counts and ratios as text, with digits for reading."""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction

from jaxflops.polynomial.count import Count
from jaxflops.polynomial.ratio import Ratio, ratio

_DIGITS = Context(prec=4)


def exact(count: Count) -> str:
    """`1,234,567`; a polynomial as it prints."""
    return f"{count:,}" if isinstance(count, int) else str(count)


def quotient(value: Count | Ratio) -> str:
    """`2`, `5/3 = 1.667`, or a ratio of polynomials as it prints."""
    if isinstance(value, Fraction):
        return f"{value} = {four_digits(value):f}"
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


def four_digits(value: Fraction | int) -> Decimal:
    """Four significant digits, without trailing zeros after the point."""
    cut = _DIGITS.divide(Decimal(value.numerator), Decimal(value.denominator))
    whole = cut.to_integral_value()
    return Decimal(int(cut)) if cut == whole else cut.normalize()
