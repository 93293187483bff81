"""The node of an equation that runs jaxprs: calls, loops, choices, and calls without a rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from jaxflops.branches import choose, taken
from jaxflops.cost import Cost
from jaxflops.errors import UnknownCostError
from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.cells import cells
from jaxflops.jaxpr.context import Context, Flags, Known, WalkJaxpr
from jaxflops.jaxpr.in_cells import in_cells
from jaxflops.jaxpr.op import Bodies, Body, OneOf, OpenLoop
from jaxflops.jaxpr.open_loops import Trips
from jaxflops.jaxpr.options import Options
from jaxflops.polynomial import Count
from jaxflops.tree import HERE, Node, Site, branch


@dataclass(frozen=True)
class Call:
    """One equation with bodies: where it stands, and how to walk into it."""

    eqn: Any
    site: Site
    context: Context
    options: Options
    walk: WalkJaxpr
    known: Callable[[Body], Known]

    def run(self, bodies: Bodies, trips: Trips | None) -> tuple[Node, Flags]:
        """The node and which results are tainted; `trips` for an open loop."""
        if isinstance(bodies, OneOf):
            return self._choice(bodies)
        if isinstance(bodies, OpenLoop):
            assert trips is not None
            return self._open_loop(bodies, trips)
        if len(bodies) == 1:
            return self._single(bodies[0])
        walked = [self._body(body, body.times) for body in bodies]
        return self._node(tuple(node for node, _ in walked)), self._either([f for _, f in walked])

    def unknown(self, bodies: tuple[Body, ...]) -> tuple[Node, Flags]:
        """A primitive without a rule: its jaxprs once each, and a caveat that this is a guess."""
        name = self.eqn.primitive.name
        message = (
            f"{name}: no rule says how often it runs its jaxprs "
            f"({', '.join(body.label for body in bodies)}); each is counted once"
        )
        if self.options.strict:
            raise UnknownCostError(f"{message}; write one with @jf.body_rule({name!r})")
        nodes = tuple(
            branch(body.label, HERE, self.walk(body.jaxpr, self.context._replace(tainted=())).nodes)
            for body in bodies
        )
        node = branch(name, self.site, nodes, notes=(message,), state="unknown")
        return node, (any(self.context.tainted),) * len(self.eqn.outvars)

    def _single(self, body: Body) -> tuple[Node, Flags]:
        """One body: the equation's node is the body's."""
        name = self.eqn.primitive.name
        if body.grid and self.options.cells:
            node, flags = self._kernel(body)
        else:
            nodes, flags = self._walk(body)
            node = branch(name, self.site, nodes, times=body.times, copies=body.copies)
        if body.replicas > 1:
            node = node._replace(replicas=body.replicas, notes=(_same(name, body),))
        if body.stated is not None:
            node = node._replace(notes=(_beside(name, body.stated, node.total),))
        return node, flags

    def _kernel(self, body: Body) -> tuple[Node, Flags]:
        """A kernel: its body for each cell of its grid, branches in the cells that take them."""
        nodes, flags = self._walk(body)
        groups = cells(body.jaxpr, body.grid, body.axes)
        if not groups:
            return branch(self.eqn.primitive.name, self.site, nodes, times=body.times), flags
        return self._node(in_cells(_jax.open_jaxpr(body.jaxpr), nodes, groups)), flags

    def _open_loop(self, loop: OpenLoop, trips: Trips) -> tuple[Node, Flags]:
        """A while: the body `trips` times, the condition once more."""
        body, flags = self._body(loop.body, trips.number)
        carried = self._feed(loop.body, flags)
        test, _ = replace(self, context=carried)._body(loop.test, trips.number + 1)  # noqa: SLF001
        return self._node((test, body), notes=(trips.note,)), flags

    def _choice(self, choice: OneOf) -> tuple[Node, Flags]:
        """A cond: all branches, the ones not taken with times 0."""
        walked = [self._body(body, 1) for body in choice.branches]
        nodes = [node for node, _ in walked]
        policy = self.options.branch
        chosen, notes = choose(nodes, choice.chosen, policy, self.site, choice.names)
        node = self._node(taken(nodes, chosen), notes=notes, choice=True)
        return node, self._either([flags for _, flags in walked])

    def _body(self, body: Body, times: Count) -> tuple[Node, Flags]:
        nodes, flags = self._walk(body)
        return branch(body.label, HERE, nodes, times=times, copies=body.copies), flags

    def _walk(self, body: Body) -> tuple[tuple[Node, ...], Flags]:
        """Nodes of the body, and the taint of the equation's results; a carry to its fixpoint."""
        flags = self.context.tainted
        inputs = tuple(i is not None and i < len(flags) and flags[i] for i in body.inputs)
        known = self.known(body)
        while True:
            walked = self.walk(body.jaxpr, self.context._replace(tainted=inputs, known=known))
            grown = list(inputs)
            for result, operand in body.feedback:
                grown[operand] = grown[operand] or walked.tainted[result]
            if tuple(grown) == inputs:
                return walked.nodes, self._results(body, walked.tainted)
            inputs = tuple(grown)

    def _results(self, body: Body, flags: Flags) -> Flags:
        """The taint of the body's results as the equation's."""
        out = [False] * len(self.eqn.outvars)
        for flag, position in zip(flags, body.outputs, strict=False):
            if position is not None:
                out[position] = out[position] or flag
        return tuple(out)

    def _feed(self, body: Body, results: Flags) -> Context:
        """The context in which the loop's condition sees the carry."""
        flags = list(self.context.tainted)
        for result, operand in body.feedback:
            position = body.inputs[operand]
            if position is not None and position < len(flags):
                flags[position] = flags[position] or results[result]
        return self.context._replace(tainted=tuple(flags))

    def _either(self, flags: list[Flags]) -> Flags:
        return tuple(any(column) for column in zip(*flags, strict=True))

    def _node(
        self, nodes: tuple[Node, ...], notes: tuple[str, ...] = (), *, choice: bool = False
    ) -> Node:
        return branch(self.eqn.primitive.name, self.site, nodes, notes=notes, choice=choice)


def _same(name: str, body: Body) -> str:
    return (
        f"{name}: of its {body.times} shards {body.replicas} each do the same work, along mesh "
        "axes that split nothing of it; MFU counts that once"
    )


def _beside(name: str, stated: Cost, counted: Cost) -> str:
    """What a kernel's author states, what its body has, and whether they agree."""
    agree = (stated.flops, stated.transcendentals) == (counted.flops, counted.transcendentals)
    verdict = "they agree" if agree else "they disagree, and the second is counted"
    return (
        f"{name}: its cost estimate is {stated.flops} FLOPs and {stated.transcendentals} "
        f"transcendentals ({stated.bytes} bytes), its body times its grid {counted.flops} and "
        f"{counted.transcendentals}: {verdict}"
    )
