"""Give sizes to the symbols of a tree; shared subtrees stay shared."""

from __future__ import annotations

from collections.abc import Mapping

from jaxflops.polynomial import Count, evaluate
from jaxflops.tree import Node, gather


def substitute(tree: Node, sizes: Mapping[str, Count]) -> Node:
    """The tree with every count and multiplicity evaluated at `sizes`."""
    return _substitute(tree, sizes, {})


def _substitute(node: Node, sizes: Mapping[str, Count], memo: dict[int, Node]) -> Node:
    if id(node) not in memo:
        children = tuple(_substitute(child, sizes, memo) for child in node.children)
        own, times = node.own.at(**sizes), evaluate(node.times, sizes)
        total = gather(own, children) * times
        memo[id(node)] = node._replace(own=own, times=times, total=total, children=children)
    return memo[id(node)]
