"""What counts as an exact number."""

from __future__ import annotations

from fractions import Fraction
from operator import index

from jaxflops.errors import JaxflopsError
from jaxflops.polynomial.terms import Coefficient


def number(value: object, operator: str) -> Coefficient:
    """An exact number, or an error that says what to write."""
    if type(value) is int or isinstance(value, Fraction):
        return value
    if hasattr(value, "__index__"):
        return index(value)  # bool and NumPy integers
    raise JaxflopsError(
        f"counts are exact: {operator} takes an int, a Fraction or a Polynomial, not {value!r} of "
        f"type {type(value).__name__}; write Fraction(1, 2) for a half and x // 2 to round down"
    )
