"""Values of options: text -> value, or a message that says what to write."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence
from difflib import get_close_matches


def one_of(*choices: str) -> Callable[[str], str]:
    """A word out of a few."""

    def read(text: str) -> str:
        if text not in choices:
            raise ArgumentTypeError(
                f"{text!r}: write one of {', '.join(choices)}{near(text, choices)}"
            )
        return text

    return read


def several_of(*choices: str) -> Callable[[str], tuple[str, ...]]:
    """Words with commas between them."""
    read = one_of(*choices)
    return lambda text: tuple(read(part.strip()) for part in text.split(","))


def positions(text: str) -> int | tuple[int, ...]:
    """`0` or `0,1,2`."""
    try:
        numbers = tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        numbers = ()
    if not numbers:
        raise ArgumentTypeError(f"{text!r}: write positions of arguments, as in 0 or 0,1,2")
    return numbers if "," in text else numbers[0]


def branch(text: str) -> str | int:
    """`max`, `min`, `sum`, or the index of the branch that runs."""
    if text.isdecimal():
        return int(text)
    if text not in ("max", "min", "sum"):
        raise ArgumentTypeError(f"{text!r}: write max, min, sum, or a branch's index such as 0")
    return text


def at_least(least: int) -> Callable[[str], int]:
    """A whole number that is not too small."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise ArgumentTypeError(f"{text!r}: write a whole number, at least {least}")
        return int(text)

    return read


def sizes(text: str) -> dict[str, int]:
    """`B=32,D=512`."""
    return dict(_size(part, "B=32 or B=32,D=512") for part in text.split(",") if part.strip())


def trips(text: str) -> tuple[str, int]:
    """`model.py:12=8` or `encoder/loop=8`."""
    return _size(text, "model.py:12=8 or scope/path=8")


def setting(text: str) -> tuple[str, str]:
    """`name=value`; the model reads the value."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ArgumentTypeError(f"{text!r}: write name=value, as in layers=64")
    return name.strip(), value.strip()


def near(word: str, known: Sequence[str]) -> str:
    """`; did you mean 'grad'?`, or nothing."""
    close = get_close_matches(word, known, n=2)
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""


def _size(text: str, example: str) -> tuple[str, int]:
    name, _, value = text.rpartition("=")
    if not name.strip() or not value.strip().isdecimal():
        raise ArgumentTypeError(f"{text!r}: write {example}, with whole numbers")
    return name.strip(), int(value)
