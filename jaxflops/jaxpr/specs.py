"""Shapes written as text: `f32[8,128]`, `bf16[B,2*D]`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import jax
from jax.export import SymbolicScope, symbolic_shape

from jaxflops.errors import SpecError
from jaxflops.jaxpr.dtypes import read_dtype
from jaxflops.jaxpr.symbols import read_expression

# One scope for every spec: JAX refuses to mix scopes, and here a name means one size everywhere.
_SCOPE = SymbolicScope()
_LEAF = re.compile(r"\s*(?P<dtype>[A-Za-z_]\w*(?:<\w+>)?)\s*\[(?P<dims>[^\[\]]*)\]\s*")


def spec(text: str) -> jax.ShapeDtypeStruct:
    """`dtype[dims]` -> abstract array: `f32[8,128]`, `bf16[B,2*D]`, `i32[]`, `key[]`.

    Dims are ints, names (symbolic sizes, >= 1) or expressions in them; a name means the same size
    in every spec. Raises SpecError that says what to write.
    """
    leaf = _LEAF.fullmatch(text) if isinstance(text, str) else None
    if leaf is None:
        raise SpecError(f"{text!r} is no shape spec; write dtype[dims], as in f32[8,128] or f32[]")
    try:
        shape = tuple(_dim(part) for part in split_dims(leaf["dims"]))
        return jax.ShapeDtypeStruct(shape, read_dtype(leaf["dtype"]))  # type: ignore[no-untyped-call]
    except SpecError as error:
        raise SpecError(f"in {text.strip()!r}: {error}") from None


def specs(*trees: Any) -> tuple[Any, ...]:
    """Pytrees of spec strings -> the same pytrees of abstract arrays, one for each argument.

    `specs("f32[B,D]", {"w": "f32[D,K]"})`. Leaves that are no strings (arrays, abstract arrays,
    numbers) stay as they are.
    """
    return tuple(jax.tree.map(_leaf, tree) for tree in trees)


def _leaf(leaf: Any) -> Any:
    return spec(leaf) if isinstance(leaf, str) else leaf


def split_dims(text: str) -> list[str]:
    """Split at the commas outside parentheses."""
    if not text.strip():
        return []
    parts, depth = [""], 0
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def _dim(text: str) -> Any:
    """An int, or a symbolic dimension in the scope of all specs."""
    dim = read_expression(text, _symbolic, _CALLS)
    if isinstance(dim, int) and dim < 0:
        raise SpecError(f"the size {text.strip()!r} is negative; write an int >= 0 or a name")
    return dim


def _symbolic(text: str) -> Any:
    return symbolic_shape(text, scope=_SCOPE)[0]


def _call(name: str) -> Callable[[Any, Any], Any]:
    return lambda a, b: _symbolic(f"{name}({a}, {b})")


_CALLS = {name: _call(name) for name in ("floordiv", "mod", "max", "min")}
