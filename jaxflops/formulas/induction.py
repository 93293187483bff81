"""How often a loop over scalars runs: in closed form, or one iteration after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from jaxflops.formulas.integers import bounds, narrow
from jaxflops.formulas.lines import Line, combine, crossing
from jaxflops.formulas.scalar_steps import OpenLoopError, Step, values
from jaxflops.polynomial import Count, Polynomial

K = TypeVar("K")  # what a lane calls an element of the loop's state
MOST_ITERATIONS = 100_000  # evaluated one by one where there is no closed form: some 0.2 s


@dataclass(frozen=True)
class Induction:
    """A count in closed form: one variable i, from `start` by `step`, while `test` holds.

    sides: the two sides of the test, as lines in i.
    """

    count: Count
    start: Count
    step: int
    test: Step
    sides: tuple[Line, Line]


@dataclass(frozen=True)
class Evaluated:
    """A count by running the loop's scalars."""

    count: int


@dataclass(frozen=True)
class Recurrence(Generic[K]):
    """A loop's condition and the state that it depends on, as one straight program.

    slots: of each element of the state, the step that reads it.
    next: the step that computes its next value.
    start: its first value.
    condition: the step that says whether the body runs again.
    """

    steps: Sequence[Step]
    slots: Mapping[K, int]
    next: Mapping[K, int]
    start: Mapping[K, Count]
    condition: int

    def count(self) -> Induction | Evaluated:
        """How often the body runs; raises OpenLoopError where that cannot be told."""
        return self._closed_form() or self._evaluated()

    def _evaluated(self) -> Evaluated:
        state = seen = self.start
        for done in range(MOST_ITERATIONS + 1):
            found = values(self.steps, {at: state[key] for key, at in self.slots.items()})
            if not found[self.condition]:
                return Evaluated(done)
            state = {key: found[at] for key, at in self.next.items()}
            if state == seen:
                raise OpenLoopError("scalars that come back to where they were: it never ends")
            if done & (done - 1) == 0:  # a state of every power of two meets any cycle (Brent)
                seen = state
        raise OpenLoopError(f"scalars that still go on after {MOST_ITERATIONS} iterations")

    def _closed_form(self) -> Induction | None:
        """The count where one variable changes by a constant and is compared with a constant."""
        test = self.steps[self.condition]
        varying = [key for key, at in self.next.items() if at != self.slots[key]]
        if len(varying) != 1 or test.opcode != "compare":
            return None
        (key,) = varying
        in_variable = self._lines({key: Line(1, 0)})
        after = in_variable[self.next[key]]
        if after is None or after.slope != 1 or isinstance(after.offset, Polynomial):
            return None
        lines = self._lines({key: Line(after.offset, self.start[key])})
        distance = combine("subtract", [lines[arg] for arg in test.args])
        count = crossing(distance, test.direction) if distance is not None else None
        left, right = (in_variable[arg] for arg in test.args)
        if count is None or left is None or right is None or not self._fits(lines, count):
            return None
        return Induction(count, self.start[key], after.offset, test, (left, right))

    def _lines(self, known: Mapping[K, Line]) -> list[Line | None]:
        """Each step as a line in t; None for what is not one."""
        keys = {at: key for key, at in self.slots.items()}
        lines: list[Line | None] = []
        for index, step in enumerate(self.steps):
            if index in keys:
                key = keys[index]
                lines.append(known.get(key) or Line(0, self.start[key]))
            elif step.opcode == "constant":
                lines.append(Line(0, step.value))
            else:
                lines.append(combine(step.opcode, [lines[arg] for arg in step.args]))
        return lines

    def _fits(self, lines: Sequence[Line | None], count: Count) -> bool:
        """Whether no step overflows its dtype from the first iteration to the last.

        Sizes in symbols are taken to fit 32 bits, and not fewer.
        """
        for step, line in zip(self.steps, lines, strict=True):
            limits = bounds(step.dtype)
            if line is not None and limits:
                ends = line.offset, line.offset + line.slope * count
                if any(isinstance(end, int) and not limits[0] <= end <= limits[1] for end in ends):
                    return False
                if narrow(step.dtype) and any(isinstance(end, Polynomial) for end in ends):
                    return False
        return True
