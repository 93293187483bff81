"""A function and its arguments -> JAX's stages: one trace from which all columns are made."""

from __future__ import annotations

from typing import Any, Literal

import jax
from jax.extend import core

from jaxflops.errors import JaxflopsError, TraceError
from jaxflops.jaxpr._jax import is_jaxpr
from jaxflops.jaxpr.program import How, function_name

Platform = Literal["cpu", "cuda", "tpu"]
PLATFORMS = ("cpu", "cuda", "tpu")


def trace(target: Any, how: How, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The `jax.stages.Traced` of a function, or of its gradient, applied to arguments.

    Raises JaxflopsError for what cannot be lowered, TraceError when it does not trace.
    """
    if isinstance(target, jax.stages.Traced) or is_jaxpr(target):
        return _ready(target, how, args, kwargs)
    if not callable(target):
        raise JaxflopsError(
            f"jf.compare got {type(target).__name__}; pass a function, a jitted function, "
            "jax.stages.Traced or a ClosedJaxpr: it counts, lowers and compiles the same program"
        )
    try:
        return _staged(target, how).trace(*args, **kwargs)
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0]
        raise TraceError(
            f"{function_name(target)} does not trace: {type(error).__name__}: {first} "
            "(check that it runs under jax.jit with these arguments)"
        ) from error


def lower(traced: Any, target: Platform | None) -> Any:
    """The `Lowered` for a platform; None is the default backend."""
    if target is None:
        return traced.lower()
    if target not in PLATFORMS:
        raise JaxflopsError(f"target={target!r}: write one of {', '.join(map(repr, PLATFORMS))}")
    return traced.lower(lowering_platforms=(target,))


def is_here(target: Platform | None) -> bool:
    """Whether what was lowered for `target` can be compiled in this process."""
    here = "cuda" if jax.default_backend() == "gpu" else jax.default_backend()
    return target in (None, here)


def _staged(fn: Any, how: How) -> Any:
    if how.mode == "vjp":
        raise JaxflopsError(
            "mode='vjp' has no single program to compile; pass a function that calls jax.vjp"
        )
    if how.mode == "call":
        own = hasattr(fn, "trace") and not how.static
        return fn if own else jax.jit(fn, static_argnums=how.static)
    transform = jax.grad if how.mode == "grad" else jax.value_and_grad
    changed = transform(fn, argnums=how.argnums, has_aux=how.has_aux)
    return jax.jit(changed, static_argnums=how.static)


def _ready(target: Any, how: How, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    kind = type(target).__name__
    if how.mode != "call" or args or kwargs:
        raise JaxflopsError(
            f"a {kind} is compared as it is, with the arguments it has; write jf.compare(it)()"
        )
    if isinstance(target, jax.stages.Traced):
        return target
    return jax.jit(core.jaxpr_as_fun(target)).trace(*target.in_avals)
