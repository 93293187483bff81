"""How often a `while` runs, from the scalars that its condition depends on.

The loop's start, step and condition are evaluated, not pattern-matched: reading the constant in a
condition is wrong wherever the step is not 1. What depends on data stays open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jaxflops.formulas.induction import Line, combine, crossing
from jaxflops.formulas.integers import bounds, narrow
from jaxflops.jaxpr.op import Body, OpenLoop
from jaxflops.jaxpr.scalar_steps import OpenLoopError, Step, values
from jaxflops.jaxpr.scalars import Frame, Slice
from jaxflops.polynomial import Count, Polynomial, symbol

MOST_ITERATIONS = 100_000  # evaluated one by one where there is no closed form: some 0.2 s


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
        self.varying = [slot for slot, at in self.next.items() if at != self.slice.slots[slot]]

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
        return self._closed_form() or self._evaluated()

    def _evaluated(self) -> TripCount:
        state = seen = self.start
        for done in range(MOST_ITERATIONS + 1):
            found = values(self.slice.steps, self._slots(state))
            if not found[self.condition]:
                return TripCount(done, f"its scalars, evaluated {done} times")
            state = {slot: found[at] for slot, at in self.next.items()}
            if state == seen:
                raise OpenLoopError("scalars that come back to where they were: it never ends")
            if done & (done - 1) == 0:  # a state of every power of two meets any cycle (Brent)
                seen = state
        raise OpenLoopError(f"scalars that still go on after {MOST_ITERATIONS} iterations")

    def _slots(self, state: dict[int, Count]) -> dict[int, Count]:
        return {at: state[slot] for slot, at in self.slice.slots.items()}

    def _closed_form(self) -> TripCount | None:
        """The count where one variable changes by a constant and is compared with a constant."""
        test = self.slice.steps[self.condition]
        if len(self.varying) != 1 or test.opcode != "compare":
            return None
        slot = self.varying[0]
        in_variable = self._lines({slot: Line(1, 0)})
        after = in_variable[self.next[slot]]
        if after is None or after.slope != 1 or isinstance(after.offset, Polynomial):
            return None
        lines = self._lines({slot: Line(after.offset, self.start[slot])})
        distance = combine("subtract", [lines[arg] for arg in test.args])
        count = crossing(distance, test.direction) if distance is not None else None
        if count is None or not self._fits(lines, count):
            return None
        condition = _condition(test, [in_variable[arg] for arg in test.args])
        return TripCount(count, f"i from {self.start[slot]} by {after.offset} while {condition}")

    def _lines(self, known: dict[int, Line]) -> list[Line | None]:
        """Each step as a line in t; None for what is not one."""
        slots = {at: slot for slot, at in self.slice.slots.items()}
        lines: list[Line | None] = []
        for index, step in enumerate(self.slice.steps):
            if index in slots:
                slot = slots[index]
                lines.append(known.get(slot) or Line(0, self.start[slot]))
            elif step.opcode == "constant":
                lines.append(Line(0, step.value))
            else:
                lines.append(combine(step.opcode, [lines[arg] for arg in step.args]))
        return lines

    def _fits(self, lines: list[Line | None], count: Count) -> bool:
        """Whether no step overflows its dtype from the first iteration to the last.

        Sizes in symbols are taken to fit 32 bits, and not fewer.
        """
        for step, line in zip(self.slice.steps, lines, strict=True):
            limits = bounds(step.dtype)
            if line is not None and limits:
                ends = line.offset, line.offset + line.slope * count
                if any(isinstance(end, int) and not limits[0] <= end <= limits[1] for end in ends):
                    return False
                if narrow(step.dtype) and any(isinstance(end, Polynomial) for end in ends):
                    return False
        return True


_SIGNS = {"LT": "<", "LE": "<=", "GT": ">", "GE": ">=", "EQ": "==", "NE": "!="}


def _condition(test: Step, sides: list[Line | None]) -> str:
    """`i < 10`, or `10 > 2·i + 1`, in the variable i."""
    left, right = (
        str(side.slope * symbol("i") + side.offset) for side in sides if side is not None
    )
    return f"{left} {_SIGNS[test.direction]} {right}"
