"""Exact sizes and counts: a Python int, or a polynomial in named sizes.

Symbols stand for sizes, so orders are decided for integers >= 1 (open trip counts, written
`trips(file:line)`, for integers >= 0). Division, remainder, max, min and logarithms that are no
polynomial stay whole, as opaque atoms. Coefficients are ints, or Fractions as in T·(T + 1)/2;
never floats.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from operator import index
from typing import Any, Never, TypeAlias, cast

from jaxflops.errors import JaxflopsError
from jaxflops.polynomial import opaque
from jaxflops.polynomial import terms as t
from jaxflops.polynomial.encoding import encode
from jaxflops.polynomial.notation import to_latex, to_python, to_text
from jaxflops.polynomial.numbers import check_names, number
from jaxflops.polynomial.order import is_less, sizes_hint
from jaxflops.polynomial.terms import ONE, Atom, Coefficient, Terms

_NAME = re.compile(r"(?!(max|min|mod|floordiv|ceil_log2|ceil_pow2)\()[^\W\d]\w*(\(.*\))?")


class Polynomial:
    """An immutable polynomial that is not constant (`symbol` and arithmetic make them).

    Whatever ends constant is a plain int, or a Fraction where it is really fractional.
    """

    __slots__ = ("_hash", "terms")
    _hash: int
    terms: Terms
    """Monomial -> coefficient, not to be changed; a monomial is a sorted tuple of (atom, power)."""

    def __init__(self) -> None:
        raise JaxflopsError("a Polynomial is made by arithmetic on symbols: write symbol('B') * 2")

    def __setattr__(self, name: str, value: object) -> Never:
        raise JaxflopsError(f"a Polynomial is immutable: {name} of {self} cannot be set")

    @property
    def symbols(self) -> frozenset[str]:
        """The names of the free symbols, also of those inside //, %, max and min."""
        return frozenset(t.symbols(self.terms))

    def at(self, **sizes: Count) -> Count:
        """The count with all or some symbols given: ints >= 0 or other polynomials."""
        check_names(self, sizes)
        return evaluate(self, sizes)

    def __add__(self, other: Count) -> Count:
        return of_terms(t.add(self.terms, operand(other, "+")))

    __radd__ = __add__

    def __neg__(self) -> Polynomial:
        return _raw(t.scale(self.terms, -1))

    def __sub__(self, other: Count) -> Count:
        return of_terms(t.add(self.terms, operand(other, "-"), -1))

    def __rsub__(self, other: Count) -> Count:
        return -self + other

    def __mul__(self, other: Count) -> Count:
        if type(other) is Polynomial:
            return of_terms(t.multiply(self.terms, other.terms))
        value = number(other, "*")
        if value == 1:
            return self
        return _raw(t.scale(self.terms, value)) if value else 0

    __rmul__ = __mul__

    def __truediv__(self, other: Coefficient | Polynomial) -> Polynomial:
        if isinstance(other, Polynomial):
            raise JaxflopsError(f"({self}) / ({other}): write jf.ratio(a, b) for an exact ratio")
        return _raw(t.scale(self.terms, 1 / Fraction(number(other, "/"))))

    def __rtruediv__(self, other: object) -> Polynomial:
        raise JaxflopsError(f"{other} / ({self}): write jf.ratio(a, b) for an exact ratio")

    def __pow__(self, exponent: int) -> Count:
        if not isinstance(exponent, int) or exponent < 0:
            raise JaxflopsError(
                f"({self}) ** {exponent}: the exponent must be an int >= 0; for a quotient write "
                "jf.ratio(a, b)"
            )
        result: Count = 1
        for _ in range(exponent):
            result = result * self
        return result

    def __floordiv__(self, other: Count) -> Count:
        return of_terms(opaque.floordiv(self.terms, operand(other, "//")))

    def __rfloordiv__(self, other: Count) -> Count:
        return of_terms(opaque.floordiv(operand(other, "//"), self.terms))

    def __mod__(self, other: Count) -> Count:
        return of_terms(opaque.mod(self.terms, operand(other, "%")))

    def __rmod__(self, other: Count) -> Count:
        return of_terms(opaque.mod(operand(other, "%"), self.terms))

    def __eq__(self, other: object) -> bool:
        return self.terms == other.terms if type(other) is Polynomial else False

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            object.__setattr__(self, "_hash", hash(frozenset(self.terms.items())))
            return self._hash

    def __lt__(self, other: Count) -> bool:
        return is_less(self.terms, operand(other, "<"))

    def __gt__(self, other: Count) -> bool:
        return is_less(operand(other, "<"), self.terms)

    def __le__(self, other: Count) -> bool:
        return not is_less(operand(other, "<"), self.terms)

    def __ge__(self, other: Count) -> bool:
        return not is_less(self.terms, operand(other, "<"))

    def __bool__(self) -> bool:
        return True  # as `!= 0` says: not zero at all sizes, though perhaps at some

    def __int__(self) -> int:
        raise self._no_number()

    def __float__(self) -> float:
        raise self._no_number()

    def _no_number(self) -> JaxflopsError:
        hint = sizes_hint(self.terms)
        return JaxflopsError(f"{self} is no number while it has symbols; give sizes with {hint}")

    def __format__(self, spec: str) -> str:
        """Width and alignment as for text; a thousands separator changes nothing in symbols."""
        return format(str(self), spec.replace(",", ""))

    def __str__(self) -> str:
        return to_text(self.terms)

    __repr__ = __str__

    def to_python(self) -> str:
        """A Python expression: `2*B*D**2 + 2*B*D*K`; names that are none become identifiers."""
        return to_python(self.terms)

    def to_latex(self) -> str:
        r"""A LaTeX formula: `2\,B\,D^{2} + 2\,B\,D\,K`."""
        return to_latex(self.terms)

    def to_json(self) -> Any:
        """Plain lists, strings and ints; `from_json` reads them back exactly."""
        return encode(self.terms)

    def __reduce__(self) -> tuple[Callable[[Terms], Polynomial], tuple[Terms]]:
        return _raw, (self.terms,)  # without the hash: hashes of strings differ by process


Count: TypeAlias = int | Polynomial


def symbol(name: str) -> Polynomial:
    """The size called `name`: an identifier, with a remark in parentheses if need be."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise JaxflopsError(f"{name!r} cannot name a size; write an identifier, as in symbol('B')")
    return _raw({((name, 1),): 1})


def _raw(terms: Terms) -> Polynomial:
    """The polynomial of terms that are known not to be constant."""
    result = object.__new__(Polynomial)
    object.__setattr__(result, "terms", terms)
    return result


def of_terms(terms: Terms) -> Count:
    """The count of any terms without zero coefficients."""
    if len(terms) > 1 or (terms and ONE not in terms):
        return _raw(terms)
    return _plain(terms.get(ONE, 0))


def terms_of(count: Count) -> Terms:
    """The terms of any count; not to be changed."""
    return count.terms if isinstance(count, Polynomial) else t.constant(count)


def _plain(value: Coefficient) -> int:
    """A constant: an int unless really fractional (the type stays `Count` for its users)."""
    return int(value) if value.denominator == 1 else cast("int", value)


def operand(value: Count, operator: str) -> Terms:
    """The terms of any operand of `operator`; raises for what is not exact."""
    return value.terms if type(value) is Polynomial else t.constant(number(value, operator))


def evaluate(count: Count, sizes: Mapping[str, Count]) -> Count:
    """`count` with sizes given to its symbols; names that do not occur in it are ignored."""
    for name, size in sizes.items():
        if not isinstance(size, Polynomial) and (not hasattr(size, "__index__") or size < 0):
            raise JaxflopsError(
                f"{name}={size!r} is no size; write an int >= 0 (or a polynomial in other sizes)"
            )
    return _evaluate(count, sizes)


def _evaluate(count: Count, sizes: Mapping[str, Count]) -> Count:
    if not isinstance(count, Polynomial):
        return count

    def value(atom: Atom) -> Count:
        if isinstance(atom, str):
            size = sizes.get(atom)
            if size is None:
                return _raw({((atom, 1),): 1})
            return size if isinstance(size, Polynomial) else index(size)
        arguments = (of_terms(dict(argument)) for argument in atom.arguments)
        given = (terms_of(_evaluate(argument, sizes)) for argument in arguments)
        return of_terms(opaque.apply(atom.operator, *given))

    return _replace(count, value)


def _replace(count: Polynomial, value: Callable[[Atom], Count]) -> Count:
    """`count` with every atom replaced by its value."""
    values = {atom: value(atom) for atom in t.atoms(count.terms)}
    result: Count = 0
    for monomial, coefficient in count.terms.items():
        part: Any = coefficient
        for atom, exponent in monomial:
            part = part * values[atom] ** exponent
        result = result + part
    return result if type(result) is Polynomial else _plain(cast("Coefficient", result))
