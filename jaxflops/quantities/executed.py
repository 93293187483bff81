"""What data-dependent loops did when the program ran."""

from __future__ import annotations

from jaxflops.quantities.quantity import Quantity

QUANTITIES: tuple[Quantity, ...] = (
    Quantity(
        "executed_iterations",
        "execution",
        "how often a loop's body really ran, on a whole batch at once, summed over its calls and "
        "enclosing loops; the counts of jf.analyze_executed are of these",
        "",
        "iterations",
        "counted while the program runs",
    ),
    Quantity(
        "active_iterations",
        "execution",
        "iterations that the elements of a batch wanted, added up: an element whose condition "
        "fails waits for the others, here or in an enclosing loop, and is not active",
        "",
        "iterations",
        "counted while the program runs",
    ),
)
