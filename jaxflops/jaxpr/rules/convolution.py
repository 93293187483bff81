"""Convolutions of any dimension, stride, padding, dilation and grouping."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jaxflops.cost import Cost
from jaxflops.formulas.convolution import Axis, convolution, nominal_taps, valid_taps
from jaxflops.jaxpr.op import Op
from jaxflops.jaxpr.registry import cost_rule
from jaxflops.jaxpr.rules._fields import is_complex
from jaxflops.jaxpr.symbols import to_count


@cost_rule("conv_general_dilated", "conv", oracle="scalar loop, lowered XLA")
def conv_general_dilated(
    op: Op,
    /,
    *,
    window_strides: Any,
    padding: Any,
    lhs_dilation: Any,
    rhs_dilation: Any,
    dimension_numbers: Any,
    **_: Any,
) -> Cost:
    """lhs[N,C,*I], rhs[O,C/g,*K] -> out[N/b,O,*J]: 2·(N/b)·O·(C/g)·Π taps, complex 8.

    taps: of each spatial axis, the (output, kernel, input) triples that meet real input; with
    `conv="nominal"`, positions x kernel. g, b: feature and batch groups.
    """
    numbers = dimension_numbers
    left, right, out = op.inputs[0].shape, op.inputs[1].shape, op.out.shape
    axes = _axes((left, right, out), numbers, window_strides, padding, lhs_dilation, rhs_dilation)
    if op.conv == "nominal":
        # A weight gradient sums over the batch, so JAX hands it over as the feature axis: the
        # axis that leads in every usual layout, NHWC or NCHW, then is not the batch.
        weights = numbers.lhs_spec[0] != 0
        taps = [nominal_taps(axis, weights) for axis in axes]
    else:
        taps = [valid_taps(axis) for axis in axes]
    outputs = out[numbers.out_spec[0]] * out[numbers.out_spec[1]]
    features = right[numbers.rhs_spec[1]]
    return Cost(matmul_flops=convolution(outputs, features, taps, is_complex(op.out)))


def _axes(
    shapes: Any, numbers: Any, strides: Any, padding: Any, lhs_dilation: Any, rhs_dilation: Any
) -> Iterator[Axis]:
    """The spatial axes, in the order of the dimension numbers."""
    left, right, out = shapes
    spatial = zip(numbers.lhs_spec[2:], numbers.rhs_spec[2:], numbers.out_spec[2:], strict=True)
    for axis, (i, k, o) in enumerate(spatial):
        yield Axis(
            left[i],
            right[k],
            out[o],
            int(strides[axis]),
            to_count(padding[axis][0]),
            int(lhs_dilation[axis]),
            int(rhs_dilation[axis]),
        )
