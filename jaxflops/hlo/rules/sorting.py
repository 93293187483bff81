"""Sorting along an axis, and selecting the largest."""

from __future__ import annotations

from jaxflops.cost import Cost
from jaxflops.formulas.sorting import selection_comparisons, sort_comparisons
from jaxflops.hlo.rules._rule import HloOp, arithmetic, rule


@rule("sort")
def sort(op: HloOp) -> Cost:
    """n⌈log2 n⌉ - 2^⌈log2 n⌉ + 1 applications of the comparator for each line of n."""
    operand = op.operands[0]
    length = operand.dims[op.ins.attributes.dimensions[0]]
    lines = operand.size // length if length else 0
    return op.called * (lines * sort_comparisons(length))


@rule("topk")
def top_k(op: HloOp) -> Cost:
    """Each element inserted into the k best so far by bisection; along the last axis."""
    operand, kept = op.operands[0], op.out.dims[-1]
    length = operand.dims[-1]
    lines = operand.size // length if length else 0
    return arithmetic(operand, lines * int(selection_comparisons(length, kept)))
