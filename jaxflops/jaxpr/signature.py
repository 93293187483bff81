"""Which flat input is which of the user's arguments, and which flat output is whose gradient."""

from __future__ import annotations

import inspect
from typing import Any

from jax.tree_util import keystr, tree_flatten_with_path, tree_leaves

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.program import How, Mode, as_tuple


def paths(
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


def gradients(how: How, jaxpr: Any, args: Any, static: tuple[int, ...]) -> tuple[int | None, ...]:
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
        for i in as_tuple(how.argnums)
        for k in range(len(tree_leaves(args[i + shift])))
    ]
    before = 0
    if how.mode == "value_and_grad":  # (value, aux), gradients
        before = outputs - len(inputs)
    after = outputs - before - len(inputs)  # grad with has_aux: gradients, aux
    return (*(None,) * before, *inputs, *(None,) * after)
