"""Settings of a model as text or values, checked against the type of the field they fill."""

from __future__ import annotations

import ast
import contextlib
import typing
from typing import Any, Literal

from jaxflops.errors import JaxflopsError
from jaxflops.models._sizes import Dim

WORDS = {"true": True, "false": False}


def read(name: str, value: Any, hint: Any) -> Any:
    """`value` as a setting of type `hint`; text that is a Python literal is evaluated first.

    >>> read("layers", "64", int), read("scan", "false", bool), read("batch", "B", Dim)
    (64, False, 'B')
    """
    if isinstance(value, str):
        value = WORDS.get(value.lower(), value)
    if isinstance(value, str):
        # Otherwise a word: a symbol such as B, or one of a Literal's choices.
        with contextlib.suppress(ValueError, SyntaxError, TypeError):
            value = ast.literal_eval(value)
    if not accepts(hint, value):
        raise JaxflopsError(f"setting {name}={value!r}: write {describe(hint)}")
    return value


def accepts(hint: Any, value: Any) -> bool:
    """Whether `value` is of type `hint`: bool, float, int, Dim, a Literal or `tuple[int, ...]`."""
    if typing.get_origin(hint) is Literal:
        return value in typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(accepts(int, item) for item in value)
    if isinstance(value, bool) or hint is bool:
        return hint is bool and isinstance(value, bool)
    if hint is float:
        return isinstance(value, (int, float))
    if isinstance(value, int):
        return value > 0
    return hint is Dim and isinstance(value, str)


def describe(hint: Any) -> str:
    """What to write for a setting of type `hint`."""
    if typing.get_origin(hint) is Literal:
        return "one of " + ", ".join(map(str, typing.get_args(hint)))
    if typing.get_origin(hint) is tuple:
        return "positive whole numbers such as (2,2,2,2)"
    if hint is Dim:
        return "a positive whole number, or the name of a symbolic size such as B"
    return {bool: "true or false", float: "a number"}.get(hint, "a positive whole number")
