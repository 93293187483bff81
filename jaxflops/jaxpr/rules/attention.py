"""Fused attention (cuDNN): two products forward, five backward, counted whole under any mask."""

from __future__ import annotations

from typing import Any

from jaxflops.cost import Cost
from jaxflops.formulas.contraction import attention_products
from jaxflops.jaxpr.op import Op
from jaxflops.jaxpr.registry import cost_rule
from jaxflops.polynomial import Count

UNFUSED = "the unfused program"
_HEADS_FIRST = 1  # JAX's AttentionLayout: BTNH = 0, BNTH = 1


@cost_rule("dot_product_attention_fwd", "dot_product_attention_fwd_wrapper", oracle=UNFUSED)
@cost_rule("dot_product_attention_fp8_fwd", "dot_product_attention_fp8_fwd_wrapper", oracle=UNFUSED)
def attention_forward(op: Op, /, *, layout: int, **_: Any) -> Cost:
    """q[B,T,N,H], k[B,S,K,H], v[B,S,K,H']: 2BNTS(H + H'); scale and softmax 5 and 1 call a score.

    Softmax: the largest, subtract, exp, sum, divide; a row's reductions take one less.
    """
    by_keys, by_values = _products(op, layout)
    scores, rows = _scores(op, layout)
    return Cost(
        matmul_flops=by_keys + by_values,
        other_flops=5 * scores - 2 * rows,
        transcendentals=scores,
    )


@cost_rule("dot_product_attention_bwd", "dot_product_attention_bwd_wrapper", oracle=UNFUSED)
@cost_rule("dot_product_attention_fp8_bwd", "dot_product_attention_fp8_bwd_wrapper", oracle=UNFUSED)
def attention_backward(op: Op, /, *, layout: int, **_: Any) -> Cost:
    """Scores again, dv, dp, dq, dk: 2BNTS(3H + 2H'); 5 and 1 call a score, 2H' - 1 a row.

    p = exp(scale·qkᵀ - lse) 2; ds = p(dp - Σ do·o) 2, scaled 1; Σ do·o once a row.
    """
    by_keys, by_values = _products(op, layout)
    scores, rows = _scores(op, layout)
    depth = op.inputs[2].shape[-1]
    return Cost(
        matmul_flops=3 * by_keys + 2 * by_values,
        other_flops=5 * scores + rows * (2 * depth - 1),
        transcendentals=scores,
    )


def _products(op: Op, layout: int) -> tuple[Count, Count]:
    batch, heads, queries, keys = _sizes(op, layout)
    depth, value_depth = op.inputs[0].shape[-1], op.inputs[2].shape[-1]
    return attention_products(batch, heads, queries, keys, depth, value_depth)


def _scores(op: Op, layout: int) -> tuple[Count, Count]:
    """(scores, rows of scores)."""
    batch, heads, queries, keys = _sizes(op, layout)
    return batch * heads * queries * keys, batch * heads * queries


def _sizes(op: Op, layout: int) -> tuple[Count, Count, Count, Count]:
    """(batch, query heads, queries, keys)."""
    q, k = op.inputs[0].shape, op.inputs[1].shape
    if int(layout) == _HEADS_FIRST:
        return q[0], q[1], q[2], k[2]
    return q[0], q[2], q[1], k[1]
