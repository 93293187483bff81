"""Jaxprs in a parameter of an equation, rewritten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jaxflops.jaxpr import _jax


def rewritten(value: Any, rewrite: Callable[[Any], Any]) -> Any:
    """A parameter's value with the open jaxprs in it rewritten; itself where none changes."""
    if isinstance(value, (tuple, list)):
        if not any(map(_jax.is_jaxpr, value)):
            return value
        inner = [rewritten(item, rewrite) for item in value]
        if all(a is b for a, b in zip(inner, value, strict=True)):
            return value
        return type(value)(*inner) if hasattr(value, "_fields") else type(value)(inner)
    if not _jax.is_jaxpr(value):
        return value
    opened = _jax.open_jaxpr(value)
    found = rewrite(opened)
    if found is opened:
        return value
    return found if opened is value else value.replace(jaxpr=found)
