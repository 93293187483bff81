"""What to write instead, when a function does not trace."""

from __future__ import annotations

from typing import Any

import jax

from jaxflops.errors import TraceError
from jaxflops.jaxpr import _jax


def explain(error: Exception, name: str, mode: str, arguments: Any) -> TraceError:
    """A TraceError with the first line of what JAX or the function said, and an advice."""
    first = (str(error).strip().splitlines() or [""])[0]
    advice = _advice(error, mode, jax.tree.leaves(arguments))
    return TraceError(f"{name} does not trace: {type(error).__name__}: {first} ({advice})")


def _advice(error: Exception, mode: str, leaves: list[Any]) -> str:
    if isinstance(error, _jax.InconclusiveDimensionOperation):
        return "it decides on a symbolic size; give concrete sizes, or use jf.interpolate"
    if isinstance(error, jax.errors.ConcretizationTypeError):
        return "it needs a value while tracing; use jax.lax.cond, or static_argnums for settings"
    odd = [type(x).__name__ for x in leaves if not _is_array_like(x)]
    if odd and isinstance(error, TypeError):
        return (
            f"it got an argument of type {odd[0]}: write arrays as jf.spec('f32[8,128]'), "
            "and name settings in static_argnums"
        )
    if any(not isinstance(size, int) for x in leaves for size in getattr(x, "shape", ())):
        return (
            "sizes that must be equal need one name; if it runs with concrete sizes, it has no "
            "symbolic trace: use jf.interpolate"
        )
    transform = "jit" if mode == "call" else mode
    return f"check that it runs under jax.{transform} with these arguments"


def _is_array_like(value: Any) -> bool:
    return isinstance(value, (int, float, complex)) or hasattr(value, "dtype")
