"""How often a `while` runs, from the scalars that its condition depends on.

The loop's start, step and condition are evaluated, not pattern-matched: reading the constant in a
condition is wrong wherever the step is not 1. XLA's own annotation (`known_trip_count`) is used
where that is impossible and as a cross-check otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jaxflops.formulas.induction import Evaluated, Recurrence
from jaxflops.formulas.scalar_steps import OpenLoopError
from jaxflops.hlo.context import Callers
from jaxflops.hlo.ir import Computation, Instruction, Module
from jaxflops.hlo.loop_start import SeveralCallersError, initial
from jaxflops.hlo.slicing import Path, Slice

Provenance = Literal["induction", "evaluated", "annotated", "open"]


@dataclass(frozen=True)
class TripCount:
    """`count` executions of the body, or None: open, and why.

    provenance: from an induction variable's start, bound and step (`induction`), by evaluating the
      loop's scalars one iteration after the other (`evaluated`), or as XLA says (`annotated`).
    reason: a sentence for people.
    annotated: what XLA wrote on the loop, if anything; `disputed` if that is another number.
    by_caller: which of several callers runs it decides.
    """

    count: int | None
    provenance: Provenance
    reason: str
    annotated: int | None = None
    by_caller: bool = False

    @property
    def disputed(self) -> bool:
        """Whether XLA's annotation contradicts the count."""
        return None not in (self.count, self.annotated) and self.count != self.annotated


def trip_count(
    module: Module, where: Computation, loop: Instruction, callers: Callers = ()
) -> TripCount:
    """The trip count of `loop`, a `while` in the computation `where` of `module`.

    callers: of computations with several, the one that runs it now.
    """
    said = loop.known_trip_count
    try:
        count, provenance, reason = _Loop(module, where, loop, callers).count()
    except OpenLoopError as error:
        return _unknown(said, str(error), by_caller=isinstance(error, SeveralCallersError))
    except RecursionError:
        return _unknown(said, "a chain of operations that is too long to follow")
    return TripCount(count, provenance, reason, said)


def _unknown(said: int | None, why: str, *, by_caller: bool = False) -> TripCount:
    if said is not None:
        return TripCount(said, "annotated", f"XLA says so; the condition depends on {why}", said)
    return TripCount(None, "open", f"the condition depends on {why}", by_caller=by_caller)


class _Loop:
    """One loop, its condition and state sliced, its invariant state folded into constants."""

    def __init__(
        self, module: Module, where: Computation, loop: Instruction, callers: Callers
    ) -> None:
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
        self.start = {path: initial(module, where, loop, path, callers) for path in self.next}

    def count(self) -> tuple[int, Provenance, str]:
        part = self.slice
        found = Recurrence(part.steps, part.slots, self.next, self.start, self.condition).count()
        count = int(found.count)
        if isinstance(found, Evaluated):
            return count, "evaluated", f"its scalars were evaluated {count} times"
        how = f"counts from {found.start} by {found.step} while {found.test.direction}"
        return count, "induction", how
