"""Windows that slide and reduce, and the gradient of max pooling."""

from __future__ import annotations

from jaxflops.cost import Cost
from jaxflops.formulas.convolution import Axis
from jaxflops.formulas.window import window_reductions
from jaxflops.hlo.rules._rule import HloOp, rule
from jaxflops.hlo.shape import Shape
from jaxflops.polynomial import Count


@rule("reduce-window")
def reduce_window(op: HloOp) -> Cost:
    """Σ over windows of (elements - 1) applications, of the elements that meet real input."""
    return op.called * _combinations(op, op.operands[0], op.out)


@rule("select-and-scatter")
def select_and_scatter(op: HloOp) -> Cost:
    """Elements - 1 selections for each window, and one combination an element of the source."""
    operand, source = op.operands[0], op.operands[1]
    select, scatter = (op.apply(name) for name in op.ins.called)
    return select * _combinations(op, operand, source) + scatter * source.size


def _combinations(op: HloOp, operand: Shape, windows: Shape) -> Count:
    axes = [
        Axis(
            size,
            dim.size,
            out,
            dim.stride,
            dim.padding_low,
            dim.base_dilation,
            dim.window_dilation,
        )
        for size, out, dim in zip(operand.dims, windows.dims, op.ins.attributes.window, strict=True)
    ]
    return window_reductions(axes)
