"""A function and its arguments -> JAX's stages: one trace from which all columns are made."""

from __future__ import annotations

from typing import Any, Literal

import jax
from jax.extend import core

from jaxflops.errors import JaxflopsError, TraceError
from jaxflops.hlo.module import platforms
from jaxflops.jaxpr._jax import is_jaxpr
from jaxflops.jaxpr.program import How, function_name
from jaxflops.jaxpr.sized import open_sizes

Platform = Literal["cpu", "cuda", "tpu"]
PLATFORMS = ("cpu", "cuda", "tpu")
ACCEPTED = {
    "jf.compare": "a function, a jitted function, jax.stages.Traced or a ClosedJaxpr: it counts, "
    "lowers and compiles the same program",
    "jf.analyze_compiled": "a function, jitted or not, a jax.stages Traced, Lowered or Compiled, a "
    "ClosedJaxpr, HLO text, a serialized module, or the path of a dump",
}


def trace(
    target: Any, how: How, args: tuple[Any, ...], kwargs: dict[str, Any], door: str = "jf.compare"
) -> Any:
    """The `jax.stages.Traced` of a function, or of its gradient, applied to arguments.

    door: the front door that asks, for its messages.
    Raises JaxflopsError for what cannot be lowered, TraceError when it does not trace.
    """
    if isinstance(target, jax.stages.Traced) or is_jaxpr(target):
        return _ready(target, how, args, kwargs, door)
    if not callable(target):
        raise JaxflopsError(f"{door} got {type(target).__name__}; pass {ACCEPTED[door]}")
    names = ", ".join(sorted(open_sizes((args, kwargs))))
    if names:
        raise JaxflopsError(
            f"{function_name(target)} is compiled for numbers, and its sizes {names} are symbols; "
            'write specs with numbers, as in jf.specs("f32[8,128]")'
        )
    try:
        return _staged(target, how.from_the_front(len(args))).trace(*args, **kwargs)
    except JaxflopsError:  # it says what to write, and what caused it
        raise
    except Exception as error:
        raise TraceError(
            f"{function_name(target)} does not trace: {_reason(error)} "
            "(check that it runs under jax.jit with these arguments)"
        ) from error


def lower(traced: Any, target: Platform | None) -> Any:
    """The `Lowered` for a platform; None is the default backend."""
    if target is not None and target not in PLATFORMS:
        raise JaxflopsError(f"target={target!r}: write one of {', '.join(map(repr, PLATFORMS))}")
    try:
        return traced.lower(lowering_platforms=(target,) if target else None)
    except Exception as error:
        raise JaxflopsError(
            f"the program does not lower: {_reason(error)} (jf.analyze counts it without lowering)"
        ) from error


def compiled(lowered: Any, options: dict[str, Any] | None = None) -> Any:
    """The `Compiled` of a `Lowered`. Raises JaxflopsError with the compiler's reason."""
    given = platforms(lowered)
    if given and not any(map(is_here, given)):
        raise JaxflopsError(
            f"this was lowered for {' and '.join(given)}, and only {jax.default_backend()} can be "
            f"compiled for here; jf.compare(fn, target={given[0]!r})(*args).lowered reads it"
        )
    try:
        return lowered.compile(compiler_options=options)
    except Exception as error:
        raise JaxflopsError(f"the program does not compile: {_reason(error)}") from error


def is_here(target: str | None) -> bool:
    """Whether what was lowered for `target` can be compiled in this process."""
    here = jax.default_backend()
    return target in (None, here) or (here == "gpu" and target in ("cuda", "rocm"))


def _reason(error: BaseException) -> str:
    """An exception's type and first line."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"


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


def _ready(target: Any, how: How, args: tuple[Any, ...], kwargs: dict[str, Any], door: str) -> Any:
    kind = type(target).__name__
    if how.mode != "call" or args or kwargs:
        raise JaxflopsError(
            f"a {kind} is taken as it is, with the arguments it has; write {door}(it)()"
        )
    if isinstance(target, jax.stages.Traced):
        return target
    return jax.jit(core.jaxpr_as_fun(target)).trace(*target.in_avals)
