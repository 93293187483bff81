"""Every reported quantity, defined once, as data; the README and the reports quote it.

A quantity says the lane it is read from, what is counted (numerator), what it is divided by
(denominator, if anything), its unit, and where the convention comes from.
"""

from __future__ import annotations

from jaxflops.quantities import compiled, counted, executed, timed
from jaxflops.quantities.quantity import Quantity

QUANTITIES: tuple[Quantity, ...] = (
    *counted.QUANTITIES,
    *compiled.QUANTITIES,
    *executed.QUANTITIES,
    *timed.QUANTITIES,
)

MULTIPLY_ADD = {
    "FLOPs": "a multiply-add is 2 FLOPs",
    "MACs": "contractions in MACs: a multiply-add is 1; all other work in FLOPs",
}

ASSUMPTIONS: tuple[str, ...] = (
    "dead code is removed before counting; common subexpressions are not merged",
    "counts are global: a sharded body runs once on each shard",
)

CONVOLUTION = {
    "taps": "convolutions count the taps that meet real input",
    "nominal": "convolutions count every tap, padding included",
}


def define(name: str) -> Quantity:
    """The definition of a reported quantity; KeyError for a name that is not reported."""
    return {quantity.name: quantity for quantity in QUANTITIES}[name]


def markdown() -> str:
    """The definitions as a Markdown table; the README carries it."""
    head = "| quantity | counts | over | unit | source |\n|---|---|---|---|---|"
    rows = [
        f"| `{q.name}` | {q.numerator} | {q.denominator} | {q.unit} | {q.source} |"
        for q in QUANTITIES
    ]
    return "\n".join([head, *rows])
