"""Terms as text: `2·B·D² + 2·B·D·K`, as a Python expression, as LaTeX."""

from __future__ import annotations

import keyword
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from itertools import product
from math import prod
from typing import ClassVar, final

from jaxflops.polynomial.terms import (
    ONE,
    Call,
    Coefficient,
    Monomial,
    Terms,
    atoms,
    conventional,
    denominator,
    exponents,
    scale,
    symbols,
)

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_TOKEN = re.compile(r"\w+(\([^()]*\))?")


class _Notation(ABC):
    """One way to write: what its products, powers, numbers, names and calls look like."""

    times: ClassVar[str]

    def sum(self, terms: Terms) -> str:
        """The terms in conventional order."""
        text = ""
        for monomial, value in conventional(terms):
            sign = "-" if value < 0 else "+" if text else ""
            text += f" {sign} " if text else sign
            text += self.term(monomial, -value if value < 0 else value)
        return text or "0"

    def term(self, monomial: Monomial, value: Coefficient) -> str:
        factors = [self.number(value)] if value != 1 or monomial == ONE else []
        for atom, exponent in monomial:
            base = self.call(atom) if isinstance(atom, Call) else self.name(atom)
            factors.append(base if exponent == 1 else self.power(base, exponent))
        return self.times.join(factors)

    def call(self, atom: Call) -> str:
        texts = [self.sum(dict(argument)) for argument in atom.arguments]
        if atom.operator in ("max", "min"):
            return f"{atom.operator}({', '.join(texts)})"
        if atom.operator in ("ceil_log2", "ceil_pow2"):
            return self.logarithm(texts[0], power=atom.operator == "ceil_pow2")
        left = f"({texts[0]})" if len(atom.arguments[0]) > 1 else texts[0]
        right = texts[1] if _TOKEN.fullmatch(texts[1]) else f"({texts[1]})"
        return self.floor(left, right) if atom.operator == "floordiv" else self.mod(left, right)

    def number(self, value: Coefficient) -> str:
        return str(value)

    @abstractmethod
    def name(self, symbol: str) -> str: ...
    @abstractmethod
    def power(self, base: str, exponent: int) -> str: ...
    @abstractmethod
    def floor(self, left: str, right: str) -> str: ...
    @abstractmethod
    def mod(self, left: str, right: str) -> str: ...
    @abstractmethod
    def logarithm(self, text: str, *, power: bool) -> str: ...


@final
class _Text(_Notation):
    times = "·"

    def name(self, symbol: str) -> str:
        return symbol

    def power(self, base: str, exponent: int) -> str:
        return base + str(exponent).translate(_SUPERSCRIPTS)

    def floor(self, left: str, right: str) -> str:
        return f"⌊{left}/{right}⌋"

    def mod(self, left: str, right: str) -> str:
        return f"({left} mod {right})"

    def logarithm(self, text: str, *, power: bool) -> str:
        return f"(2^ceil_log2({text}))" if power else f"ceil_log2({text})"


@final
class _Python(_Notation):
    times = "*"

    def __init__(self, names: Iterable[str]) -> None:
        self._names = identifiers(names)

    def name(self, symbol: str) -> str:
        return self._names[symbol]

    def number(self, value: Coefficient) -> str:
        whole = value.denominator == 1
        return str(value) if whole else f"Fraction({value.numerator}, {value.denominator})"

    def power(self, base: str, exponent: int) -> str:
        return f"{base}**{exponent}"

    def floor(self, left: str, right: str) -> str:
        return f"({left}//{right})"

    def mod(self, left: str, right: str) -> str:
        return f"({left} % {right})"

    def logarithm(self, text: str, *, power: bool) -> str:  # of whole numbers >= 1
        bits = f"({text} - 1).bit_length()"
        return f"(1 << {bits})" if power else bits


@final
class _Latex(_Notation):
    times = r"\,"

    def name(self, symbol: str) -> str:
        escaped = re.sub(r"([_#%&{}$])", r"\\\1", symbol)
        return symbol if len(symbol) == 1 else rf"\mathrm{{{escaped}}}"

    def number(self, value: Coefficient) -> str:
        whole = value.denominator == 1
        return str(value) if whole else rf"\frac{{{value.numerator}}}{{{value.denominator}}}"

    def call(self, atom: Call) -> str:
        text = super().call(atom)
        return "\\" + text if atom.operator in ("max", "min") else text

    def power(self, base: str, exponent: int) -> str:
        return f"{base}^{{{exponent}}}"

    def floor(self, left: str, right: str) -> str:
        return rf"\lfloor {left} / {right} \rfloor"

    def mod(self, left: str, right: str) -> str:
        return rf"({left} \bmod {right})"

    def logarithm(self, text: str, *, power: bool) -> str:
        ceiling = rf"\lceil \log_2({text}) \rceil"
        return f"(2^{{{ceiling}}})" if power else ceiling


def to_text(terms: Terms) -> str:
    """`2·B·D² + 2·B·D·K`."""
    return _Text().sum(terms)


def to_latex(terms: Terms) -> str:
    r"""`2\,B\,D^{2} + 2\,B\,D\,K`."""
    return _Latex().sum(terms)


def to_python(terms: Terms) -> str:
    """`2*B*D**2 + 2*B*D*K`, exact when evaluated with ints.

    Fractions that always add up to an int become `(T**2 + T)//2`; others need the name Fraction.
    """
    writer, below = _Python(symbols(terms)), denominator(terms.values())
    if below == 1 or not _whole(terms):
        return writer.sum(terms)
    return f"({writer.sum(scale(terms, below))})//{below}"


def identifiers(names: Iterable[str]) -> dict[str, str]:
    """Name -> a Python identifier of its own: itself, or `trips_model_py_12`."""
    result: dict[str, str] = {}
    for name in sorted(set(names), key=lambda name: (not name.isidentifier(), name)):
        text = re.sub(r"\W+", "_", name).strip("_")
        taken = {"max", "min", "Fraction", *keyword.kwlist, *result.values()}
        while text in taken:
            text += "_"
        result[name] = text
    return result


def _whole(terms: Terms) -> bool:
    """Whether the value is an int at all ints: so at degree + 1 successive values of each atom."""
    order = atoms(terms)
    rows = [(exponents(monomial, order), value) for monomial, value in terms.items()]
    degrees = [max(column) for column in zip(*(powers for powers, _ in rows), strict=True)]
    grid = product(*(range(degree + 1) for degree in degrees))
    return all(
        sum(value * prod(map(pow, point, powers)) for powers, value in rows).denominator == 1
        for point in grid
    )
