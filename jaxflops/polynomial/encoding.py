"""Terms as plain JSON values and back, exactly.

A number is an int up to 2^53, else a decimal string; a fraction is "n/d". Anything else is a list
of [coefficient, [[atom, exponent], ...]]; an atom is a name or {"floordiv": [argument, ...]}.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from jaxflops.errors import JaxflopsError
from jaxflops.polynomial.opaque import apply
from jaxflops.polynomial.terms import (
    ONE,
    OPERANDS,
    OPERATORS,
    Atom,
    Coefficient,
    Monomial,
    Terms,
    add,
    multiply,
)

_EXACT_IN_JSON = 1 << 53  # readers of JSON may hold numbers as doubles


def encode(terms: Terms) -> Any:
    """Terms -> a value that `json.dumps` takes."""
    if set(terms) <= {ONE}:
        return encode_number(terms.get(ONE, 0))
    return [[encode_number(value), _encode_powers(monomial)] for monomial, value in terms.items()]


def encode_number(value: Coefficient) -> int | str:
    """A number -> int, or a string where a double could not hold it."""
    if value.denominator == 1 and -_EXACT_IN_JSON <= value <= _EXACT_IN_JSON:
        return int(value)
    return str(value)


def _encode_powers(monomial: Monomial) -> list[list[Any]]:
    return [[_encode_atom(atom), exponent] for atom, exponent in monomial]


def _encode_atom(atom: Atom) -> Any:
    if isinstance(atom, str):
        return atom
    return {atom.operator: [encode(dict(argument)) for argument in atom.arguments]}


def decode(data: Any) -> Terms:
    """What `encode` wrote -> terms; raises JaxflopsError naming the part that is none."""
    if isinstance(data, (int, str)) and not isinstance(data, bool):
        value = decode_number(data)
        return {ONE: value} if value else {}
    result: Terms = {}
    for coefficient, powers in _pairs(data):
        part: Terms = {ONE: decode_number(coefficient)}
        for atom, exponent in _pairs(powers):
            if type(exponent) is not int or exponent < 1:
                raise _unreadable(exponent)
            for _ in range(exponent):
                part = multiply(part, _decode_atom(atom))
        result = add(result, part)
    return result


def decode_number(data: Any) -> Coefficient:
    """What `encode_number` wrote."""
    try:
        value = Fraction(data) if type(data) in (int, str) else None
    except (ValueError, ZeroDivisionError):
        value = None
    if value is None:
        raise _unreadable(data)
    return int(value) if value.denominator == 1 else value


def _decode_atom(data: Any) -> Terms:
    if isinstance(data, str):
        return {((data, 1),): 1}
    if isinstance(data, dict) and len(data) == 1:
        ((operator, arguments),) = data.items()
        many = len(arguments) if isinstance(arguments, list) else 0
        if operator in OPERATORS and many and many == OPERANDS.get(operator, max(2, many)):
            return apply(operator, *map(decode, arguments))
    raise _unreadable(data)


def _pairs(data: Any) -> list[tuple[Any, Any]]:
    try:
        return [(first, second) for first, second in data]
    except (TypeError, ValueError):
        raise _unreadable(data) from None


def _unreadable(data: Any) -> JaxflopsError:
    return JaxflopsError(f"no exact count: {data!r}; write what to_json() of a count returned")
