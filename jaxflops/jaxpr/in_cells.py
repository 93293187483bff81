"""The nodes of a kernel's body, for all cells of its grid together.

As in an executed tree, `times` is then in all, not per run of the parent, down to what no
branch decided by the grid is in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.cells import Cells
from jaxflops.jaxpr.known import Holds
from jaxflops.jaxpr.leaf import make_op
from jaxflops.jaxpr.observable import as_tuple
from jaxflops.jaxpr.options import Options
from jaxflops.jaxpr.registry import BODY_RULES
from jaxflops.polynomial import Count
from jaxflops.tree import Node, gather


def in_cells(jaxpr: Any, nodes: Sequence[Node], groups: Sequence[Cells]) -> tuple[Node, ...]:
    """The nodes of an open jaxpr that all cells of `groups` run."""
    decided = groups[0].decided
    holds = Holds(lambda eqn: id(eqn) in decided)
    return _Filler(holds).nodes(jaxpr, nodes, groups)


class _Filler:
    """Of one kernel; `holds` tells where conds are that the grid decides."""

    def __init__(self, holds: Holds) -> None:
        self._holds = holds

    def nodes(self, jaxpr: Any, nodes: Sequence[Node], groups: Sequence[Cells]) -> tuple[Node, ...]:
        """One node for each equation of the jaxpr."""
        number: Count = sum(group.number for group in groups)
        return tuple(
            self._node(eqn, node, groups) if self._holds.at(eqn) else _often(node, number)
            for eqn, node in zip(_jax.open_jaxpr(jaxpr).eqns, nodes, strict=True)
        )

    def _node(self, eqn: Any, node: Node, groups: Sequence[Cells]) -> Node:
        bodies = as_tuple(BODY_RULES[eqn.primitive.name](make_op(eqn, Options()), **eqn.params))
        if id(eqn) in groups[0].decided:
            taken = [[g for g in groups if g.decided[id(eqn)] == i] for i in range(len(bodies))]
            parts = zip(bodies, node.children, taken, strict=True)
            branches = [
                self._filled(child._replace(times=1), body, own) for body, child, own in parts
            ]
            return _with(node._replace(choice=False, notes=()), tuple(branches))
        if len(bodies) == 1 and not node.choice:
            return self._filled(node, bodies[0], groups)
        pairs = zip(bodies, node.children, strict=True)
        return _with(node, tuple(self._filled(child, body, groups) for body, child in pairs))

    def _filled(self, node: Node, body: Any, groups: Sequence[Cells]) -> Node:
        if not groups:
            return node._replace(times=0, total=node.total * 0)
        return _with(node, self.nodes(body.jaxpr, node.children, groups))


def _with(node: Node, children: tuple[Node, ...]) -> Node:
    return node._replace(children=children, total=gather(node.own, children) * node.times)


def _often(node: Node, number: Count) -> Node:
    return node._replace(times=node.times * number, total=node.total * number)
