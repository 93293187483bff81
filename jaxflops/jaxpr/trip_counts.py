"""How often a `while` runs, from the scalars that its condition depends on.

The loop's start, step and condition are evaluated, not pattern-matched: reading the constant in a
condition is wrong wherever the step is not 1. What depends on data stays open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jaxflops.formulas.induction import Evaluated, Induction, Recurrence
from jaxflops.formulas.scalar_steps import OpenLoopError, values
from jaxflops.jaxpr.op import Body, OpenLoop
from jaxflops.jaxpr.scalars import Frame, Slice
from jaxflops.polynomial import Count, symbol


@dataclass(frozen=True)
class TripCount:
    """`count` executions of the body, or None: open; and why, in words."""

    count: Count | None
    reason: str


def trip_count(frame: Frame, eqn: Any, loop: OpenLoop) -> TripCount:
    """The trip count of `eqn`, a `while`, in the frame in which it stands."""
    try:
        return _Inference(frame, eqn, loop).count()
    except OpenLoopError as error:
        return TripCount(None, f"the condition depends on {error}")
    except RecursionError:
        return TripCount(None, "the condition depends on a chain too long to follow")


class _Inference:
    """One loop, its condition and state cut out, its invariant state folded into constants."""

    def __init__(self, outer: Frame, eqn: Any, loop: OpenLoop) -> None:
        self.outer, self.eqn, self.slice = outer, eqn, Slice()
        self.carried = len(loop.body.feedback)
        body, test = self._frame(loop.body), self._frame(loop.test)
        self.condition = self.slice.result(test)
        self.next: dict[int, int] = {}
        while missing := [slot for slot in self.slice.slots if slot not in self.next]:
            for slot in missing:
                self.next[slot] = self.slice.result(body, slot)
        start = loop.body.inputs[-self.carried :]
        self.start = {slot: self._initial(start[slot]) for slot in self.next}

    def _frame(self, body: Body) -> Frame:
        """The body or the condition: constants of its own, then the loop's state."""
        own = len(body.inputs) - self.carried

        def argument(part: Slice, number: int) -> int:
            if number >= own:
                return part.slot(number - own, frame.jaxpr.invars[number].aval)
            return part.trace(self.outer, self.eqn.invars[body.inputs[number]])

        frame = self.slice.frame(body.jaxpr, argument)
        return frame

    def _initial(self, operand: int | None) -> Count:
        part = Slice()
        index = part.trace(self.outer, self.eqn.invars[operand])
        return values(part.steps, {})[index]

    def count(self) -> TripCount:
        """In closed form, or by evaluating the scalars one iteration after the other."""
        part = self.slice
        found = Recurrence(part.steps, part.slots, self.next, self.start, self.condition).count()
        if isinstance(found, Evaluated):
            return TripCount(found.count, f"its scalars, evaluated {found.count} times")
        return TripCount(
            found.count, f"i from {found.start} by {found.step} while {_condition(found)}"
        )


_SIGNS = {"LT": "<", "LE": "<=", "GT": ">", "GE": ">=", "EQ": "==", "NE": "!="}


def _condition(found: Induction) -> str:
    """`i < 10`, or `10 > 2·i + 1`, in the variable i."""
    left, right = (str(side.slope * symbol("i") + side.offset) for side in found.sides)
    return f"{left} {_SIGNS[found.test.direction]} {right}"
