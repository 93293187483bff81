"""What one application of a small scalar function costs: reducers, scatter updates."""

from __future__ import annotations

from typing import Any

from jaxflops.cost import ZERO, Cost
from jaxflops.errors import UnknownCostError
from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.leaf import make_op
from jaxflops.jaxpr.options import Options
from jaxflops.jaxpr.registry import BODY_RULES, COST_RULES


def combiner(jaxpr: Any) -> Cost:
    """The arithmetic of one application, without bytes: its scalars stay in registers.

    Raises UnknownCostError for a primitive without a rule, and for loops and choices inside.
    """
    total = ZERO
    for eqn in _jax.open_jaxpr(jaxpr).eqns:
        total = total + _one(eqn)
    return total


def _one(eqn: Any) -> Cost:
    name = eqn.primitive.name
    op = make_op(eqn, Options())
    if name in COST_RULES:
        cost: Cost = COST_RULES[name].formula(op, **eqn.params)
        return Cost(cost.matmul_flops, cost.other_flops, cost.transcendentals, cost.int_ops)
    bodies = BODY_RULES[name](op, **eqn.params) if name in BODY_RULES else None
    if not isinstance(bodies, tuple):
        raise UnknownCostError(f"the cost of {name} inside its function is not known")
    inner = (combiner(body.jaxpr) * body.times for body in bodies)
    return sum(inner, ZERO)
