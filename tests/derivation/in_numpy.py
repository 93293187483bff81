"""Primitives that NumPy runs as well as JAX does, which would compile each of them first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

ELEMENTWISE: Mapping[str, Callable[..., Any]] = {
    "abs": np.abs,
    "add": np.add,
    "add_any": np.add,
    "convert_element_type": lambda x: x,
    "copy": lambda x: x,
    "cos": np.cos,
    "div": lambda x, y: x / y if np.issubdtype(x.dtype, np.floating) else None,
    "eq": np.equal,
    "exp": np.exp,
    "ge": np.greater_equal,
    "gt": np.greater,
    "is_finite": np.isfinite,
    "le": np.less_equal,
    "log": np.log,
    "log1p": np.log1p,
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "lt": np.less,
    "max": np.maximum,
    "min": np.minimum,
    "mul": np.multiply,
    "name": lambda x: x,
    "ne": np.not_equal,
    "neg": np.negative,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sign": np.sign,
    "sin": np.sin,
    "sqrt": np.sqrt,
    "square": np.square,
    "sub": np.subtract,
    "tanh": np.tanh,
}


def _broadcast(x: Any, p: Mapping[str, Any]) -> Any:
    axes = p["broadcast_dimensions"]
    shape = [1] * len(p["shape"])
    for axis, size in zip(axes, x.shape, strict=True):
        shape[axis] = size
    return np.broadcast_to(x.reshape(shape), p["shape"])


def _slice(x: Any, p: Mapping[str, Any]) -> Any:
    steps = p["strides"] or (1,) * x.ndim
    return x[tuple(map(slice, p["start_indices"], p["limit_indices"], steps))]


def _reshape(x: Any, p: Mapping[str, Any]) -> Any:
    return x.reshape(p["new_sizes"]) if p.get("dimensions") is None else None


STRUCTURAL: Mapping[str, Callable[[Any, Mapping[str, Any]], Any]] = {
    "broadcast_in_dim": _broadcast,
    "integer_pow": lambda x, p: x ** p["y"] if p["y"] > 0 else 1 / x ** -p["y"],
    "reduce_max": lambda x, p: np.max(x, axis=p["axes"]),
    "reduce_sum": lambda x, p: np.sum(x, axis=p["axes"], dtype=x.dtype),
    "reshape": _reshape,
    "rev": lambda x, p: np.flip(x, p["dimensions"]),
    "slice": _slice,
    "squeeze": lambda x, p: np.squeeze(x, p["dimensions"]),
    "transpose": lambda x, p: np.transpose(x, p["permutation"]),
}


def _pad(x: Any, value: Any, p: Mapping[str, Any], shape: tuple[int, ...]) -> Any:
    if any(low < 0 or high < 0 for low, high, _ in p["padding_config"]):
        return None
    out = np.full(shape, value)
    steps = [inner + 1 for _, _, inner in p["padding_config"]]
    lows = [low for low, _, _ in p["padding_config"]]
    out[tuple(slice(a, a + n * s, s) for a, n, s in zip(lows, x.shape, steps, strict=True))] = x
    return out


def run(eqn: Any, operands: Sequence[Any]) -> Any:
    """The result of an equation; None where NumPy has no such thing."""
    name, params, aval = eqn.primitive.name, eqn.params, eqn.outvars[0].aval
    if name not in (*ELEMENTWISE, *STRUCTURAL, "concatenate", "pad", "select_n"):
        return None
    arrays = [np.asarray(x, v.aval.dtype) for x, v in zip(operands, eqn.invars, strict=True)]
    if name in ELEMENTWISE:
        result = ELEMENTWISE[name](*arrays)
    elif name in STRUCTURAL:
        result = STRUCTURAL[name](arrays[0], params)
    elif name == "concatenate":
        result = np.concatenate(arrays, params["dimension"])
    elif name == "pad":
        result = _pad(*arrays, params, aval.shape)
    else:
        result = np.choose(arrays[0].astype(np.int32), arrays[1:])
    return None if result is None else np.asarray(result, aval.dtype)
