"""The tree of a program that ran: trip counts and branches as they were counted.

Where data decides, a body runs differently often each time its parent does, so a multiplicity per
run of the parent is no whole number. From the program down to the observed loops and choices,
`times` is therefore how often a node ran *in all*, and the containers on the way have times 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path as File
from typing import Any

from jaxflops.executions import Execution
from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.observable import Key, Observable, Path, as_tuple, batch_of, bodies_of
from jaxflops.jaxpr.op import Body, OneOf, OpenLoop
from jaxflops.polynomial import Count
from jaxflops.tree import Node, gather


def observed(
    jaxpr: Any, tree: Node, counts: Mapping[Key, int]
) -> tuple[Node, tuple[Execution, ...]]:
    """The tree of `jaxpr` with observed multiplicities, and each loop and choice that was seen."""
    filler = _Filler(counts)
    nodes = filler.nodes(jaxpr, tree.children, (), 1)
    return _sum(tree, nodes), filler.seen


class _Filler:
    def __init__(self, counts: Mapping[Key, int]) -> None:
        self._counts = counts
        self._observable = Observable()
        self._seen: dict[tuple[int, str], Execution] = {}

    def nodes(self, jaxpr: Any, nodes: Sequence[Node], path: Path, runs: Count) -> tuple[Node, ...]:
        """The nodes of a jaxpr's equations, where it ran `runs` times in all."""
        eqns = _jax.open_jaxpr(jaxpr).eqns
        return tuple(
            self._call(eqn, node, (*path, at), runs)
            if node.children and self._observable.in_equation(eqn)
            else _scaled(node, runs)
            for at, (eqn, node) in enumerate(zip(eqns, nodes, strict=True))
        )

    def _call(self, eqn: Any, node: Node, path: Path, runs: Count) -> Node:
        bodies = bodies_of(eqn)
        assert bodies is not None
        if isinstance(bodies, tuple):
            inner = self.nodes(bodies[0].jaxpr, node.children, (*path, 0), runs * node.times)
            return _sum(node, inner)
        observe = self._while if isinstance(bodies, OpenLoop) else self._cond
        seen, filled = observe(bodies, node, path, int(runs))
        self._add(eqn, seen)
        return filled._replace(choice=False, notes=(str(seen),))

    @property
    def seen(self) -> tuple[Execution, ...]:
        """Each loop and choice of the program, in the order of its first call."""
        return tuple(self._seen.values())

    def _while(self, loop: Any, node: Node, path: Path, runs: int) -> tuple[Execution, Node]:
        done = self._counts[path, 0]
        batch = batch_of(loop)
        active = self._counts[path, 1] if batch else None
        seen = Execution(_place(node), "while", runs, (done,), active, prod(batch))
        return seen, self._parts(loop, node, path, (done + runs, done))

    def _cond(self, choice: Any, node: Node, path: Path, runs: int) -> tuple[Execution, Node]:
        ran = tuple(self._counts[path, number] for number in range(len(choice.branches)))
        return Execution(_place(node), "cond", runs, ran), self._parts(choice, node, path, ran)

    def _parts(self, bodies: OneOf | OpenLoop, node: Node, path: Path, runs: Sequence[int]) -> Node:
        parts = zip(as_tuple(bodies), node.children, runs, strict=True)
        return _sum(
            node, tuple(self._part(b, n, (*path, i), ran) for i, (b, n, ran) in enumerate(parts))
        )

    def _part(self, body: Body, node: Node, path: Path, runs: int) -> Node:
        """A condition, a body or a branch."""
        if self._observable.inside(body.jaxpr):
            return _sum(node, self.nodes(body.jaxpr, node.children, path, runs))
        return node._replace(times=runs, total=gather(node.own, node.children) * runs)

    def _add(self, eqn: Any, seen: Execution) -> None:
        """A loop that several calls share is one loop of the program."""
        key = id(eqn), seen.place
        before = self._seen.get(key)
        self._seen[key] = seen if before is None else before + seen


def _sum(node: Node, children: tuple[Node, ...]) -> Node:
    return node._replace(times=1, children=children, total=gather(node.own, children))


def _scaled(node: Node, runs: Count) -> Node:
    return node._replace(times=node.times * runs, total=node.total * runs)


def _place(node: Node) -> str:
    source = node.site.source
    return f"{File(source.file).name or '?'}:{source.line}" if source else "?"
