"""What is left of an equation and its bodies without dead code, and their cost nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.derivation.values import Scope
from jaxflops.jaxpr.op import Bodies, Body, OneOf, OpenLoop
from jaxflops.polynomial import Count
from jaxflops.tree import HERE, Node, Site


class Run(NamedTuple):
    """A body as it runs in the program without dead code: absolute site and times."""

    site: Site = HERE
    times: Count = 0
    nodes: Mapping[int, tuple[Any, Node]] = MappingProxyType({})


DEAD = Run()


def live_nodes(jaxpr: Any, live: Any, nodes: Sequence[Node]) -> dict[int, tuple[Any, Node]]:
    """Position of an equation -> what is left of it, and its node; dead ones are missing.

    Removing dead code keeps the variables, so an equation is found by any of its results. One
    without any, as a branch of a kernel, is there for its effects, which keep it: in their order.
    """
    pairs = list(zip(live.eqns, nodes, strict=True))
    made = {id(var): (eqn, node) for eqn, node in pairs for var in eqn.outvars}
    found = {}
    for at, eqn in enumerate(jaxpr.eqns):
        for var in eqn.outvars:
            if id(var) in made:
                found[at] = made[id(var)]
                break
    silent = [at for at, eqn in enumerate(jaxpr.eqns) if not eqn.outvars]
    left = [pair for pair in pairs if not pair[0].outvars]
    found.update(zip(silent, left, strict=True) if len(silent) == len(left) else ())
    return found


def as_tuple(bodies: Bodies) -> tuple[Body, ...]:
    """The bodies in the order in which a walk makes their nodes."""
    if isinstance(bodies, OneOf):
        return bodies.branches
    return (bodies.test, bodies.body) if isinstance(bodies, OpenLoop) else bodies


def runs(scope: Scope, node: Node, before: Bodies, after: Bodies) -> list[Run]:
    """For each body of a call its live run; `after` are the bodies without dead code."""
    site, times = node.site.within(scope.site), scope.times * node.times
    bodies, live = as_tuple(before), as_tuple(after)
    own_nodes = len(bodies) == 1 and not isinstance(before, OneOf)
    if own_nodes and node.state != "unknown":
        return [Run(site, times, _nodes(bodies[0], live[0], node.children))]
    return [
        Run(child.site.within(site), times * child.times, _nodes(body, left, child.children))
        for body, left, child in zip(bodies, live, node.children, strict=True)
    ]


def _nodes(body: Body, live: Body, nodes: Sequence[Node]) -> dict[int, tuple[Any, Node]]:
    return live_nodes(_jax.open_jaxpr(body.jaxpr), _jax.open_jaxpr(live.jaxpr), nodes)
