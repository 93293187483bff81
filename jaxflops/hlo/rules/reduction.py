"""Reductions over axes, and functions applied to each element."""

from __future__ import annotations

from jaxflops.cost import Cost
from jaxflops.formulas.reduction import reductions
from jaxflops.hlo.rules._rule import HloOp, rule


@rule("reduce")
def reduce(op: HloOp) -> Cost:
    """Elements - results applications of the function, which takes all operands together."""
    return op.called * reductions(op.operands[0].size, op.out.size)


@rule("map")
def apply_to_each(op: HloOp) -> Cost:
    """One application an element."""
    return op.called * op.out.size


@rule("scan")
def scan(op: HloOp) -> Cost:
    """One application of the function for each slice of the operands along the scanned axis.

    What JAX 0.11 lowers a running sum to for a GPU; the function takes whole slices.
    """
    (axis,) = op.ins.attributes.dimensions
    return op.called * op.operands[0].dims[axis]
