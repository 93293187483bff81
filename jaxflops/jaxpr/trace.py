"""Function, mode and (abstract) arguments -> jaxpr, argument names and what is differentiated."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import jax
from jax.tree_util import keystr, tree_flatten_with_path, tree_leaves

from jaxflops.errors import JaxflopsError, TraceError
from jaxflops.jaxpr import _jax

Mode = Literal["call", "grad", "value_and_grad", "vjp"]


@dataclass(frozen=True)
class Program:
    """A traced program, before dead-code removal.

    jaxpr: the closed jaxpr.
    names: the user's path of each flat input (`params['w1']`); '' where unknown.
    differentiated: for each flat output that is a gradient, the input it belongs to; else None.
    """

    jaxpr: Any
    name: str
    mode: Mode
    names: tuple[str, ...]
    differentiated: tuple[int | None, ...] = ()

    @property
    def arguments(self) -> tuple[str, ...]:
        """`params['w1']: float32[B,D]` for each flat input."""
        avals = [v.aval for v in _jax.open_jaxpr(self.jaxpr).invars]
        return tuple(f"{n or '?'}: {_jax.show_aval(a)}" for n, a in zip(self.names, avals, strict=True))


@dataclass(frozen=True)
class How:
    """What to make of the function before tracing it."""

    mode: Mode = "call"
    argnums: int | Sequence[int] = 0
    has_aux: bool = False
    static_argnums: int | Sequence[int] = ()

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            choices = ", ".join(repr(mode) for mode in get_args(Mode))
            raise JaxflopsError(f"mode={self.mode!r}: write one of {choices}")

    @property
    def static(self) -> tuple[int, ...]:
        """Static positions as a tuple."""
        return _as_tuple(self.static_argnums)


def trace(target: Any, how: How, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Program:
    """The program of a function applied to arguments, of a `Traced`, or a jaxpr as it is.

    Nothing is allocated, compiled or run. Raises TraceError when the function does not trace.
    """
    if _jax.is_jaxpr(target) or isinstance(target, jax.stages.Traced):
        return _ready(target, how, args, kwargs)
    if not callable(target):
        raise JaxflopsError(
            f"got {type(target).__name__}; pass a function, a jitted function, "
            "jax.stages.Traced or a ClosedJaxpr"
        )
    return _trace_function(target, how, args, kwargs)


def remove_dead_code(program: Program) -> tuple[Any, list[bool]]:
    """The open jaxpr without dead equations (lowering drops them too), and which inputs are used.

    A jaxpr of `grad` keeps equations whose results nobody reads.
    """
    return _jax.dce(program.jaxpr)


def function_name(target: Any) -> str:
    """How to call the thing in a report."""
    while hasattr(target, "func") and not hasattr(target, "__name__"):  # functools.partial
        target = target.func
    info = getattr(getattr(target, "jaxpr", target), "debug_info", None)
    return str(getattr(target, "__name__", None) or getattr(info, "func_name", "program"))


def _ready(target: Any, how: How, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Program:
    kind = type(target).__name__
    if how.mode != "call":
        raise JaxflopsError(
            f"a {kind} is counted as it is; to count mode={how.mode!r}, pass the function itself"
        )
    if args or kwargs:
        raise JaxflopsError(f"a {kind} has its arguments already; write jf.analyze(it)()")
    jaxpr = target if _jax.is_jaxpr(target) else target.jaxpr
    return Program(jaxpr, function_name(target), "call", tuple(_jax.arg_names(jaxpr)))


def _trace_function(
    fn: Callable[..., Any], how: How, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Program:
    _check_positions(how, args)
    name = function_name(fn)
    static = how.static
    try:
        if how.mode == "call" and hasattr(fn, "trace") and not static:
            jaxpr = fn.trace(*args, **kwargs).jaxpr  # a jitted function knows its static arguments
        elif how.mode == "vjp":
            shapes = _output_shapes(fn, how, args, kwargs)
            args, static = (shapes, *args), tuple(i + 1 for i in static)
            jaxpr = jax.make_jaxpr(_pullback(fn, how), static_argnums=static)(*args, **kwargs)
        else:
            jaxpr = jax.make_jaxpr(_differentiated(fn, how), static_argnums=static)(*args, **kwargs)
    except Exception as error:  # whatever the user's function raises
        raise _explain(error, name, how.mode) from error
    return _named(fn, name, how, jaxpr, args, kwargs, static)


def _named(
    fn: Any, name: str, how: How, jaxpr: Any, args: Any, kwargs: Any, static: tuple[int, ...]
) -> Program:
    """The program with each input's path; jit's own names where arguments were left out."""
    paths = _paths(fn, how.mode, args, kwargs, static)
    if len(paths) != len(_jax.open_jaxpr(jaxpr).invars):
        paths = tuple(_jax.arg_names(jaxpr))
    return Program(jaxpr, name, how.mode, paths, _gradients(how, jaxpr, args, static))


def _differentiated(fn: Callable[..., Any], how: How) -> Callable[..., Any]:
    if how.mode == "call":
        return fn
    transform = jax.grad if how.mode == "grad" else jax.value_and_grad
    return transform(fn, argnums=how.argnums, has_aux=how.has_aux)


def _pullback(fn: Callable[..., Any], how: How) -> Callable[..., Any]:
    """(cotangents, *args) -> vjp of `fn` in the arguments at `argnums`."""
    wrt = _as_tuple(how.argnums)

    def pull(cotangents: Any, *args: Any, **kwargs: Any) -> Any:
        def partial(*chosen: Any) -> Any:
            full = list(args)
            for position, value in zip(wrt, chosen, strict=True):
                full[position] = value
            return fn(*full, **kwargs)

        _, vjp, *_ = jax.vjp(partial, *(args[i] for i in wrt), has_aux=how.has_aux)
        gradients = vjp(cotangents)
        return gradients[0] if isinstance(how.argnums, int) else gradients

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


def _paths(
    fn: Any, mode: Mode, args: tuple[Any, ...], kwargs: dict[str, Any], static: tuple[int, ...]
) -> tuple[str, ...]:
    """`params['w1']` for each array in the arguments, from the function's own signature."""
    heads = _parameter_names(fn, len(args) - (mode == "vjp"))
    if mode == "vjp":
        heads = ["cotangent", *heads]
    named = [(h, a) for i, (h, a) in enumerate(zip(heads, args, strict=True)) if i not in static]
    named += sorted(kwargs.items())
    return tuple(
        head + keystr(path) for head, arg in named for path, _ in tree_flatten_with_path(arg)[0]
    )


def _parameter_names(fn: Any, count: int) -> list[str]:
    try:
        parameters = list(inspect.signature(fn).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = []
    for i in range(count):
        known = parameters[min(i, len(parameters) - 1)] if parameters else None
        if known is None:
            names.append(f"arg{i}")
        elif known.kind is inspect.Parameter.VAR_POSITIONAL:
            names.append(f"{known.name}[{i - parameters.index(known)}]")
        else:
            names.append(known.name)
    return names


def _gradients(how: How, jaxpr: Any, args: Any, static: tuple[int, ...]) -> tuple[int | None, ...]:
    """For each flat output, the flat input whose gradient it is."""
    outputs = len(_jax.open_jaxpr(jaxpr).outvars)
    if how.mode == "call":
        return (None,) * outputs
    shift = 1 if how.mode == "vjp" else 0
    first, start = {}, 0
    for i, arg in enumerate(args):
        first[i] = start
        start += 0 if i in static else len(tree_leaves(arg))
    inputs = [
        first[i + shift] + k
        for i in _as_tuple(how.argnums)
        for k in range(len(tree_leaves(args[i + shift])))
    ]
    before = 0
    if how.mode == "value_and_grad":  # (value, aux), gradients
        before = outputs - len(inputs)
    after = outputs - before - len(inputs)  # grad with has_aux: gradients, aux
    return (*(None,) * before, *inputs, *(None,) * after)


def _check_positions(how: How, args: tuple[Any, ...]) -> None:
    for word, positions in (("argnums", how.argnums), ("static_argnums", how.static)):
        if word == "argnums" and how.mode == "call":
            continue
        for i in _as_tuple(positions):
            if not isinstance(i, int) or not 0 <= i < len(args):
                raise JaxflopsError(
                    f"{word}={positions!r}, but the function got {len(args)} positional "
                    f"arguments; write positions from 0 to {len(args) - 1}"
                    if args
                    else f"{word}={positions!r}, but the function got no positional arguments; "
                    "pass the arguments in the second call: jf.analyze(fn, ...)(*args)"
                )


def _as_tuple(positions: int | Sequence[int]) -> tuple[int, ...]:
    return (positions,) if isinstance(positions, int) else tuple(positions)


def _explain(error: Exception, name: str, mode: str) -> Exception:
    """One message that says what to write instead."""
    if isinstance(error, JaxflopsError):
        return error
    kind, first = type(error).__name__, (str(error).strip().splitlines() or [""])[0]
    if isinstance(error, _jax.InconclusiveDimensionOperation):
        advice = "it decides on a symbolic size; give concrete sizes, or use jf.interpolate"
    elif isinstance(error, jax.errors.ConcretizationTypeError):
        advice = "it needs a value while tracing; use jax.lax.cond, or static_argnums for settings"
    elif mode != "call":
        advice = f"check that it runs under jax.{mode} with these arguments"
    else:
        advice = "check that it runs under jax.jit with these arguments"
    return TraceError(f"{name} does not trace: {kind}: {first} ({advice})")
