"""Windows that slide and reduce (pooling), and their derivatives."""

from __future__ import annotations

from typing import Any, NamedTuple

from jaxflops.cost import Cost
from jaxflops.formulas.convolution import Axis
from jaxflops.formulas.window import window_reductions
from jaxflops.jaxpr.op import Array, Op
from jaxflops.jaxpr.registry import cost_rule
from jaxflops.jaxpr.rules._combiner import combiner
from jaxflops.jaxpr.rules._fields import arithmetic, is_complex
from jaxflops.jaxpr.symbols import to_count
from jaxflops.polynomial import Count

SCALAR = "scalar loop"


class _Window(NamedTuple):
    """A window as JAX describes it, one entry an axis; no dilation is None."""

    sizes: Any
    strides: Any
    padding: Any
    input_dilation: Any = None
    window_dilation: Any = None


@cost_rule("reduce_window_sum", "reduce_window_max", "reduce_window_min", oracle=SCALAR)
@cost_rule("reduce_window", "select_and_gather_add", oracle=SCALAR)
def reduce_window(
    op: Op,
    /,
    *,
    window_dimensions: Any,
    window_strides: Any,
    padding: Any,
    base_dilation: Any,
    window_dilation: Any,
    jaxpr: Any = None,
    **_: Any,
) -> Cost:
    """Σ over windows of (elements - 1) combinations, of the elements that meet real input.

    With `conv="nominal"` padding and the gaps of a dilated input count too: windows x (window - 1),
    as XLA counts. `select_and_gather_add` is the tangent of max pooling: the same comparisons.
    """
    operand = op.inputs[1] if op.name == "select_and_gather_add" else op.inputs[0]
    window = _Window(window_dimensions, window_strides, padding, base_dilation, window_dilation)
    count = _reductions(op, operand, op.out, window)
    if jaxpr is not None:
        return combiner(jaxpr) * count
    return arithmetic(operand, count * (2 if is_complex(operand) else 1))


@cost_rule("select_and_scatter_add", "select_and_scatter", oracle=SCALAR)
def select_and_scatter(
    op: Op,
    /,
    *,
    window_dimensions: Any,
    window_strides: Any,
    padding: Any,
    select_jaxpr: Any = None,
    scatter_jaxpr: Any = None,
    **_: Any,
) -> Cost:
    """The gradient of max pooling: elements - 1 comparisons for each window, and one addition."""
    window = _Window(window_dimensions, window_strides, padding)
    if select_jaxpr is None:
        source, operand = op.inputs[0], op.inputs[1]
        return arithmetic(operand, _reductions(op, operand, source, window) + source.size)
    operand, source = op.inputs[0], op.inputs[1]
    selections = combiner(select_jaxpr) * _reductions(op, operand, source, window)
    return selections + combiner(scatter_jaxpr) * source.size


def _reductions(op: Op, operand: Array, windows: Array, window: _Window) -> Count:
    ones = (1,) * operand.ndim
    per_axis = zip(
        operand.shape,
        window.sizes,
        windows.shape,
        window.strides,
        window.padding,
        window.input_dilation or ones,
        window.window_dilation or ones,
        strict=True,
    )
    axes = [
        Axis(size, to_count(width), out, int(stride), to_count(pad[0]), int(gap), int(step))
        for size, width, out, stride, pad, gap, step in per_axis
    ]
    return window_reductions(axes, nominal=op.conv == "nominal")
