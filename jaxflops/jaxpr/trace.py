"""Function, mode and (abstract) arguments -> jaxpr, argument names and what is differentiated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax

from jaxflops.errors import JaxflopsError
from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.donation import donations
from jaxflops.jaxpr.explain import explain
from jaxflops.jaxpr.program import How, Program, as_tuple, function_name
from jaxflops.jaxpr.signature import gradients, paths


def trace(target: Any, how: How, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Program:
    """The program of a function applied to arguments, of a `Traced`, or a jaxpr as it is.

    Nothing is allocated, compiled or run. Raises TraceError when the function does not trace.
    """
    if _jax.is_jaxpr(target) or isinstance(target, jax.stages.Traced):
        return _ready(target, how, args, kwargs)
    if isinstance(target, (jax.stages.Lowered, jax.stages.Compiled)):
        raise JaxflopsError(
            f"a {type(target).__name__} has no jaxpr left to count: pass the function itself, "
            "or jax.jit(fn).trace(*args)"
        )
    if not callable(target):
        raise JaxflopsError(
            f"got {type(target).__name__}; pass a function, a jitted function, "
            "jax.stages.Traced or a ClosedJaxpr"
        )
    return _trace_function(target, how, args, kwargs)


def _ready(target: Any, how: How, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Program:
    kind = type(target).__name__
    if how.mode != "call":
        raise JaxflopsError(
            f"a {kind} is counted as it is; to count mode={how.mode!r}, pass the function itself"
        )
    if args or kwargs:
        raise JaxflopsError(f"a {kind} has its arguments already; write jf.analyze(it)()")
    jaxpr = _jax.expand_high(target if _jax.is_jaxpr(target) else target.jaxpr)
    names = tuple(_jax.arg_names(jaxpr))
    return Program(jaxpr, function_name(target), "call", names, donated=donations(target))


def _trace_function(
    fn: Callable[..., Any], how: How, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Program:
    how = how.from_the_front(len(args))
    _check_positions(how, args)
    name = function_name(fn)
    static = how.static
    donated: tuple[bool, ...] = ()
    try:
        if how.mode == "call" and hasattr(fn, "trace") and not static:
            traced = fn.trace(*args, **kwargs)  # a jitted function knows its static arguments
            jaxpr, donated = traced.jaxpr, donations(traced)
        elif how.mode == "vjp":
            shapes = _output_shapes(fn, how, args, kwargs)
            args, static = (shapes, *args), tuple(i + 1 for i in static)
            jaxpr = jax.make_jaxpr(_pullback(fn, how), static_argnums=static)(*args, **kwargs)
        else:
            jaxpr = jax.make_jaxpr(_differentiated(fn, how), static_argnums=static)(*args, **kwargs)
    except JaxflopsError:  # of jf.costed, say: it says what to write, and what caused it
        raise
    except Exception as error:  # whatever the user's function raises
        raise explain(error, name, how.mode, (args, kwargs)) from error
    program = named(fn, name, how, _jax.expand_high(jaxpr), args, kwargs, static)
    return replace(program, donated=donated)


def named(
    fn: Any, name: str, how: How, jaxpr: Any, args: Any, kwargs: Any, static: tuple[int, ...]
) -> Program:
    """The program with each input's path; jit's own names where arguments were left out."""
    names = paths(fn, how.mode, args, kwargs, static)
    if len(names) != len(_jax.open_jaxpr(jaxpr).invars):
        names = tuple(_jax.arg_names(jaxpr))
    return Program(jaxpr, name, how.mode, names, gradients(how, jaxpr, args, static))


def _differentiated(fn: Callable[..., Any], how: How) -> Callable[..., Any]:
    if how.mode == "call":
        return fn
    transform = jax.grad if how.mode == "grad" else jax.value_and_grad
    return transform(fn, argnums=how.argnums, has_aux=how.has_aux)


def _pullback(fn: Callable[..., Any], how: How) -> Callable[..., Any]:
    """(cotangents, *args) -> vjp of `fn` in the arguments at `argnums`."""
    wrt = as_tuple(how.argnums)

    def pull(cotangents: Any, *args: Any, **kwargs: Any) -> Any:
        def partial(*chosen: Any) -> Any:
            full = list(args)
            for position, value in zip(wrt, chosen, strict=True):
                full[position] = value
            return fn(*full, **kwargs)

        pulled: Any = jax.vjp(partial, *[args[i] for i in wrt], has_aux=how.has_aux)  # type: ignore[call-overload]
        result = pulled[1](cotangents)
        return result[0] if isinstance(how.argnums, int) else result

    return pull


def _output_shapes(fn: Any, how: How, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Shapes of the outputs whose cotangents are pulled back."""
    static = how.static
    traced = [a for i, a in enumerate(args) if i not in static]

    def call(*dynamic: Any, **named: Any) -> Any:
        values = iter(dynamic)
        return fn(*(a if i in static else next(values) for i, a in enumerate(args)), **named)

    shapes = jax.eval_shape(call, *traced, **kwargs)
    return shapes[0] if how.has_aux else shapes


def _check_positions(how: How, args: tuple[Any, ...]) -> None:
    for word, positions in (("argnums", how.argnums), ("static_argnums", how.static)):
        if word == "argnums" and how.mode == "call":
            continue
        if word == "argnums" and not as_tuple(positions):
            raise JaxflopsError(
                f"argnums={positions!r} names no argument to differentiate; write positions, as in "
                "argnums=(0, 1)"
            )
        for i in as_tuple(positions):
            if not isinstance(i, int) or not 0 <= i < len(args):
                raise JaxflopsError(
                    f"{word}={positions!r}, but the function got {len(args)} positional "
                    f"arguments; write positions from 0 to {len(args) - 1} (or, from the end, "
                    f"-1 to -{len(args)})"
                    if args
                    else f"{word}={positions!r}, but the function got no positional arguments; "
                    "pass the arguments in the second call: jf.analyze(fn, ...)(*args)"
                )
