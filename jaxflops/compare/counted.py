"""Counted against lowered: contractions are equal but for what named equations account for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from operator import is_
from typing import NamedTuple

from jaxflops.compare.composites import Lowered
from jaxflops.compare.entries import Entries, contractions
from jaxflops.compare.join import Difference, join
from jaxflops.compare.rows import Row, Step, summed, unexplained
from jaxflops.tree import Node, gather

STEP: Step = "counted to lowered"
SHARE = "one device's share of each shard_map, not that of all"
WRITTEN = "dead in iterations that lowering writes out beside their scan (unroll)"


class Dead(NamedTuple):
    """Contractions that are dead in iterations beside a loop; `once`: their FLOPs, bodies once."""

    entries: Entries
    once: int


class Lowering(NamedTuple):
    """The rows of the step, and the FLOPs with bodies once that lowering should have."""

    rows: list[Row]
    once: int


def counted_rows(
    counted: Node,
    lowered: Entries,
    dead: Callable[[], Dead],
    composites: Callable[[], Mapping[str, Lowered]],
) -> Lowering:
    """Every difference between what was counted and the contractions of a lowered program.

    composites, dead: asked only where there is a difference, and taken only where they make that
      smaller. (JAX 0.12 removes dead work of written-out iterations.)
    """
    tree = of_one_device(counted)
    asked, once = contractions(tree), int(tree.once().matmul_flops)
    rows = _row(SHARE, contractions(counted), asked)
    left = join(asked, lowered)
    for cause, both in composites().items() if left else ():
        apart = asked - both.counted + both.lowered
        other = join(apart, lowered)
        if both.counted <= asked and _size(other) < _size(left):
            rows += _row(cause, asked, apart)
            asked, left, once = apart, other, once + both.once
    if left:
        found = dead()
        apart = asked - Counter(found.entries)
        other = join(apart, lowered)
        if _size(other) < _size(left):
            rows += _row(WRITTEN, asked, apart)
            left, once = other, once - found.once
    return Lowering([*rows, *unexplained(STEP, left)], once)


def dead_in(whole: Node, written: Node) -> Dead:
    """What a tree has and the same tree with iterations written out has not."""
    trees = of_one_device(whole), of_one_device(written)
    before, after = (Counter(contractions(tree)) for tree in trees)
    return Dead(before - after, int(trees[0].once().matmul_flops - trees[1].once().matmul_flops))


def of_one_device(tree: Node) -> Node:
    """The tree with the body of each shard_map once: lowering knows one device's shapes there."""
    return _of_one_device(tree, {})


def _of_one_device(node: Node, memo: dict[int, Node]) -> Node:
    if id(node) not in memo:
        children = tuple(_of_one_device(child, memo) for child in node.children)
        times = 1 if node.label == "shard_map" and node.times != 0 else node.times
        same = times == node.times and all(map(is_, children, node.children))
        total = gather(node.own, children) * times
        memo[id(node)] = (
            node if same else node._replace(children=children, times=times, total=total, replicas=1)
        )
    return memo[id(node)]


def _row(cause: str, before: Entries, after: Entries) -> list[Row]:
    """What the cause takes away, if anything."""
    change, size, sites = summed(join(before, after))
    return [Row(STEP, cause, change, size, sites, explained=True)] if size else []


def _size(differences: list[Difference]) -> int:
    return sum(difference.size for difference in differences)
