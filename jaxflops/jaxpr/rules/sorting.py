"""Sorting and selecting along an axis."""

from __future__ import annotations

from typing import Any

from jaxflops.cost import Cost
from jaxflops.formulas.sorting import selection_comparisons, sort_comparisons
from jaxflops.jaxpr.op import Op
from jaxflops.jaxpr.registry import cost_rule
from jaxflops.jaxpr.rules._fields import arithmetic, components
from jaxflops.jaxpr.symbols import to_count
from jaxflops.polynomial import Count

KNUTH = "published count (Knuth 5.3.1), worst case found by trying all orders"


@cost_rule("sort", oracle=KNUTH)
def sort(op: Op, /, *, dimension: int, num_keys: int, **_: Any) -> Cost:
    """n⌈log2 n⌉ - 2^⌈log2 n⌉ + 1 comparisons for each line of n, times the keys compared."""
    comparisons = sort_comparisons(op.inputs[0].shape[dimension])
    lines = _lines(op, dimension)
    cost = Cost()
    for key in op.inputs[:num_keys]:
        cost = cost + arithmetic(key, lines * comparisons * components(key))
    return cost


@cost_rule("top_k", oracle=KNUTH)
def top_k(op: Op, /, *, k: Any, axis: int = -1, **_: Any) -> Cost:
    """Each element inserted into the k best so far by bisection: n - 1 comparisons for k = 1."""
    return _select(op, axis, to_count(k))


@cost_rule("approx_top_k", oracle=KNUTH, note="counted as an exact top_k")
def approx_top_k(op: Op, /, *, k: Any, reduction_dimension: int, **_: Any) -> Cost:
    """As `top_k`; accelerators reduce to a few candidates first, at the recall asked for."""
    return _select(op, reduction_dimension, to_count(k))


def _select(op: Op, axis: int, kept: Count) -> Cost:
    comparisons = selection_comparisons(op.inputs[0].shape[axis], kept)
    return arithmetic(op.inputs[0], _lines(op, axis) * comparisons)


def _lines(op: Op, axis: int) -> Count:
    shape = op.inputs[0].shape
    position = axis % len(shape)
    lines: Count = 1
    for i, size in enumerate(shape):
        lines = lines * (1 if i == position else size)
    return lines
