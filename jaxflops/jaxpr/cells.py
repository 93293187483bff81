"""Branches of a kernel that its grid decides: which cells of the grid take which.

A predicate of `program_id`s, constants and sizes (`pl.when(k == 0)`) is cut out of the kernel as a
straight program over integers and run at every position along the axes that it reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

from jaxflops.formulas.scalar_steps import OpenLoopError, Step, values
from jaxflops.jaxpr.leaf import make_op
from jaxflops.jaxpr.op import Body, OneOf, OpenLoop
from jaxflops.jaxpr.options import Options
from jaxflops.jaxpr.registry import BODY_RULES
from jaxflops.jaxpr.scalars import Argument, Frame, Slice
from jaxflops.polynomial import Count

GRIDS = frozenset({"pallas_call", "emit_pipeline", "core_map", "mpmd_map"})
"""In their bodies `program_id` is of another grid."""
MOST = 1 << 16
"""Positions that are tried; a kernel of more keeps the policy for branches."""

Decided = tuple[tuple[int, int], ...]
"""(id of a cond's equation, the branch that it takes), in one order for all cells."""


class Cells(NamedTuple):
    """How many cells of a grid take the same branches, and which."""

    number: Count
    decided: Mapping[int, int]


class _Choice(NamedTuple):
    """A cond's index as a program: its steps, their result, and the step of each axis read."""

    steps: Sequence[Step]
    result: int
    axes: dict[int, int]
    branches: int

    def at(self, cell: dict[int, int]) -> int:
        """The branch taken in a cell; JAX clamps an index out of range."""
        found = values(self.steps, {step: cell[axis] for axis, step in self.axes.items()})
        index = found[self.result]
        if not isinstance(index, int):
            raise OpenLoopError("a symbolic size")
        return min(max(index, 0), self.branches - 1)


def cells(kernel: Any, grid: Sequence[Count], axes: Sequence[int]) -> list[Cells]:
    """The cells of a grid by the branches that they take; empty where nothing is decided.

    axes: the position in `grid` of each axis as `program_id` numbers them.
    """
    choices = _choices(kernel)
    read = sorted({axis for choice in choices.values() for axis in choice.axes})
    sizes = [grid[axes[axis]] for axis in read]
    known = all(isinstance(size, int) for size in sizes) and prod(sizes) <= MOST
    if not choices or not known:
        return []
    try:
        found = _counted(choices, read, [int(size) for size in sizes])
    except OpenLoopError:
        return []
    rest = prod(size for i, size in enumerate(grid) if i not in [axes[axis] for axis in read])
    return [Cells(rest * number, dict(decided)) for decided, number in found.items()]


def _counted(choices: dict[int, _Choice], read: list[int], sizes: list[int]) -> Counter[Decided]:
    found: Counter[Decided] = Counter()
    for position in product(*map(range, sizes)):
        cell = dict(zip(read, position, strict=True))
        found[tuple((eqn, choice.at(cell)) for eqn, choice in choices.items())] += 1
    return found


def _choices(kernel: Any) -> dict[int, _Choice]:
    """The conds whose index is known from the cell, by the id of their equation.

    One that stands in a jaxpr called twice is left out: its calls may take different branches.
    """
    found: dict[int, _Choice | None] = {}

    def look(frame: Frame) -> None:
        for eqn in frame.jaxpr.eqns:
            if eqn.primitive.name in BODY_RULES and eqn.primitive.name not in GRIDS:
                bodies = BODY_RULES[eqn.primitive.name](make_op(eqn, Options()), **eqn.params)
                if isinstance(bodies, OneOf) and bodies.chosen is None:
                    choice = _choice(frame, eqn, len(bodies.branches))
                    found[id(eqn)] = None if id(eqn) in found else choice
                for body in _each(bodies):
                    look(Frame(body.jaxpr, _argument(frame, eqn, body)))

    look(Frame(kernel, _unknown))
    return {eqn: choice for eqn, choice in found.items() if choice is not None}


def _choice(frame: Frame, eqn: Any, branches: int) -> _Choice | None:
    part = Slice(in_cell=True)
    try:
        return _Choice(part.steps, part.trace(frame, eqn.invars[0]), part.slots, branches)
    except OpenLoopError:
        return None


def _each(bodies: Any) -> tuple[Body, ...]:
    if isinstance(bodies, OpenLoop):
        return bodies.test, bodies.body
    return bodies.branches if isinstance(bodies, OneOf) else bodies


def _unknown(_part: Slice, _number: int) -> int:
    raise OpenLoopError("what a reference holds")


def _argument(frame: Frame, eqn: Any, body: Body) -> Argument:
    carried = {operand for _, operand in body.feedback}

    def argument(part: Slice, number: int) -> int:
        if number in carried:
            raise OpenLoopError("a loop's state")
        return part.operand(frame, eqn, body, number)

    return argument
