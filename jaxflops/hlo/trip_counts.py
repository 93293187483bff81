"""How often a `while` runs, from the scalars that its condition depends on.

The loop's start, step and condition are evaluated, not pattern-matched: reading the constant in a
condition is wrong wherever the step is not 1. XLA's own annotation (`known_trip_count`) is used
where that is impossible and as a cross-check otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jaxflops.formulas.induction import Line, combine, crossing
from jaxflops.formulas.integers import bounds
from jaxflops.hlo.ir import Computation, Instruction, Module
from jaxflops.hlo.loop_start import initial
from jaxflops.hlo.slicing import OpenLoopError, Path, Slice

Provenance = Literal["induction", "evaluated", "annotated", "open"]
MOST_ITERATIONS = 100_000  # evaluated one by one where there is no closed form: some 0.2 s


@dataclass(frozen=True)
class TripCount:
    """`count` executions of the body, or None: open, and why.

    provenance: from an induction variable's start, bound and step (`induction`), by evaluating the
      loop's scalars one iteration after the other (`evaluated`), or as XLA says (`annotated`).
    reason: a sentence for people.
    annotated: what XLA wrote on the loop, if anything; `disputed` if that is another number.
    """

    count: int | None
    provenance: Provenance
    reason: str
    annotated: int | None = None

    @property
    def disputed(self) -> bool:
        """Whether XLA's annotation contradicts the count."""
        return None not in (self.count, self.annotated) and self.count != self.annotated


def trip_count(module: Module, where: Computation, loop: Instruction) -> TripCount:
    """The trip count of `loop`, a `while` in the computation `where` of `module`."""
    said = loop.known_trip_count
    try:
        count, provenance, reason = _Loop(module, where, loop).count()
    except OpenLoopError as error:
        return _unknown(said, str(error))
    except RecursionError:
        return _unknown(said, "a chain of operations that is too long to follow")
    return TripCount(count, provenance, reason, said)


def _unknown(said: int | None, why: str) -> TripCount:
    if said is not None:
        return TripCount(said, "annotated", f"XLA says so; the condition depends on {why}", said)
    return TripCount(None, "open", f"the condition depends on {why}")


class _Loop:
    """One loop, its condition and state sliced, its invariant state folded into constants."""

    def __init__(self, module: Module, where: Computation, loop: Instruction) -> None:
        self.module, self.where, self.loop = module, where, loop
        self.slice = Slice(module)
        body, condition = (
            self.slice.scope(module[name], lambda _, at: self.slice.slot(at, loop.shape))
            for name in loop.called
        )
        self.condition = self.slice.result(condition)
        self.next: dict[Path, int] = {}
        while missing := [path for path in self.slice.slots if path not in self.next]:
            for path in missing:
                self.next[path] = self.slice.result(body, path)
        self.start = {path: initial(module, where, loop, path) for path in self.next}
        self.varying = [path for path, step in self.next.items() if step != self.slice.slots[path]]

    def count(self) -> tuple[int, Provenance, str]:
        closed = self._closed_form()
        if closed is not None:
            return closed
        return self._evaluated()

    def _evaluated(self) -> tuple[int, Provenance, str]:
        state = seen = self.start
        for done in range(MOST_ITERATIONS + 1):
            values = self.slice.run(state)
            if not values[self.condition]:
                return done, "evaluated", f"its scalars were evaluated {done} times"
            state = {path: values[step] for path, step in self.next.items()}
            if state == seen:
                raise OpenLoopError("scalars that come back to where they were: it never ends")
            if done & (done - 1) == 0:  # a state of every power of two meets any cycle (Brent)
                seen = state
        raise OpenLoopError(f"scalars that still go on after {MOST_ITERATIONS} iterations")

    def _closed_form(self) -> tuple[int, Provenance, str] | None:
        """The count where one variable changes by a constant and is compared with a constant."""
        if len(self.varying) != 1:
            return None
        path = self.varying[0]
        start, step = self.start[path], self._step(path)
        if step is None:
            return None
        lines = self._lines({path: Line(step, start)})
        test = self.slice.steps[self.condition]
        if test.opcode != "compare":
            return None
        distance = combine("subtract", [lines[arg] for arg in test.args])
        count = crossing(distance, test.direction) if distance is not None else None
        if not isinstance(count, int) or not self._fits(lines, count):
            return None
        return count, "induction", f"counts from {start} by {step} while {test.direction}"

    def _step(self, path: Path) -> int | None:
        """By how much the variable at `path` grows each iteration, if that is constant."""
        after = self._lines({path: Line(1, 0)})[self.next[path]]
        return int(after.offset) if after is not None and after.slope == 1 else None

    def _lines(self, known: dict[Path, Line]) -> list[Line | None]:
        """Each step as a line in t; None for what is not one."""
        paths = {index: path for path, index in self.slice.slots.items()}
        lines: list[Line | None] = []
        for index, step in enumerate(self.slice.steps):
            if index in paths:
                path = paths[index]
                lines.append(known.get(path) or Line(0, self.start[path]))
            elif step.opcode == "constant":
                lines.append(Line(0, step.value))
            else:
                args = [lines[arg] for arg in step.args]
                lines.append(combine(step.opcode, args))
        return lines

    def _fits(self, lines: list[Line | None], count: int) -> bool:
        """Whether no step overflows its dtype from the first iteration to the last."""
        for step, line in zip(self.slice.steps, lines, strict=True):
            limits = bounds(step.dtype)
            if line is not None and limits:
                ends = int(line.offset), int(line.offset) + line.slope * count
                if min(ends) < limits[0] or max(ends) > limits[1]:
                    return False
        return True
