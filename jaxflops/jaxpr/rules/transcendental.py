"""Calls of elementary and special functions: counted as calls, apart from FLOPs."""

from __future__ import annotations

from typing import Any

from jaxflops.cost import Cost
from jaxflops.jaxpr.op import Op
from jaxflops.jaxpr.registry import cost_rule
from jaxflops.jaxpr.rules._fields import components

XLA = "lowered XLA; complex: by definition"
DEFINED = "by definition: one call an element"


@cost_rule("exp", "log", "expm1", "log1p", "atan", oracle=XLA)
@cost_rule("sqrt", "rsqrt", "cbrt", "sin", "cos", "tan", "atan2", "tanh", "erf", oracle=XLA)
@cost_rule("exp2", "log2", "logistic", oracle=DEFINED)
@cost_rule("asin", "acos", "sinh", "cosh", "asinh", "acosh", "atanh", oracle=DEFINED)
@cost_rule("erfc", "erf_inv", "lgamma", "digamma", "bessel_i0e", "bessel_i1e", oracle=DEFINED)
def one_call(op: Op, /, **_: Any) -> Cost:
    """1 call an element of the result, complex 2 (one for each component).

    What a call expands to is the backend's choice: asin is an atan2 and a root in XLA, lgamma some
    fifty operations.
    """
    return Cost(transcendentals=op.out.size * components(op.out))


@cost_rule("pow", oracle=XLA)
def power(op: Op, /, **_: Any) -> Cost:
    """1 call an element; an exponent of integers is converted first, 1 FLOP an element of it."""
    exponent = op.inputs[1]
    converted = exponent.size if exponent.category == "integer" else 0
    return Cost(other_flops=converted) + one_call(op)


@cost_rule(
    "igamma",
    "igammac",
    "igamma_grad_a",
    "regularized_incomplete_beta",
    "zeta",
    "polygamma",
    oracle=DEFINED,
    note="an iterated series, counted as one call an element",
)
def one_series(op: Op, /, **_: Any) -> Cost:
    """1 call an element, though it runs hundreds of operations until it converges."""
    return Cost(transcendentals=op.out.size)
