"""Reductions over axes, arg-reductions and running reductions."""

from __future__ import annotations

from typing import Any

from jaxflops.cost import Cost
from jaxflops.formulas.arithmetic import COMPLEX_ADD, COMPLEX_MULTIPLY
from jaxflops.formulas.reduction import reductions, running_reductions
from jaxflops.jaxpr.op import Op
from jaxflops.jaxpr.registry import cost_rule
from jaxflops.jaxpr.rules._combiner import combiner
from jaxflops.jaxpr.rules._fields import arithmetic, is_complex

SCALAR = "scalar loop"
XLA = "lowered XLA, scalar loop"


@cost_rule("reduce_sum", "reduce_prod", "reduce_max", "reduce_min", oracle=XLA)
@cost_rule("reduce_and", "reduce_or", "reduce_xor", oracle=XLA)
@cost_rule("argmax", "argmin", oracle=SCALAR)
def reduce_axes(op: Op, /, **_: Any) -> Cost:
    """Elements - results: combinations, of an arg-reduction comparisons. Complex 2, product 6."""
    operand = op.inputs[0]
    each = _complex(op.name) if is_complex(operand) else 1
    return arithmetic(operand, each * reductions(operand.size, op.out.size))


@cost_rule("reduce", oracle=XLA)
def reduce(op: Op, /, *, jaxpr: Any, **_: Any) -> Cost:
    """Elements - results applications of the function, which takes all operands together."""
    return combiner(jaxpr) * reductions(op.inputs[0].size, op.out.size)


@cost_rule("cumsum", "cumprod", "cummax", "cummin", oracle=SCALAR)
def cumulative(op: Op, /, *, axis: int, **_: Any) -> Cost:
    """Take n - 1 combinations for each line of n, though a parallel scan runs more (XLA: n²)."""
    operand = op.inputs[0]
    each = _complex(op.name) if is_complex(operand) else 1
    return arithmetic(operand, each * running_reductions(operand.size, operand.shape[axis]))


@cost_rule("cumlogsumexp", oracle=SCALAR)
def cumlogsumexp(op: Op, /, *, axis: int, **_: Any) -> Cost:
    """Do n - 1 times max(a, b) + log1p(exp(-|a - b|)) a line: 5 FLOPs, 2 calls."""
    operand = op.inputs[0]
    steps = running_reductions(operand.size, operand.shape[axis])
    return Cost(other_flops=5 * steps, transcendentals=2 * steps)


def _complex(name: str) -> int:
    return COMPLEX_MULTIPLY if name.endswith("prod") else COMPLEX_ADD
