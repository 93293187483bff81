"""What of a tree is known: states of its operations, notes, and the interval of its choices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from jaxflops.polynomial import Count
from jaxflops.tree import Node


class Tally(NamedTuple):
    """How many equations run, and how many of them have a known cost."""

    known: Count
    all: Count


class Unknown(NamedTuple):
    """A primitive without a rule: its name, how often it runs, and what it was seen with."""

    name: str
    times: Count
    note: str


def tally(node: Node, memo: dict[int, Tally] | None = None) -> Tally:
    """Equations, trip counts included; a shared subtree is visited once."""
    memo = {} if memo is None else memo
    if id(node) not in memo:
        known: Count = 0
        everything: Count = 0
        if node.is_leaf:
            known, everything = int(node.state != "unknown"), 1
        for child in node.children:
            inner = tally(child, memo)
            known, everything = known + inner.known, everything + inner.all
        memo[id(node)] = Tally(known * node.times, everything * node.times)
    return memo[id(node)]


def distinct(tree: Node) -> Iterator[Node]:
    """Every node object once, parents first, in program order."""
    seen: set[int] = set()
    stack = [tree]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        stack.extend(reversed(node.children))


def notes(tree: Node) -> tuple[str, ...]:
    """Every distinct note, in program order."""
    return tuple(dict.fromkeys(note for node in distinct(tree) for note in node.notes))


def unknown(tree: Node) -> tuple[Unknown, ...]:
    """The primitives without a rule, with how often they run."""
    times: dict[str, Count] = {}
    first: dict[str, str] = {}
    for node, count in runs(tree):
        if node.state == "unknown":
            times[node.label] = times.get(node.label, 0) + count
            first.setdefault(node.label, node.notes[0] if node.notes else "")
    return tuple(Unknown(name, count, first[name]) for name, count in times.items())


def runs(tree: Node) -> list[tuple[Node, Count]]:
    """Each distinct node with how often it runs in all, shared subtrees added up."""
    order = _topological(tree)
    counts: dict[int, Count] = {id(tree): tree.times}
    for node in order:
        for child in node.children:
            inner = counts[id(node)] * child.times
            counts[id(child)] = counts.get(id(child), 0) + inner
    return [(node, counts[id(node)]) for node in order]


def interval(tree: Node) -> tuple[Count, Count]:
    """(least, most) FLOPs over the branches that data may choose; equal without a choice."""
    low, high = _spread(tree, {})
    return low * tree.times, high * tree.times


def _spread(node: Node, memo: dict[int, tuple[Count, Count]]) -> tuple[Count, Count]:
    """The interval of one execution; the alternatives of a choice run once, taken or not."""
    if id(node) not in memo:
        parts = [_spread(child, memo) for child in node.children]
        if node.choice and parts:
            memo[id(node)] = min(low for low, _ in parts), max(high for _, high in parts)
        else:
            times = [child.times for child in node.children]
            low = sum((p[0] * n for p, n in zip(parts, times, strict=True)), node.own.flops)
            high = sum((p[1] * n for p, n in zip(parts, times, strict=True)), node.own.flops)
            memo[id(node)] = low, high
    return memo[id(node)]


def _topological(tree: Node) -> list[Node]:
    """Parents before children, in a graph whose subtrees are shared."""
    done: dict[int, Node] = {}

    def visit(node: Node) -> None:
        if id(node) not in done:
            for child in node.children:
                visit(child)
            done[id(node)] = node

    visit(tree)
    return list(reversed(done.values()))
