"""Rounding division, remainder, max and min of terms: a polynomial if exact, else a `Call`."""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from math import ceil, gcd

from jaxflops.polynomial.notation import to_text
from jaxflops.polynomial.order import lower_bound
from jaxflops.polynomial.terms import (
    ONE,
    Call,
    Coefficient,
    Operator,
    Terms,
    add,
    atoms,
    constant,
    conventional,
    denominator,
    lead,
    lowest,
    multiply,
    nonzero,
    quotient,
    scale,
)


def apply(operator: Operator, *arguments: Terms) -> Terms:
    """The operation on terms; max and min take any number of them."""
    if operator == "floordiv":
        return floordiv(*arguments)
    if operator == "mod":
        return mod(*arguments)
    if operator in ("ceil_log2", "ceil_pow2"):
        return logarithm(operator, *arguments)
    return reduce(lambda a, b: extreme(operator, a, b), arguments)


def call(operator: Operator, *arguments: Terms) -> Terms:
    """The operation kept whole."""
    frozen = tuple(conventional(argument) for argument in arguments)
    return {((Call(operator, frozen), 1),): 1}


def floordiv(left: Terms, right: Terms) -> Terms:
    """Python's left // right."""
    if not right:
        raise ZeroDivisionError(f"{to_text(left)} // 0")
    if list(right) == [ONE]:
        return _divide_by_number(left, right[ONE])
    exact = quotient(left, right)
    if exact is not None:
        return _divide_by_number(exact, 1)
    return call("floordiv", *lowest(left, right))


def _divide_by_number(terms: Terms, divisor: Coefficient) -> Terms:
    """floor(terms / divisor), whole multiples taken out: (T + 5)//2 = (T + 1)//2 + 2."""
    scaled = scale(terms, 1 / Fraction(divisor)) if terms else {}
    below = denominator(scaled.values())
    whole, rest = _split(scale(scaled, below), below)
    if set(rest) <= {ONE}:  # 0 <= constant < divisor
        return whole
    if lead(rest) < 0:  # floor(-a/d) = -floor((a + d - 1)/d)
        flipped = add(scale(rest, -1), constant(below - 1))
        return add(whole, _divide_by_number(flipped, below), -1)
    shared = gcd(below, *(int(value) for monomial, value in rest.items() if monomial != ONE))
    rest = nonzero({monomial: value // shared for monomial, value in rest.items()})
    return add(whole, _nested(rest, below // shared))


def _nested(terms: Terms, divisor: int) -> Terms:
    """terms // divisor, where (x // a) // b is x // (a·b)."""
    ((monomial, coefficient), *others) = terms.items()
    if not others and coefficient == 1 and len(monomial) == 1 and monomial[0][1] == 1:
        atom = monomial[0][0]
        if isinstance(atom, Call) and atom.operator == "floordiv":
            inner, by = map(dict, atom.arguments)
            return floordiv(inner, scale(by, divisor))
    return call("floordiv", terms, {ONE: divisor})


def _split(terms: Terms, divisor: int) -> tuple[Terms, Terms]:
    """(q, r) with terms = q·divisor + r: every |r| < divisor, the constant's r >= 0."""
    whole, rest = Terms(), Terms()
    for monomial, value in terms.items():
        number = int(value)
        down = number // divisor
        q = down if monomial == ONE or number >= 0 else -(-number // divisor)
        whole[monomial], rest[monomial] = q, number - q * divisor
    return nonzero(whole), nonzero(rest)


def mod(left: Terms, right: Terms) -> Terms:
    """Python's left % right."""
    if not right:
        raise ZeroDivisionError(f"{to_text(left)} % 0")
    if list(right) == [ONE] and denominator([*left.values(), right[ONE]]) == 1 and right[ONE] > 0:
        return _remainder(left, int(right[ONE]))
    whole = floordiv(left, right)
    rest = add(left, multiply(whole, right), -1)
    if not rest or not any(isinstance(atom, Call) for atom in atoms(whole)):
        return rest
    return call("mod", left, right)


def _remainder(terms: Terms, modulus: int) -> Terms:
    """terms % modulus for integer coefficients: they matter modulo the modulus only."""
    _, rest = _split(terms, modulus)
    if set(rest) <= {ONE}:
        return rest
    shared = gcd(modulus, *map(int, rest.values()))
    small: Terms = {monomial: value // shared for monomial, value in rest.items()}
    return scale(call("mod", small, {ONE: modulus // shared}), shared)


def logarithm(operator: Operator, terms: Terms) -> Terms:
    """⌈log2 n⌉, or the power of two that has it, the least that is no smaller than n."""
    if not set(terms) <= {ONE}:
        return call(operator, terms)
    power = max(ceil(terms.get(ONE, 0)) - 1, 0).bit_length()
    return constant(power if operator == "ceil_log2" else 1 << power)


def extreme(operator: Operator, left: Terms, right: Terms) -> Terms:
    """max or min; arguments that another one provably dominates are left out."""
    sign = 1 if operator == "max" else -1
    kept: list[Terms] = []
    for terms in [*_members(operator, left), *_members(operator, right)]:
        if not any(_never_negative(add(other, terms, -1), sign) for other in kept):
            kept = [o for o in kept if not _never_negative(add(terms, o, -1), sign)] + [terms]
    if len(kept) == 1:
        return kept[0]
    return call(operator, *sorted(kept, key=lambda x: (set(x) <= {ONE}, conventional(x))))


def _members(operator: Operator, terms: Terms) -> list[Terms]:
    """The arguments of a bare call of the same operator, otherwise the terms themselves."""
    if len(terms) == 1:
        ((monomial, coefficient),) = terms.items()
        if coefficient == 1 and len(monomial) == 1 and monomial[0][1] == 1:
            atom = monomial[0][0]
            if isinstance(atom, Call) and atom.operator == operator:
                return [dict(argument) for argument in atom.arguments]
    return [terms]


def _never_negative(terms: Terms, sign: int) -> bool:
    low = lower_bound(scale(terms, sign) if terms else {})
    return low is not None and low >= 0
