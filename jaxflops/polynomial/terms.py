"""Sums of monomials as plain dicts: the ring arithmetic under `polynomial`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm
from typing import Any, Literal, NamedTuple, TypeAlias

Operator = Literal["floordiv", "mod", "max", "min", "ceil_log2", "ceil_pow2"]
OPERANDS: dict[Operator, int] = {"floordiv": 2, "mod": 2, "ceil_log2": 1, "ceil_pow2": 1}
OPERATORS: tuple[Operator, ...] = ("max", "min", *OPERANDS)


class Call(NamedTuple):
    """An operation that is no polynomial, kept whole; arguments are frozen terms."""

    operator: Operator
    arguments: tuple[Frozen, ...]

    def __lt__(self, other: object) -> bool:  # symbols (strings) come before calls
        return isinstance(other, Call) and tuple(self) < tuple(other)

    def __gt__(self, other: object) -> bool:
        return not isinstance(other, Call) or tuple(self) > tuple(other)


Atom: TypeAlias = str | Call
Monomial: TypeAlias = tuple[tuple[Atom, int], ...]  # sorted by atom; exponents >= 1
Coefficient: TypeAlias = int | Fraction
Terms: TypeAlias = dict[Monomial, Coefficient]  # without zero coefficients
Frozen: TypeAlias = tuple[tuple[Monomial, Coefficient], ...]  # in `conventional` order
ONE: Monomial = ()


@lru_cache(maxsize=1 << 16)
def product(left: Monomial, right: Monomial) -> Monomial:
    """The product of two monomials."""
    powers = dict(left)
    for atom, exponent in right:
        powers[atom] = powers.get(atom, 0) + exponent
    return tuple(sorted(powers.items()))  # atoms differ, so exponents are never compared


def add(left: Terms, right: Terms, sign: int = 1) -> Terms:
    """left + sign * right."""
    result = left.copy()
    for monomial, coefficient in right.items():
        value = result.get(monomial, 0) + sign * coefficient
        if value:
            result[monomial] = value
        else:
            del result[monomial]
    return result


def multiply(left: Terms, right: Terms) -> Terms:
    """left * right."""
    result: Terms = {}
    for a, x in left.items():
        for b, y in right.items():
            monomial = product(a, b)
            result[monomial] = result.get(monomial, 0) + x * y
    return nonzero(result)


def nonzero(terms: Terms) -> Terms:
    """The terms whose coefficient is not zero."""
    return {monomial: value for monomial, value in terms.items() if value}


def scale(terms: Terms, factor: Coefficient) -> Terms:
    """factor * terms, for a factor that is not zero."""
    return {monomial: value * factor for monomial, value in terms.items()}


def constant(value: Coefficient) -> Terms:
    """The terms of a number."""
    return {ONE: value} if value else {}


def atoms(monomials: Iterable[Monomial]) -> list[Atom]:
    """Every atom that occurs, in order."""
    found: set[Any] = {atom for monomial in monomials for atom, _ in monomial}
    return sorted(found)


def symbols(monomials: Iterable[Monomial]) -> Iterator[str]:
    """The names of the symbols, also inside calls; a name may come more than once."""
    for atom in atoms(monomials):
        if isinstance(atom, str):
            yield atom
        else:
            for argument in atom.arguments:
                yield from symbols(dict(argument))


def exponents(monomial: Monomial, order: list[Atom]) -> tuple[int, ...]:
    """The exponent of each atom of `order`."""
    powers = dict(monomial)
    return tuple(powers.get(atom, 0) for atom in order)


def conventional(terms: Mapping[Monomial, Coefficient]) -> Frozen:
    """Terms by falling total degree, then higher powers of earlier symbols first."""
    order = atoms(terms)

    def rank(item: tuple[Monomial, Coefficient]) -> tuple[int, tuple[int, ...]]:
        powers = exponents(item[0], order)
        return sum(powers), powers

    return tuple(sorted(terms.items(), key=rank, reverse=True))


def lead(terms: Terms) -> Coefficient:
    """The coefficient of the first term."""
    return conventional(terms)[0][1]


def denominator(coefficients: Iterable[Coefficient]) -> int:
    """The least common denominator."""
    return lcm(*(value.denominator for value in coefficients))


def content(coefficients: Iterable[Coefficient]) -> Fraction:
    """The largest positive number that leaves integers when divided out of all."""
    values = list(coefficients)
    below = denominator(values)
    return Fraction(gcd(*(int(value * below) for value in values)), below)


def common_monomial(monomials: Iterable[Monomial]) -> Monomial:
    """The largest monomial that divides every one."""
    first, *rest = (dict(monomial) for monomial in monomials)
    least = {atom: min([power, *(m.get(atom, 0) for m in rest)]) for atom, power in first.items()}
    return tuple((atom, power) for atom, power in least.items() if power)


def monomial_quotient(left: Monomial, right: Monomial) -> Monomial | None:
    """left / right, or None where the right one does not divide."""
    powers = dict(left)
    for atom, exponent in right:
        powers[atom] = powers.get(atom, 0) - exponent
        if powers[atom] < 0:
            return None
    return tuple((atom, power) for atom, power in powers.items() if power)


def quotient(left: Terms, right: Terms) -> Terms | None:
    """left / right over the rationals, or None where there is a remainder (long division)."""
    order = atoms([*left, *right])

    def leading(terms: Terms) -> Monomial:
        return max(terms, key=lambda monomial: exponents(monomial, order))

    divisor, result = leading(right), Terms()
    while left:
        top = leading(left)
        monomial = monomial_quotient(top, divisor)
        if monomial is None:
            return None
        step: Terms = {monomial: Fraction(left[top]) / right[divisor]}
        result.update(step)
        left = add(left, multiply(step, right), -1)
    return result


def lowest(left: Terms, right: Terms) -> tuple[Terms, Terms]:
    """Both without their common number and common monomial, and the right one's lead positive."""
    shared = content([*left.values(), *right.values()])
    if lead(right) < 0:
        shared = -shared
    common: Terms = {common_monomial([*left, *right]): shared}
    return quotient(left, common) or {}, quotient(right, common) or {}
