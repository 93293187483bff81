"""Dots, ragged dots and convolutions."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from jaxflops.cost import Cost
from jaxflops.formulas.contraction import contraction
from jaxflops.formulas.convolution import Axis, convolution, valid_taps
from jaxflops.hlo.attributes import ConvDims, DotDims, WindowDim
from jaxflops.hlo.rules._rule import HloOp, is_complex, rule
from jaxflops.hlo.shape import Shape


@rule("dot", "scaled-dot")
def dot(op: HloOp) -> Cost:
    """[b..,m..,k..] @ [b..,k..,n..] -> 2·b·m·n·k, complex 8."""
    left, numbers = op.operands[0], op.ins.attributes.dot or DotDims()
    sizes = [left.dims[axis] for axis in numbers.lhs_contracting]
    return Cost(matmul_flops=contraction(op.out.size, sizes, is_complex(op.out)))


@rule("ragged-dot")
def ragged_dot(op: HloOp) -> Cost:
    """Each row (or contracted element) meets one group's matrix: 2·size(lhs)·n."""
    left, right, numbers = op.operands[0], op.operands[1], op.ins.attributes.dot or DotDims()
    used = {*numbers.rhs_contracting, *numbers.rhs_batch, *numbers.rhs_group}
    columns = prod(size for axis, size in enumerate(right.dims) if axis not in used)
    return Cost(matmul_flops=contraction(left.size, [columns], is_complex(op.out)))


@rule("convolution")
def convolve(op: HloOp) -> Cost:
    """2·(N/b)·O·(C/g)·Π taps, complex 8: the taps that meet real input, along each spatial axis."""
    assert op.ins.attributes.conv is not None
    left, right = op.operands[0], op.operands[1]
    return taps_of(left, right, op.out, op.ins.attributes.conv, op.ins.attributes.window)


def taps_of(
    left: Shape, right: Shape, out: Shape, numbers: ConvDims, window: tuple[WindowDim, ...]
) -> Cost:
    """A convolution's FLOPs from its shapes, dimension numbers and window.

    A reversed kernel meets as many elements as one that is not.
    """
    outputs = out.dims[numbers.output_batch] * out.dims[numbers.output_feature]
    features = right.dims[numbers.kernel_input_feature]
    taps = [valid_taps(axis) for axis in _axes(left, right, out, numbers, window)]
    return Cost(matmul_flops=convolution(outputs, features, taps, is_complex(out)))


def _axes(
    left: Shape, right: Shape, out: Shape, numbers: ConvDims, window: tuple[WindowDim, ...]
) -> Iterator[Axis]:
    spatial = zip(
        numbers.input_spatial, numbers.kernel_spatial, numbers.output_spatial, window, strict=True
    )
    for i, k, o, dim in spatial:
        yield Axis(
            left.dims[i],
            right.dims[k],
            out.dims[o],
            dim.stride,
            dim.padding_low,
            dim.base_dilation,
            dim.window_dilation,
        )
