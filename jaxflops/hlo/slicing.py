"""The part of a loop that its condition depends on, as a straight program over scalars.

A slice is built backwards from a result, through tuples, copies, fusions and calls, down to the
loop's own state (slots), constants, and what flows in from outside. Everything else that the loop
computes is never looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from jaxflops.formulas.integers import COMPARISONS, bounds, knows
from jaxflops.formulas.scalar_steps import OpenLoopError, Step
from jaxflops.hlo.ir import Computation, Instruction, Module
from jaxflops.hlo.shape import Shape
from jaxflops.hlo.verify import check

Path = tuple[int, ...]  # where a scalar stands in a nested tuple
Argument = Callable[[int, Path], int]  # parameter number, path in it -> step that computes it

Move = Callable[[Instruction, Path], tuple[int, Path]]

# Instructions that only hand a value on: which operand, and where in it.
_MOVES: dict[str, Move] = {
    "get-tuple-element": lambda ins, path: (0, (ins.number or 0, *path)),
    "tuple": lambda _, path: (path[0], path[1:]),
    "copy-start": lambda _, path: (0, path[1:]),
    "copy-done": lambda _, path: (0, (0, *path)),
    **dict.fromkeys(
        ("copy", "bitcast", "reshape", "broadcast", "optimization-barrier"),
        lambda _, path: (0, path),
    ),
}


class Slice:
    """Steps in an order in which each can be computed; `slots` are the loop state they read."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.steps: list[Step] = []
        self.slots: dict[Path, int] = {}
        self._known: dict[tuple[int, str, Path], int] = {}
        self._scopes: list[Scope] = []

    def add(self, step: Step) -> int:
        """Append a step; its number."""
        self.steps.append(step)
        return len(self.steps) - 1

    def slot(self, path: Path, state: Shape) -> int:
        """The step that reads the element at `path` of a loop's state."""
        if path not in self.slots:
            for index in path:
                state = state.parts[index]
            self.slots[path] = self.add(Step("slot", state.dtype))
        return self.slots[path]

    def scope(self, computation: Computation, argument: Argument) -> Scope:
        """One execution of `computation` with these arguments."""
        self._scopes.append(Scope(len(self._scopes), computation, argument))
        return self._scopes[-1]

    def result(self, scope: Scope, path: Path = ()) -> int:
        """The step that computes the scalar at `path` of what a computation returns."""
        return self.trace(scope, scope.computation.root, path)

    def trace(self, scope: Scope, name: str, path: Path = ()) -> int:
        """The step that computes the scalar at `path` of one instruction's result.

        Raises HloError if the instruction contradicts its operands: reading may trust the module.
        """
        key = (scope.number, name, path)
        if key not in self._known:
            where = scope.computation
            ins = where[name]
            check(self.module, where, ins, [where[each].shape for each in ins.operands])
            self._known[key] = self._trace(scope, ins, path)
        return self._known[key]

    def _trace(self, scope: Scope, ins: Instruction, path: Path) -> int:
        if ins.opcode == "parameter":
            return scope.argument(ins.number or 0, path)
        if ins.opcode in ("fusion", "call"):
            return self._inside(scope, ins, path)
        if ins.opcode == "while":
            return self._unchanged(scope, ins, path)
        if ins.opcode in _MOVES:
            _need_same_dtype(scope, ins)
            number, path = _MOVES[ins.opcode](ins, path)
            return self.trace(scope, ins.operands[number], path)
        return self._compute(scope, ins)

    def _inside(self, scope: Scope, call: Instruction, path: Path) -> int:
        """The result of what a fusion or a call runs, on its operands."""
        inner = self.scope(
            self.module[call.called[0]],
            lambda number, at: self.trace(scope, call.operands[number], at),
        )
        return self.result(inner, path)

    def _unchanged(self, scope: Scope, loop: Instruction, path: Path) -> int:
        """An element of another loop's result, where that loop passes it on as it is."""
        if not keeps(self.module, loop, path):
            raise OpenLoopError(f"the result of the loop {loop.name!r}")
        return self.trace(scope, loop.operands[0], path)

    def _compute(self, scope: Scope, ins: Instruction) -> int:
        opcode, dtype = ins.opcode, ins.shape.dtype
        _need_scalar(scope, ins)
        if opcode == "constant" and ins.attributes.literal:
            return self.add(Step("constant", dtype, value=int(ins.attributes.literal[0])))
        if not (knows(opcode) or (opcode == "compare" and ins.attributes.direction in COMPARISONS)):
            raise OpenLoopError(f"{opcode} {ins.name!r} in {scope.computation.name!r}")
        args = tuple(self.trace(scope, operand) for operand in ins.operands)
        return self.add(Step(opcode, dtype, args, direction=ins.attributes.direction))


class Scope(NamedTuple):
    """A computation that runs once, with a way to find its arguments."""

    number: int
    computation: Computation
    argument: Argument


def _need_scalar(scope: Scope, ins: Instruction) -> None:
    where = f"{ins.opcode} {ins.name!r} in {scope.computation.name!r}"
    if ins.shape.size != 1:
        raise OpenLoopError(f"{where}, which is an array of sizes {list(ins.shape.dims)}")
    if bounds(ins.shape.dtype) is None:
        raise OpenLoopError(f"{where}, which is not an integer but {ins.shape.dtype}")


def _need_same_dtype(scope: Scope, ins: Instruction) -> None:
    """A bitcast may read the bits of one dtype as another."""
    given = scope.computation[ins.operands[0]].shape.dtype
    if ins.opcode == "bitcast" and given != ins.shape.dtype:
        where = f"{ins.opcode} {ins.name!r} in {scope.computation.name!r}"
        raise OpenLoopError(f"{where}, which reads {given} as {ins.shape.dtype}")


def keeps(module: Module, loop: Instruction, path: Path) -> bool:
    """Whether a loop's body returns the element at `path` of its state unchanged."""
    part = Slice(module)
    body = part.scope(module[loop.called[0]], lambda _, at: part.slot(at, loop.shape))
    try:
        return part.result(body, path) == part.slots.get(path)
    except OpenLoopError:
        return False
