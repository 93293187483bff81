"""Sums of products: matrix products, ragged ones, attention."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from jaxflops.formulas.arithmetic import multiply_add
from jaxflops.polynomial import Count


def contraction(results: Count, contracted: Iterable[Count], is_complex: bool = False) -> Count:
    """[b,m,k] @ [b,k,n] -> 2·b·m·n·k: a multiply-add for each result and contracted element."""
    return results * prod(contracted) * multiply_add(is_complex)


def attention_products(
    batch: Count, heads: Count, queries: Count, keys: Count, depth: Count, value_depth: Count
) -> tuple[Count, Count]:
    """(by keys, by values): q·kᵀ is 2·B·N·T·S·H, p·v is 2·B·N·T·S·H'; a masked product is whole."""
    scores = batch * heads * queries * keys
    return 2 * scores * depth, 2 * scores * value_depth
