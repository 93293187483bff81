"""What kind of work a primitive of JAX does, by the file that its rule stands in."""

from __future__ import annotations

from jaxflops.jaxpr.registry import COST_RULES
from jaxflops.jaxpr.rules import elementwise, transcendental

_ELEMENT_BY_ELEMENT = (elementwise.__name__, transcendental.__name__)


def is_elementwise(name: str) -> bool:
    """Whether each element of the result is made of the same element of each operand."""
    rule = COST_RULES.get(name)
    return rule is not None and rule.formula.__module__ in _ELEMENT_BY_ELEMENT


def is_call(name: str) -> bool:
    """Whether it is a call of an elementary function: too costly to repeat in each reader."""
    rule = COST_RULES.get(name)
    return rule is not None and rule.formula.__module__ == transcendental.__name__
