"""From what runs to what XLA's analysis reports: loop bodies once, a conditional's maximum."""

from __future__ import annotations

from collections.abc import Iterator

from jaxflops.compare.entries import place_of
from jaxflops.compare.rows import Row
from jaxflops.tree import HERE, Node, Site

LOOP = "loop body counted once"
CHOICE = "conditional counted as each property's maximum"


def projected_once(tree: Node) -> list[Row]:
    """The rows from a lowered tree's contractions to `tree.once()`: one a loop or conditional.

    Innermost first: a loop that runs n times within an outer one that runs m times takes away
    m·(n - 1) times its body, whose own loops stand for one iteration already. One that does not run
    adds its body.
    """
    return [row for row in _rows(tree, HERE, 1) if row.flops]


def _rows(node: Node, outer: Site, runs: int) -> Iterator[Row]:
    site, times = node.site.within(outer), int(node.times)
    for child in node.children:
        if node.choice and child.times == 0:  # a branch that is not counted
            continue
        if node.choice or child.total.matmul_flops != 0 or _once(child):
            yield from _rows(child, site, runs * times)
    if node.choice:
        most = max((int(c.once().matmul_flops) for c in node.children), default=0)
        ran = sum(int(c.once().matmul_flops) for c in node.children if c.times != 0)
        yield _row(CHOICE, site, runs * times * (most - ran))
    if times != 1:
        yield _row(f"{LOOP}, not {times} times", site, runs * (1 - times) * _once(node))


def _once(node: Node) -> int:
    return int(node.once().matmul_flops)


def _row(cause: str, site: Site, flops: int) -> Row:
    return Row("lowered to XLA", cause, flops, abs(flops), (str(place_of(site)),), explained=True)
