"""The first state of a loop, traced through whatever computation it stands in."""

from __future__ import annotations

from jaxflops.formulas.scalar_steps import OpenLoopError, values
from jaxflops.hlo.context import Callers
from jaxflops.hlo.ir import Computation, Instruction, Module
from jaxflops.hlo.slicing import Path, Slice, keeps


class SeveralCallersError(OpenLoopError):
    """Which of a computation's callers runs it decides."""


def initial(
    module: Module, where: Computation, loop: Instruction, path: Path, callers: Callers = ()
) -> int:
    """The scalar at `path` of a loop's first state; raises OpenLoopError if it is not constant.

    callers: of computations with several, the one that runs it now.
    """
    part = Slice(module)
    traced = _Outside(module, part, callers).trace(where, loop.operands[0], path)
    return int(values(part.steps, {})[traced])


class _Outside:
    """Scalars that flow into a computation, traced through whatever calls it."""

    def __init__(self, module: Module, part: Slice, callers: Callers) -> None:
        self.module, self.part = module, part
        self.callers = {name: (module[outer], module[outer][call]) for name, outer, call in callers}

    def trace(self, where: Computation, name: str, path: Path) -> int:
        scope = self.part.scope(where, lambda number, at: self.argument(where, number, at))
        return self.part.trace(scope, name, path)

    def argument(self, where: Computation, number: int, path: Path) -> int:
        """A parameter of `where`, as its caller gives it."""
        outer, call = self.caller(where, number)
        if call.opcode == "while":
            if not keeps(self.module, call, path):
                raise OpenLoopError(f"the state of the enclosing loop {call.name!r}")
            return self.trace(outer, call.operands[0], path)
        if call.opcode == "conditional" and call.called.count(where.name) == 1:
            return self.trace(outer, call.operands[1 + call.called.index(where.name)], path)
        if call.opcode in ("call", "fusion"):
            return self.trace(outer, call.operands[number], path)
        raise OpenLoopError(f"what {call.opcode} {call.name!r} gives to {where.name!r}")

    def caller(self, where: Computation, number: int) -> tuple[Computation, Instruction]:
        """Where `where` is called: its only caller, or the one that is known."""
        callers = self.module.callers.get(where.name, ())
        if not callers:
            parameter = where.parameters[number]
            raise OpenLoopError(f"the argument {parameter.op_name or parameter.name!r}")
        if len(callers) > 1 and where.name not in self.callers:
            raise SeveralCallersError(f"what the {len(callers)} callers of {where.name!r} give it")
        return callers[0] if len(callers) == 1 else self.callers[where.name]
