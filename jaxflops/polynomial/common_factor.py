"""The greatest common factor of two polynomials, by primitive remainder sequences."""

from __future__ import annotations

from functools import reduce

from jaxflops.polynomial.terms import (
    ONE,
    Atom,
    Terms,
    add,
    atoms,
    content,
    lead,
    multiply,
    quotient,
    scale,
)

_MOST_TERMS = 400  # longer remainders than this are not worth a shorter ratio


def common_factor(left: Terms, right: Terms) -> Terms:
    """The greatest common factor with coprime int coefficients (Knuth, TAOCP 2, 4.6.1 C).

    Where a remainder grows beyond 400 terms, a common factor that may not be the greatest.
    """
    if not left or not right:
        return primitive(left or right)
    order = atoms([*left, *right])
    if not order:
        return {ONE: 1}
    inner_left, p = _without_content(left, order[0])
    inner_right, q = _without_content(right, order[0])
    shared = common_factor(inner_left, inner_right)
    if degree(p, order[0]) < degree(q, order[0]):
        p, q = q, p
    while degree(q, order[0]) > 0:
        rest = _pseudo_remainder(p, q, order[0])
        if not rest:
            return primitive(multiply(shared, q))
        if len(rest) > _MOST_TERMS:
            break
        p, q = q, _without_content(rest, order[0])[1]
    return shared


def primitive(terms: Terms) -> Terms:
    """The terms with coprime int coefficients, the leading one positive."""
    if not terms:
        return terms
    shared = content(terms.values())
    scaled = scale(terms, 1 / (-shared if lead(terms) < 0 else shared))
    return {monomial: int(value) for monomial, value in scaled.items()}


def degree(terms: Terms, atom: Atom) -> int:
    """The highest power of `atom`."""
    return max(dict(monomial).get(atom, 0) for monomial in terms)


def _by_power(terms: Terms, atom: Atom) -> dict[int, Terms]:
    """Power of `atom` -> its coefficient, free of `atom`."""
    result: dict[int, Terms] = {}
    for monomial, value in terms.items():
        inner = tuple(pair for pair in monomial if pair[0] != atom)
        result.setdefault(dict(monomial).get(atom, 0), {})[inner] = value
    return result


def _without_content(terms: Terms, atom: Atom) -> tuple[Terms, Terms]:
    """(content, primitive part) of a polynomial in `atom`: the factor free of it, and the rest."""
    inner = reduce(common_factor, _by_power(terms, atom).values(), Terms())
    return inner, primitive(quotient(terms, inner) or {})


def _pseudo_remainder(left: Terms, right: Terms, atom: Atom) -> Terms:
    """The remainder of c·left by right as polynomials in `atom`, for some c free of `atom`."""
    by = degree(right, atom)
    factor = _by_power(right, atom)[by]
    while left and (power := degree(left, atom)) >= by:
        top = _by_power(left, atom)[power]
        step = multiply(top, {((atom, power - by),): 1} if power > by else {ONE: 1})
        left = add(multiply(factor, left), multiply(step, right), -1)
    return left
