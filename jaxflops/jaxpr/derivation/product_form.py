"""The matrix form of a product: `h1.T @ h2.grad` where it is one, else an einsum."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from string import ascii_letters
from typing import NamedTuple

from jaxflops.jaxpr.derivation.labels import Axes
from jaxflops.jaxpr.derivation.views_of import Views, inverse, show, split_transpose
from jaxflops.polynomial import Count

_MATRIX = 2  # axes
_SPEC = re.compile(r"[A-Za-z]*,[A-Za-z]*->[A-Za-z]*")


class Term(NamedTuple):
    """An operand or result: its text, and the labels of its axes as the text has them."""

    text: str
    labels: Axes


def term(name: str, views: Views, labels: Sequence[int]) -> Term:
    """An operand: `labels` are those of `views` applied to the named array.

    A permutation among the views goes into the order of the labels.
    """
    kept, permutation = split_transpose(views)
    return Term(show(name, kept), unpermute(labels, permutation))


def result(views: Views, labels: Sequence[int]) -> tuple[Axes, Views]:
    """Order of the product's axes, and the views that lead from there to the named array.

    `labels` are those of the product as the program has it, `views` lead from it to the name.
    """
    kept, permutation = split_transpose(inverse(views))
    return unpermute(labels, permutation), inverse(kept)


def unpermute(labels: Sequence[int], permutation: Sequence[int] | None) -> Axes:
    """Labels of x from those of `transpose(x, permutation)`."""
    if permutation is None:
        return tuple(labels)
    plain = [0] * len(labels)
    for label, source in zip(labels, permutation, strict=True):
        plain[source] = label
    return tuple(plain)


class Written(NamedTuple):
    """A product's text, and its operands in the order in which the text has them."""

    text: str
    operands: tuple[Term, Term]


def product(left: Term, right: Term, out: Axes, letters: dict[int, str]) -> Written:
    """`left @ right` if some order and transposition of them is `out`, else an einsum."""
    for first, second in ((left, right), (right, left)):
        for a in _turned(first):
            for b in _turned(second):
                if _matmul(a.labels, b.labels) == out:
                    return Written(f"{a.text} @ {b.text}", (first, second))
    spec = ",".join("".join(letters[n] for n in t.labels) for t in (left, right))
    target = "".join(letters[n] for n in out)
    return Written(f"einsum('{spec}->{target}', {left.text}, {right.text})", (left, right))


def _turned(operand: Term) -> Iterator[Term]:
    yield operand
    if len(operand.labels) == _MATRIX:
        yield Term(f"{operand.text}.T", operand.labels[::-1])


def _matmul(a: Axes, b: Axes) -> Axes | None:
    """Labels of `a @ b` as NumPy has it; None where the axes do not fit."""
    if not a or not b:
        return None
    row, column = a[:-1], b[-1:] if len(b) > 1 else ()
    inner = b[-2] if len(b) > 1 else b[0]
    if a[-1] != inner or set(row) & set(column):
        return None
    batch = b[:-2]
    if not batch:
        return (*row, *column)
    return (*row, *column) if len(a) == len(b) and a[:-2] == batch else None


class Letters(NamedTuple):
    """A letter for each label; whether the user wrote the operands the other way round."""

    of: dict[int, str]
    exchanged: bool = False


def letters_for(labels: Sequence[Axes], sizes: Mapping[int, Count], spec: str) -> Letters:
    """Letters for (left, right, out): the user's own einsum's, or b for size B.

    spec: the einsum that the program says it is, if it does.
    """
    chosen = _from_spec(labels, spec)
    if chosen is not None:
        return chosen
    found: dict[int, str] = {}
    for label in dict.fromkeys(label for axes in labels for label in axes):
        found[label] = _letter(sizes[label], set(found.values()))
    return Letters(found)


def _letter(size: Count, used: set[str]) -> str:
    wish = str(size).lower()
    if len(wish) == 1 and wish.isalpha() and wish not in used:
        return wish
    return next(letter for letter in ascii_letters if letter not in used)


def _from_spec(labels: Sequence[Axes], spec: str) -> Letters | None:
    """The letters of an einsum, if they name the same axes; JAX may exchange its operands."""
    if not _SPEC.fullmatch(spec):
        return None
    left, right = spec.partition("->")[0].split(",")
    axes = (*labels[0], *labels[1])
    for exchanged in (False, True):
        first, second = (right, left) if exchanged else (left, right)
        if len(first) == len(labels[0]) and len(second) == len(labels[1]):
            pairs = set(zip(axes, first + second, strict=True))
            if len(pairs) == len(set(axes)) == len(set(first + second)):
                return Letters(dict(pairs), exchanged)
    return None
