"""Contractions that lower to others: each equation by itself, and what that must be.

A ragged product has no counterpart on a CPU, nor a complex convolution anywhere: JAX lowers the
one dense over its groups, and the other to three real ones (Karatsuba's three products).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

from jaxflops.compare.alone import Alone
from jaxflops.compare.entries import Entry, contractions
from jaxflops.cost import ZERO, Cost
from jaxflops.tree import HERE, Node, gather


class Composite(NamedTuple):
    """A cause's name, and whether an equation lowers as it says."""

    cause: str
    law: Callable[[Alone], bool]


class Lowered(NamedTuple):
    """Contractions as counted and as lowered; `once`: FLOPs that these have more, bodies once."""

    counted: Counter[Entry]
    lowered: Counter[Entry]
    once: int


def lowered_as(equations: Node, alone: Mapping[int, Alone]) -> dict[str, Lowered]:
    """By cause, the contractions that lower as composites, with how often they run."""
    before, found = contractions(equations), dict[str, Lowered]()
    for name, (cause, law) in COMPOSITES.items():
        chosen = {
            key: each
            for key, each in alone.items()
            if each.eqn.primitive.name == name and each.work is not None and law(each)
        }
        tree = _written(equations, chosen, {}) if chosen else equations
        after = contractions(tree)
        once = int(tree.once().matmul_flops - equations.once().matmul_flops)
        if before != after:
            found[cause] = Lowered(before - after, after - before, once)
    return found


def _written(node: Node, chosen: Mapping[int, Alone], memo: dict[int, Node]) -> Node:
    """The tree with each chosen equation as the contractions that it lowers to."""
    if id(node) not in memo:
        each = chosen.get(id(node.own))
        children = tuple(_written(child, chosen, memo) for child in node.children)
        if each is not None:
            costs = (Cost(matmul_flops=flops) for flops in each.products.elements())
            children = tuple(Node(node.label, HERE, cost, cost) for cost in costs)
        own = node.own if each is None else ZERO
        total = gather(own, children) * node.times
        memo[id(node)] = node._replace(children=children, own=own, total=total)
    return memo[id(node)]


def _dense(each: Alone) -> bool:
    """One product, of every row with every group."""
    groups = each.eqn.invars[-1].aval.shape[-1]
    return each.products == {groups * each.counted.matmul_flops: 1} and groups > 1


def _real(each: Alone) -> bool:
    """Three convolutions of a quarter: a complex multiply-add is 8, a real one 2."""
    return {4 * flops: n for flops, n in each.products.items()} == {each.counted.matmul_flops: 3}


COMPOSITES = {
    "ragged_dot_general": Composite("ragged product made dense over its groups", _dense),
    "conv_general_dilated": Composite("complex convolution made of three real ones", _real),
}
