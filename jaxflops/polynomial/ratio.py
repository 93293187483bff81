"""Exact ratios of counts, in lowest terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jaxflops.errors import JaxflopsError
from jaxflops.polynomial.common_factor import common_factor
from jaxflops.polynomial.count import Count, Polynomial, evaluate, of_terms, operand
from jaxflops.polynomial.encoding import encode
from jaxflops.polynomial.functions import from_json
from jaxflops.polynomial.numbers import check_names
from jaxflops.polynomial.terms import lowest, quotient


@dataclass(frozen=True, slots=True, eq=False)
class Ratio:
    """numerator / denominator where the denominator has symbols and does not divide; see `ratio`.

    Int coefficients without a common factor, the denominator's first one positive; in lowest terms
    unless the two are so long that the search for a common factor was given up.
    """

    numerator: Count
    denominator: Polynomial

    @property
    def symbols(self) -> frozenset[str]:
        """The names of the free symbols."""
        inner = self.numerator.symbols if isinstance(self.numerator, Polynomial) else frozenset()
        return inner | self.denominator.symbols

    def at(self, **sizes: Count) -> Count | Ratio:
        """The ratio with all or some symbols given: an int or a Fraction once all are."""
        check_names(self, sizes)
        return ratio_at(self, sizes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ratio):
            return False
        return self.numerator * other.denominator == other.numerator * self.denominator

    def __hash__(self) -> int:
        return hash(Ratio)  # equal ratios may be written differently

    def __str__(self) -> str:
        return f"{_group(self.numerator)}/({self.denominator})"

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        """Width and alignment, as for text."""
        return format(str(self), spec.replace(",", ""))

    def to_python(self) -> str:
        """A Python expression; it divides with `/`, so give it Fractions for an exact value."""
        above, below = self.numerator, self.denominator.to_python()
        return f"({above.to_python() if isinstance(above, Polynomial) else above})/({below})"

    def to_latex(self) -> str:
        r"""`\frac{numerator}{denominator}`."""
        above = self.numerator
        top = above.to_latex() if isinstance(above, Polynomial) else str(above)
        return rf"\frac{{{top}}}{{{self.denominator.to_latex()}}}"

    def to_json(self) -> dict[str, Any]:
        """`{"numerator": ..., "denominator": ...}`; `ratio_from_json` reads it back exactly."""
        terms = {"numerator": self.numerator, "denominator": self.denominator}
        return {name: encode(operand(count, "/")) for name, count in terms.items()}


def ratio(numerator: Count, denominator: Count) -> Count | Ratio:
    """The exact quotient: an int or a Fraction of numbers, a polynomial where it divides."""
    above, below = operand(numerator, "/"), operand(denominator, "/")
    if not below:
        raise JaxflopsError(
            f"ratio of {numerator} to 0: there is nothing to compare with; test the denominator "
            "before calling ratio"
        )
    exact = quotient(above, below)
    if exact is not None:
        return of_terms(exact)
    shared = common_factor(above, below)
    above, below = lowest(quotient(above, shared) or {}, quotient(below, shared) or {})
    bottom = of_terms(below)
    assert isinstance(bottom, Polynomial), "a number would have divided"
    return Ratio(of_terms(above), bottom)


def ratio_at(value: Count | Ratio, sizes: Mapping[str, Count]) -> Count | Ratio:
    """A count or a ratio with sizes given; names that do not occur in it are ignored."""
    if isinstance(value, Ratio):
        return ratio(evaluate(value.numerator, sizes), evaluate(value.denominator, sizes))
    return evaluate(value, sizes)


def ratio_to_json(value: Count | Ratio) -> Any:
    """Any result of `ratio` -> plain JSON values."""
    return value.to_json() if isinstance(value, Ratio) else encode(operand(value, "/"))


def ratio_from_json(data: Any) -> Count | Ratio:
    """What `ratio_to_json` wrote, exactly."""
    if isinstance(data, dict) and data.keys() == {"numerator", "denominator"}:
        return ratio(from_json(data["numerator"]), from_json(data["denominator"]))
    return from_json(data)


def _group(count: Count) -> str:
    text = str(count)
    return f"({text})" if " " in text else text
