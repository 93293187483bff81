"""The form of a convolution and of its two gradients, with every parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_SPATIAL = {1: "W", 2: "HW", 3: "DHW"}
_GRADIENTS = ("conv_input_grad", "conv_weight_grad")


def convolution(
    operands: Sequence[str], params: Mapping[str, Any], role: int | None, shape: str
) -> str:
    """`conv(x, w, 'NHWC,HWIO->NHWC', stride=2, padding=1)`; what is 1 or 0 is left out.

    `conv_input_grad` and `conv_weight_grad` have the forward convolution's parameters and the
    cotangent in the place of the operand whose gradient they are, whose `shape` they name.
    """
    name = "conv" if role is None else _GRADIENTS[role]
    options = {
        "stride": _short(params["window_strides"], 1),
        "padding": _padding(params["padding"]),
        "lhs_dilation": _short(params["lhs_dilation"], 1),
        "rhs_dilation": _short(params["rhs_dilation"], 1),
        "groups": _short((params["feature_group_count"],), 1),
        "batch_groups": _short((params["batch_group_count"],), 1),
        "shape": shape if role is not None else "",
    }
    given = [f"{key}={text}" for key, text in options.items() if text]
    return f"{name}({', '.join([*operands, repr(layout(params)), *given])})"


def layout(params: Mapping[str, Any]) -> str:
    """The axes of input, kernel and output: `NHWC,HWIO->NHWC`."""
    numbers = params["dimension_numbers"]
    rank = len(numbers.lhs_spec)
    spatial = _SPATIAL.get(rank - 2) or "0123456789"[: rank - 2]
    left, right, out = (
        _letters(spec, roles + spatial)
        for spec, roles in (
            (numbers.lhs_spec, "NC"),
            (numbers.rhs_spec, "OI"),
            (numbers.out_spec, "NC"),
        )
    )
    return f"{left},{right}->{out}"


def _letters(spec: Sequence[int], letters: str) -> str:
    where = dict(zip(spec, letters, strict=True))
    return "".join(where[axis] for axis in range(len(spec)))


def _short(values: Sequence[Any], usual: int) -> str:
    """One number if all are the same, nothing if it is the usual one."""
    if all(value == values[0] for value in values):
        return "" if not values or values[0] == usual else str(values[0])
    return str(tuple(values)).replace("'", "")


def _padding(pairs: Sequence[tuple[Any, Any]]) -> str:
    if len({size for pair in pairs for size in pair}) <= 1:
        return _short([size for pair in pairs for size in pair] or [0], 0)
    return str(tuple(tuple(pair) for pair in pairs)).replace("'", "")
