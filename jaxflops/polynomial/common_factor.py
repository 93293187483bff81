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

_PRIME = (1 << 61) - 1
_BUDGET = 20_000  # products of terms; the sequences can explode in many variables


def common_factor(left: Terms, right: Terms) -> Terms:
    """The greatest common factor with coprime int coefficients (Knuth, TAOCP 2, 4.6.1 C).

    Where that would take too long, 1: a ratio then stays longer than it need be.
    """
    try:
        return _Search().factor(primitive(left), primitive(right))
    except _TooLongError:
        return {ONE: 1}


class _TooLongError(Exception):
    """The budget is spent."""


class _Search:
    """One search, with its budget."""

    def __init__(self) -> None:
        self._budget = _BUDGET

    def factor(self, left: Terms, right: Terms) -> Terms:
        """The common factor of polynomials with int coefficients."""
        if not left or not right:
            return primitive(left or right)
        shared_atoms = set(atoms(left)) & set(atoms(right))
        if not shared_atoms:
            return {ONE: 1}
        x = min(sorted(shared_atoms), key=lambda atom: min(degree(left, atom), degree(right, atom)))
        inner_left, p = self._without_content(left, x)
        inner_right, q = self._without_content(right, x)
        return primitive(multiply(self.factor(inner_left, inner_right), self._sequence(p, q, x)))

    def _sequence(self, p: Terms, q: Terms, x: Atom) -> Terms:
        """The common factor of polynomials that have no factor free of `x`."""
        while _may_share(p, q, x):
            rest = self._remainder(p, q, x)
            if not rest:
                return q
            p, q = q, self._without_content(rest, x)[1]
        return {ONE: 1}

    def _without_content(self, terms: Terms, x: Atom) -> tuple[Terms, Terms]:
        """(factor free of `x`, the rest)."""
        coefficients = sorted(_by_power(terms, x).values(), key=len)
        inner = reduce(self.factor, coefficients, Terms())
        return inner, primitive(quotient(terms, inner) or {})

    def _remainder(self, left: Terms, right: Terms, x: Atom) -> Terms:
        """The remainder of c·left by right as polynomials in `x`, for some c free of `x`."""
        by = degree(right, x)
        factor = _by_power(right, x)[by]
        while left and (power := degree(left, x)) >= by:
            top = _by_power(left, x)[power]
            step = multiply(top, {((x, power - by),): 1} if power > by else {ONE: 1})
            self._budget -= len(factor) * len(left) + len(step) * len(right)
            if self._budget < 0:
                raise _TooLongError
            left = add(multiply(factor, left), multiply(step, right), -1)
        return left


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


def _may_share(left: Terms, right: Terms, x: Atom) -> bool:
    """Whether the two may have a common factor with `x` in it; False is certain.

    Modulo a prime, with the other atoms replaced by numbers, a common factor stays one, and keeps
    its degree unless the leading coefficients vanish.
    """
    values = {atom: pow(7, 5 + i, _PRIME) for i, atom in enumerate(atoms([*left, *right]))}
    p, q = _image(left, values, x), _image(right, values, x)
    if not p[-1] or not q[-1]:
        return True
    while q:
        inverse = pow(q[-1], -1, _PRIME)
        while len(p) >= len(q):
            ratio, shift = p[-1] * inverse, len(p) - len(q)
            p = [
                (a - ratio * (q[i - shift] if i >= shift else 0)) % _PRIME for i, a in enumerate(p)
            ]
            while p and not p[-1]:
                p.pop()
        p, q = q, p
    return len(p) > 1


def _image(terms: Terms, values: dict[Atom, int], x: Atom) -> list[int]:
    """Coefficients by power of `x`, modulo the prime."""
    result = [0] * (degree(terms, x) + 1)
    for monomial, value in terms.items():
        term, power = int(value), 0
        for atom, exponent in monomial:
            if atom == x:
                power = exponent
            else:
                term = term * pow(values[atom], exponent, _PRIME) % _PRIME
        result[power] = (result[power] + term) % _PRIME
    return result
