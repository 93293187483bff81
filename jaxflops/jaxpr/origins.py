"""Which argument's buffer a result may take over: updates in place, followed to their start."""

from __future__ import annotations

from typing import Any

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.leaf import make_op
from jaxflops.jaxpr.op import Bodies, Body, OneOf, OpenLoop
from jaxflops.jaxpr.options import Options
from jaxflops.jaxpr.registry import BODY_RULES

UPDATES = frozenset(
    {"dynamic_update_slice", "scatter", "scatter-add", "scatter-sub", "scatter-mul"}
    | {"scatter-min", "scatter-max"}
)
"""Primitives that change part of their first operand, in place where it is not needed again."""
VIEWS = frozenset({"reshape", "squeeze", "expand_dims", "bitcast_convert_type"})
MARKS = frozenset(
    {"name", "stop_gradient", "optimization_barrier", "sharding_constraint", "layout_constraint"}
    | {"pvary", "copy_p", "reshard"}
)
"""Primitives whose results are their operands, one by one."""


def bodies_of(eqn: Any) -> Bodies | None:
    """The jaxprs that an equation runs on its own operands; None for other equations.

    Kernels (Pallas) run on references to blocks: what they access is not in the equation.
    """
    rule = BODY_RULES.get(eqn.primitive.name)
    if rule is None or rule.__module__.endswith(".pallas"):
        return None
    return rule(make_op(eqn, Options()), **eqn.params)


def alternatives(bodies: Bodies) -> tuple[Body, ...]:
    """Every body that may make the results."""
    if isinstance(bodies, OneOf):
        chosen = bodies.chosen
        return bodies.branches if chosen is None else (bodies.branches[chosen],)
    return (bodies.body,) if isinstance(bodies, OpenLoop) else bodies


_Definitions = tuple[dict[Any, int], dict[Any, tuple[Any, int]]]


class Origins:
    """Follows results of jaxprs to their inputs, each jaxpr once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], int | None] = {}
        self._defined: dict[int, _Definitions] = {}
        self._alive: list[Any] = []  # keeps jaxprs alive while their ids are keys

    def of(self, jaxpr: Any, position: int) -> int | None:
        """The input whose buffer result `position` is, updated in place; None for a new buffer."""
        opened = _jax.open_jaxpr(jaxpr)
        key = (id(opened), position)
        if key not in self._known:
            self._alive.append(opened)
            self._known[key] = self._follow(opened, opened.outvars[position])
        return self._known[key]

    def _follow(self, jaxpr: Any, var: Any) -> int | None:
        inputs, made = self._definitions(jaxpr)
        while type(var) is not _jax.Literal:
            if var in inputs:
                return inputs[var]
            if var not in made:
                return None
            eqn, position = made[var]
            operand = self._through(eqn, position)
            if operand is None:
                return None
            var = eqn.invars[operand]
        return None

    def _definitions(self, jaxpr: Any) -> _Definitions:
        """Where each variable comes from: its position among the inputs, or equation and result."""
        if id(jaxpr) not in self._defined:
            inputs = {v: i for i, v in enumerate(jaxpr.invars)}
            made = {v: (eqn, i) for eqn in jaxpr.eqns for i, v in enumerate(eqn.outvars)}
            self._defined[id(jaxpr)] = inputs, made
        return self._defined[id(jaxpr)]

    def _through(self, eqn: Any, position: int) -> int | None:
        """The operand whose buffer an equation's result is."""
        name = eqn.primitive.name
        if name in UPDATES or name in VIEWS:
            return 0
        if name in MARKS:
            return position
        bodies = bodies_of(eqn)
        if bodies is None:
            return None
        found = {self._body(body, position) for body in alternatives(bodies)}
        operand = found.pop() if len(found) == 1 else None
        if operand is None or eqn.invars[operand].aval.shape != eqn.outvars[position].aval.shape:
            return None  # a constant that is stacked, say
        return operand

    def _body(self, body: Body, position: int) -> int | None:
        """The operand behind a result; a loop's carry must come from the same carry."""
        if position not in body.outputs:
            return None
        result = body.outputs.index(position)
        start = self.of(body.jaxpr, result)
        carried = dict(body.feedback).get(result)
        if start is None or (carried is not None and carried != start):
            return None
        if carried is None and any(start == operand for _, operand in body.feedback):
            return None  # a stacked result made of a carry
        return body.inputs[start] if start < len(body.inputs) else None
