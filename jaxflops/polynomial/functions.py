"""Functions of any count, be it an int or a polynomial."""

from __future__ import annotations

from typing import Any

from jaxflops.polynomial import opaque
from jaxflops.polynomial.count import Count, of_terms, operand, terms_of
from jaxflops.polynomial.encoding import decode, encode


def maximum(left: Count, right: Count) -> Count:
    """The larger count; kept whole, as max(B, D), where that depends on the sizes."""
    return of_terms(opaque.extreme("max", operand(left, "max"), operand(right, "max")))


def minimum(left: Count, right: Count) -> Count:
    """The smaller count; kept whole, as min(B, D), where that depends on the sizes."""
    return of_terms(opaque.extreme("min", operand(left, "min"), operand(right, "min")))


def ceil_log2(count: Count) -> Count:
    """⌈log2 n⌉, 0 for n <= 1; kept whole where n has symbols."""
    return of_terms(opaque.logarithm("ceil_log2", operand(count, "ceil_log2")))


def ceil_pow2(count: Count) -> Count:
    """The least power of two that is no smaller than n; kept whole where n has symbols."""
    return of_terms(opaque.logarithm("ceil_pow2", operand(count, "ceil_pow2")))


def to_json(count: Count) -> Any:
    """A count -> plain JSON values: an int (a decimal string above 2^53) or a list of terms."""
    return encode(terms_of(count))


def from_json(data: Any) -> Count:
    """The count that `to_json` wrote, exactly."""
    return of_terms(decode(data))


def lowest_coefficients(count: Count) -> Count:
    """The same count with every whole coefficient an int."""
    terms = terms_of(count).items()
    return of_terms({m: int(v) if v.denominator == 1 else v for m, v in terms})
