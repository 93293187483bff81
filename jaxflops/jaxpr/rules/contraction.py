"""Matrix products: dense, ragged, scaled, and the sums of products that lower to them."""

from __future__ import annotations

from math import prod
from typing import Any

from jaxflops.cost import Cost
from jaxflops.formulas.contraction import contraction
from jaxflops.jaxpr.op import Op
from jaxflops.jaxpr.registry import cost_rule
from jaxflops.jaxpr.rules._fields import is_complex


@cost_rule("dot_general", "scaled_dot", oracle="scalar loop, lowered XLA")
def dot_general(op: Op, /, *, dimension_numbers: Any, **_: Any) -> Cost:
    """[b..,m..,k..] @ [b..,k..,n..] -> 2·b·m·n·k, complex 8; scales are folded into the product."""
    (contracted, _rhs), _batch = dimension_numbers
    left = op.inputs[0]
    sizes = [left.shape[axis] for axis in contracted]
    return Cost(matmul_flops=contraction(op.out.size, sizes, is_complex(op.out)))


@cost_rule("ragged_dot_general", oracle="scalar loop")
def ragged_dot_general(op: Op, /, *, ragged_dot_dimension_numbers: Any, **_: Any) -> Cost:
    """Each row (or contracted element) meets one group's matrix: 2·size(lhs)·n, not times groups.

    [m,k] @ [g,k,n] -> 2mkn; [m,K] @ [K,n] with K cut into groups -> 2mKn. Group sizes that leave
    rows out are data: all rows are counted.
    """
    numbers = ragged_dot_dimension_numbers
    (_, contracted), (_, batch) = numbers.dot_dimension_numbers
    left, right = op.inputs[0], op.inputs[1]
    used = {*contracted, *batch, *numbers.rhs_group_dimensions}
    columns = prod(size for axis, size in enumerate(right.shape) if axis not in used)
    return Cost(matmul_flops=contraction(left.size, [columns], is_complex(op.out)))


@cost_rule("scaled_matmul", "scaled_matmul_wrapper", oracle="scalar loop")
def scaled_matmul(op: Op, /, **_: Any) -> Cost:
    """Block-scaled [b,m,k] x [b,n,k] -> 2·b·m·n·k; the scales are applied inside the product."""
    return Cost(matmul_flops=contraction(op.out.size, [op.inputs[0].shape[-1]]))


@cost_rule("symmetric_product", oracle="lowered XLA")
def symmetric_product(op: Op, /, *, alpha: float, beta: float, **_: Any) -> Cost:
    """alpha·A[n,k]·Aᵀ + beta·C: the full product 2n²k, as it runs, and n² each scale and add."""
    steps = (alpha != 1) + 2 * (beta != 0)
    return Cost(
        matmul_flops=contraction(op.out.size, [op.inputs[0].shape[-1]]),
        other_flops=steps * op.out.size,
    )
