"""With what a function is called: settings, arguments, and what is differentiated.

A function may carry its own example, as attributes:

    loss.example_args = "f32[B,D] {w: f32[D,K]}"  # as --args has it, or a tuple of arguments as
                                                  # jf.specs takes them, or a function of no
                                                  # arguments that returns either
    loss.argnums = (1,)                           # what a gradient is taken of; 0 otherwise
"""

from __future__ import annotations

import argparse
import functools
import inspect
from collections.abc import Hashable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxflops.cli.target import load
from jaxflops.errors import JaxflopsError
from jaxflops.jaxpr.arguments import Arguments, parse_args
from jaxflops.jaxpr.program import from_the_front, function_name
from jaxflops.jaxpr.sized import open_sizes, sized
from jaxflops.jaxpr.specs import specs


class Call(NamedTuple):
    """A function and everything that `analyze` needs to know to call it.

    static: positions of arguments that are values, not arrays.
    """

    fn: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    argnums: int | tuple[int, ...]
    static: tuple[int, ...]
    hint: str


def prepare(target: Any, options: argparse.Namespace) -> Call:
    """The call that the options describe."""
    if not callable(target) and not hasattr(target, "jaxpr"):
        raise JaxflopsError(f"{options.target} is no function but {type(target).__name__}")
    fn = _configured(target, options)
    args, kwargs = arguments(fn, options.args)
    _check_signature(fn, args, kwargs, options)
    argnums, origin = _argnums(fn, options.argnums)
    argnums = from_the_front(argnums, len(args))
    hint = _hint(fn, args, argnums, origin)
    values_only = {name: value for name, value in kwargs.items() if _is_static(value)}
    if values_only:
        kwargs = {name: value for name, value in kwargs.items() if name not in values_only}
        fn = functools.partial(fn, **values_only)
    static = tuple(i for i, arg in enumerate(args) if _is_static(arg))
    return Call(fn, args, kwargs, argnums, static, hint)


def concrete(options: argparse.Namespace) -> Call:
    """The call that the options describe, with numbers for all sizes, as a compiler needs it."""
    if options.mode == "call" and options.argnums is not None:
        raise JaxflopsError("--argnums chooses what is differentiated: add --mode grad")
    called = prepare(load(options.target), options)
    try:
        args, kwargs = sized((called.args, called.kwargs), options.at)
    except JaxflopsError as error:
        raise JaxflopsError(f"--at: {error}") from None
    missing = ",".join(f"{name}=64" for name in sorted(open_sizes((args, kwargs))))
    if missing:
        raise JaxflopsError(f"a program is compiled for numbers: give sizes, as in --at {missing}")
    return called._replace(args=args, kwargs=kwargs)


def _configured(target: Any, options: argparse.Namespace) -> Any:
    name = options.target
    if options.preset is not None:
        if not hasattr(target, "with_preset"):
            raise JaxflopsError(f"{name} has no presets; --preset is for models (jaxflops.models)")
        target = target.with_preset(options.preset)
    if options.set:
        if not hasattr(target, "with_config"):
            raise JaxflopsError(
                f"{name} has no settings; --set is for models (jaxflops.models), or objects with "
                "with_config(**changes)"
            )
        target = target.with_config(**dict(options.set))
    return target


def arguments(fn: Any, text: str | None) -> Arguments:
    """What `--args` says, or the function's own example, or nothing."""
    if text is not None:
        return parse_args(text)
    example = getattr(fn, "example_args", None)
    if callable(example):
        example = example()
    if example is None:
        return Arguments((), {})
    if isinstance(example, str):
        return parse_args(example)
    if not isinstance(example, (tuple, list)):
        raise JaxflopsError(
            f"example_args of {function_name(fn)} is {type(example).__name__}; make it a tuple of "
            "arguments, a text such as 'f32[8,128]', or a function that returns either"
        )
    return Arguments(specs(*example), {})


def _check_signature(
    fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any], options: argparse.Namespace
) -> None:
    """Raise when the arguments do not fit, naming the parameters."""
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):
        return  # no signature to check against; tracing will tell
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        names = ", ".join(signature.parameters)
        if options.args is None and not args:
            problem = f"{function_name(fn)}({names}) has no example arguments"
        else:
            problem = f"{function_name(fn)}({names}) does not take the given arguments: {error}"
        raise JaxflopsError(
            f"{problem}; write --args with one spec each, separated by spaces, "
            f'as in --args "{_example(fn, signature)}"'
        ) from error


def _argnums(fn: Any, given: int | tuple[int, ...] | None) -> tuple[int | tuple[int, ...], str]:
    """Positions, and where they come from."""
    if given is not None:
        return given, "as --argnums says"
    own = getattr(fn, "argnums", None)
    return (0, "as in jax.grad") if own is None else (own, f"{function_name(fn)}'s own argnums")


def _hint(fn: Any, args: tuple[Any, ...], argnums: int | tuple[int, ...], origin: str) -> str:
    """What is differentiated, and how to have it otherwise."""
    chosen = {argnums} if isinstance(argnums, int) else set(argnums)
    names = _parameter_names(fn, len(args))
    shown = ", ".join(names[i] for i in sorted(chosen) if 0 <= i < len(names))
    every = sorted(chosen | {i for i, arg in enumerate(args) if _is_float(arg)})
    text = f"differentiated: {shown} ({origin})"
    others = ", ".join(names[i] for i in every if i not in chosen)
    return f"{text}; for {others} too: --argnums {','.join(map(str, every))}" if others else text


def _parameter_names(fn: Any, how_many: int) -> list[str]:
    try:
        names = list(inspect.signature(fn).parameters)[:how_many]
    except (TypeError, ValueError):
        names = []
    return [*names, *(f"argument {i}" for i in range(len(names), how_many))]


def _is_static(value: Any) -> bool:
    """Whether an argument is a plain value: no array anywhere in it."""
    leaves = jax.tree.leaves(value)
    return isinstance(value, Hashable) and not any(hasattr(leaf, "shape") for leaf in leaves)


def _is_float(value: Any) -> bool:
    leaves = jax.tree.leaves(value)
    floats = [hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.floating) for x in leaves]
    return bool(leaves) and all(floats)


def _example(fn: Any, signature: inspect.Signature) -> str:
    """What could stand after --args: the function's own example, or a spec for each parameter."""
    own = getattr(fn, "example_args", None)
    if isinstance(own, str):
        return own
    leaves = own() if callable(own) else own or ()
    if leaves and all(hasattr(leaf, "shape") for leaf in leaves):
        return " ".join(f"{leaf.dtype}[{','.join(map(str, leaf.shape))}]" for leaf in leaves)
    empty = inspect.Parameter.empty
    required = [p for p in signature.parameters.values() if p.default is empty]
    return " ".join("f32[8,128]" for _ in required) or "f32[8,128]"
