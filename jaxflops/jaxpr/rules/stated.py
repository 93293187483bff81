"""Functions whose cost their author states: `jf.costed`."""

from __future__ import annotations

from typing import Any

from jaxflops.cost import ZERO, Cost
from jaxflops.jaxpr.op import Op
from jaxflops.jaxpr.registry import PROVED, cost_rule

STATED = "its author states it"


@cost_rule("costed", oracle=STATED, note="the cost of {name} is stated by its author, not counted")
def costed(_op: Op, /, *, cost: Cost, name: str, **_: Any) -> Cost:  # noqa: ARG001 - name is noted
    """The cost stated; without bytes, operands and results are added."""
    return cost


@cost_rule(
    "costed_differentiated",
    state="free",
    oracle=PROVED,
    note="{name} has no stated cost of its derivative, which is counted from its code as traced; "
    "state it with jf.costed(..., backward=...)",
)
def costed_differentiated(_op: Op, /, *, name: str, **_: Any) -> Cost:  # noqa: ARG001
    """A mark on a tangent; nothing runs."""
    return ZERO
