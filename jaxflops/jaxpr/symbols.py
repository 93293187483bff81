"""The border between JAX's symbolic dimensions and our counts."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from jax.export import is_symbolic_dim

from jaxflops.errors import SpecError
from jaxflops.polynomial import Count, maximum, minimum, symbol

_OPERATIONS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "max": maximum,
    "min": minimum,
}


def to_count(dim: Any) -> Count:
    """A dimension of a JAX shape -> its count; the same name is the same size in every scope.

    Constraints of a JAX scope (`B >= 4`) are not carried over: symbols are integers >= 1.
    """
    if type(dim) is int:
        return dim
    if is_symbolic_dim(dim):
        return _parse(str(dim))  # exact: JAX reads its own text back (jax.export.symbolic_shape)
    if hasattr(dim, "__index__"):
        return operator.index(dim)
    raise SpecError(f"{dim!r} of type {type(dim).__name__} is no dimension; write an int or a name")


@lru_cache(maxsize=1 << 14)
def _parse(text: str) -> Count:
    count: Count = read_expression(text, symbol, _CALLS)
    return count


def read_expression(
    text: str, name: Callable[[str], Any], calls: dict[str, Callable[[Any, Any], Any]]
) -> Any:
    """The value of `2*D + floordiv(T, 2)`: names through `name`, calls through `calls`.

    Reads + - * // % ** and JAX's `^`; raises SpecError that shows the text.
    """

    def value(node: ast.AST) -> Any:
        match node:
            case ast.Constant(value=int(number)):
                return number
            case ast.Name(id=identifier):
                return name(identifier)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -value(operand)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
                return _OPERATIONS[type(op)](value(left), value(right))
            case ast.Call(func=ast.Name(id=function), args=[a, b]) if function in calls:
                return calls[function](value(a), value(b))
        raise _unreadable(text)

    try:
        return value(ast.parse(text.strip().replace("^", "**"), mode="eval").body)
    except (SyntaxError, ValueError, TypeError, ZeroDivisionError, NotImplementedError):
        raise _unreadable(text) from None  # such as B//0, 2**B


def _unreadable(text: str) -> SpecError:
    return SpecError(
        f"cannot read the size {text.strip()!r}; write an int, a name such as B (no Python "
        "keyword), or an expression such as 2*D + 1, T//2, T%8, max(T, 8)"
    )
