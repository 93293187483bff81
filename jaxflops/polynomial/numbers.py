"""What counts as an exact number, and what as a size's name."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from operator import index
from typing import Protocol

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


class _Symbolic(Protocol):
    @property
    def symbols(self) -> frozenset[str]: ...


def check_names(value: _Symbolic, names: Iterable[str]) -> None:
    """Raise unless every name is one of the value's free symbols."""
    unknown = ", ".join(sorted(set(names) - value.symbols))
    if unknown:
        known = ", ".join(sorted(value.symbols))
        raise JaxflopsError(f"{value} has no symbol {unknown}; its symbols are: {known}")
