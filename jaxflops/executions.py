"""How often a loop or a choice of a program really ran."""

from __future__ import annotations

from typing import Any, NamedTuple


class Execution(NamedTuple):
    """One `while` or `cond` of a program, summed over its calls and all enclosing loops.

    place: `file.py:12`. entered: how often it was reached.
    executed: of a loop, how often its body ran; of a choice, how often each branch did.
    active: of a loop over a batch (`vmap`), the iterations that each element wanted, added up:
      an element whose own condition no longer holds waits for the others, and is not active, nor
      is one that waits in an enclosing loop. None where the condition is not batched.
    elements: the size of that batch.
    """

    place: str
    primitive: str
    entered: int
    executed: tuple[int, ...]
    active: int | None = None
    elements: int = 1

    @property
    def executed_iterations(self) -> int:
        """How often the body ran, on the whole batch at once; of a choice, all branches."""
        return sum(self.executed)

    @property
    def active_iterations(self) -> int:
        """Iterations that elements wanted; as executed where there is no batch."""
        return self.executed_iterations if self.active is None else self.active

    def __str__(self) -> str:
        if self.primitive == "cond":
            ran = ", ".join(f"branch {i} ran {n}" for i, n in enumerate(self.executed))
            return f"cond at {self.place}: observed: {ran} times"
        runs = "" if self.entered == 1 else f" in {self.entered} runs of the loop"
        line = f"while at {self.place}: {self.executed_iterations} trips, observed{runs}"
        if self.active is None:
            return line
        of = self.executed_iterations * self.elements
        return f"{line}; active in {self.active} of {of} iterations of {self.elements} elements"

    def __add__(self, other: object) -> Execution:
        """What the same loop or choice did in another call, added."""
        if not isinstance(other, Execution):
            return NotImplemented
        executed = tuple(a + b for a, b in zip(self.executed, other.executed, strict=True))
        active = self.active_iterations + other.active_iterations
        return self._replace(
            entered=self.entered + other.entered,
            executed=executed,
            active=None if self.active is None else active,
        )

    def to_json(self) -> list[Any]:
        """Plain data; `from_json` reads it back."""
        return [*self[:3], list(self.executed), *self[4:]]

    @classmethod
    def from_json(cls, row: list[Any]) -> Execution:
        """What `to_json` wrote; raises TypeError or ValueError for anything else."""
        place, primitive, entered, executed, active, elements = row
        numbers = [entered, *executed, elements, *([] if active is None else [active])]
        if not all(type(n) is int for n in numbers) or not isinstance(place, str):
            raise TypeError(f"{row!r} is no execution")
        return cls(place, primitive, entered, tuple(executed), active, elements)
