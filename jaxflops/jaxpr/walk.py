"""Walk a jaxpr into the tree: rules say what an equation costs or runs; only the walk recurses.

A jaxpr object that occurs many times is walked once for each `Context` and its subtree shared,
so work grows with distinct code.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jaxflops import tree
from jaxflops.errors import JaxflopsError
from jaxflops.jaxpr import _jax, shipped
from jaxflops.jaxpr.call import Call
from jaxflops.jaxpr.context import SETTLED, Context, Flags, Known, Walked, any_in, flags_of
from jaxflops.jaxpr.known import Holds, enter, inputs_of, is_loop, is_unplaced
from jaxflops.jaxpr.leaf import Leaves, make_op
from jaxflops.jaxpr.op import Bodies, Body, OneOf, OpenLoop
from jaxflops.jaxpr.open_loops import OpenLoops
from jaxflops.jaxpr.options import Options
from jaxflops.jaxpr.registry import BODY_RULES, BodyFormula
from jaxflops.jaxpr.rules.control import unknown_bodies
from jaxflops.jaxpr.scalars import Frame
from jaxflops.jaxpr.trip_counts import trip_count
from jaxflops.jaxpr.unread import PARTIAL
from jaxflops.jaxpr.users_rules import is_ours, raised, unneeded
from jaxflops.tree import HERE, Node, Site, branch, compose_phase


def walk(jaxpr: Any, options: Options | None = None, leaves: Leaves | None = None) -> Node:
    """The cost tree of a program, given as a closed or open jaxpr.

    leaves: prices its equations, in place of the rules alone.
    """
    options = options or Options()
    with _no_garbage_collection():
        return _Walker(options, leaves or Leaves(options)).program(jaxpr)


class _Walker:
    """One walk over one program."""

    def __init__(self, options: Options, leaves: Leaves) -> None:
        self._options = options
        self._leaves = leaves
        self._loops = OpenLoops(options.trip_counts)
        self._holds = Holds(is_loop)
        self._unplaced = Holds(is_unplaced)
        self._branches: set[str] = set()  # the names of all branches
        self._known: dict[tuple[int, Context], Walked] = {}
        self._alive: list[Any] = []  # keeps jaxprs alive while their ids are keys

    def program(self, jaxpr: Any) -> Node:
        """The whole tree."""
        nodes = self.jaxpr(jaxpr, Context()).nodes
        self._loops.check_hints()
        self._options.check_branches(self._branches)
        notes = unneeded(self._options.rules, self._leaves.asked)
        return branch("program", HERE, nodes, notes=notes)

    def jaxpr(self, jaxpr: Any, context: Context) -> Walked:
        """A jaxpr's nodes, from memory if it was walked in the same context."""
        opened = _jax.open_jaxpr(jaxpr)
        key = (id(opened), context)
        if key not in self._known:
            self._alive.append(opened)
            frame = enter(jaxpr, context.known) if self._holds.inside(opened) else None
            self._known[key] = self._equations(opened, context, frame)
        return self._known[key]

    def _equations(self, jaxpr: Any, context: Context, frame: Frame | None) -> Walked:
        tainted = {v for v, flag in zip(jaxpr.invars, context.tainted, strict=False) if flag}
        unmarked, settled = context.phase is None, context.settled
        nodes: list[Node] = []
        for eqn in jaxpr.eqns:
            info = eqn.source_info
            scope, phase = _jax.read_stack(info.name_stack.stack)
            source = _jax.TracebackSource(info.traceback)
            if eqn.primitive.name in PARTIAL:
                eqn = self._leaves.reading(eqn, jaxpr)  # noqa: PLW2901
            if self._is_leaf(eqn):
                touched = phase in SETTLED
                if tainted and not touched:
                    touched = any_in(eqn.invars, tainted)
                    if touched and phase is None and unmarked:
                        phase = "update"
                nodes.append(self._leaves.node(eqn, Site(scope, source, phase)))
                if touched and not settled:
                    tainted.update(eqn.outvars)
            else:
                flags = flags_of(eqn.invars, tainted)
                site = Site(scope, source, phase)
                node, out = self._call(eqn, site, context, (flags, frame))
                nodes.append(node)
                everything = phase in SETTLED
                tainted.update(v for v, f in zip(eqn.outvars, out, strict=True) if f or everything)
        return Walked(tuple(nodes), flags_of(jaxpr.outvars, tainted))

    def _is_leaf(self, eqn: Any) -> bool:
        name = eqn.primitive.name
        if name in self._leaves.rules:
            return True
        if name not in BODY_RULES and shipped.load(name):
            return name in self._leaves.rules
        return name not in BODY_RULES and next(_jax.jaxprs_in(eqn.params), None) is None

    def _call(
        self, eqn: Any, site: Site, context: Context, given: tuple[Flags, Frame | None]
    ) -> tuple[Node, Flags]:
        """The node of an equation that runs jaxprs, and which of its results are tainted."""
        flags, frame = given
        phase = compose_phase(context.phase, site.phase)
        scope = (*context.scope, *site.scope) if self._loops.hints else ()
        place = self._place(eqn, site, context)
        if place is not None and eqn.primitive.name in ("while", "cond"):
            site = site._replace(source=place)
        inner = Context(phase, () if phase in SETTLED else flags, scope, (), place)
        call = Call(eqn, site, inner, self._options, self.jaxpr, self._into(frame, eqn))
        rule = BODY_RULES.get(eqn.primitive.name)
        if rule is None:
            return call.unknown(unknown_bodies(eqn.params))
        bodies = self._bodies(rule, eqn)
        if isinstance(bodies, OneOf):
            self._branches.update(bodies.names)
        if isinstance(bodies, OpenLoop):
            assert frame is not None
            assert site.source is not None
            found = trip_count(frame, eqn, bodies)
            return call.run(bodies, self._loops.trips(eqn, site.source, scope, found))
        return call.run(bodies, None)

    def _bodies(self, rule: BodyFormula, eqn: Any) -> Bodies:
        """What a rule says that an equation runs."""
        try:
            return rule(make_op(eqn, self._options), **eqn.params)
        except Exception as error:
            if isinstance(error, JaxflopsError) or is_ours(rule):
                raise
            raise raised(error, rule, eqn) from error

    def _place(self, eqn: Any, site: Site, context: Context) -> tree.Frame | None:
        """The equation's line, or its call's, where a loop or a choice has none of its own."""
        source = site.source
        if source is None or not self._unplaced.at(eqn):
            return None
        return (
            tree.Frame(source.file, source.line, source.function) if source.file else context.place
        )

    def _into(self, frame: Frame | None, eqn: Any) -> Callable[[Body], Known]:
        """What is known of the inputs of a body of `eqn`, where a `while` in it may need that."""

        def known(body: Body) -> Known:
            if frame is None or not self._holds.inside(body.jaxpr):
                return ()
            return inputs_of(body, frame, eqn)

        return known


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """A walk makes many small objects and no cycles; collecting among them doubles its time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
