"""The first state of a loop, traced through whatever computation it stands in."""

from __future__ import annotations

from jaxflops.formulas.scalar_steps import OpenLoopError, values
from jaxflops.hlo.ir import Computation, Instruction, Module
from jaxflops.hlo.slicing import Path, Slice, keeps


def initial(module: Module, where: Computation, loop: Instruction, path: Path) -> int:
    """The scalar at `path` of a loop's first state; raises OpenLoopError if it is not constant."""
    part = Slice(module)
    traced = _Outside(module, part).trace(where, loop.operands[0], path)
    return int(values(part.steps, {})[traced])


class _Outside:
    """Scalars that flow into a computation, traced through whatever calls it."""

    def __init__(self, module: Module, part: Slice) -> None:
        self.module, self.part = module, part

    def trace(self, where: Computation, name: str, path: Path) -> int:
        scope = self.part.scope(where, lambda number, at: self.argument(where, number, at))
        return self.part.trace(scope, name, path)

    def argument(self, where: Computation, number: int, path: Path) -> int:
        """A parameter of `where`, as its only caller gives it."""
        callers = self.module.callers.get(where.name, ())
        if not callers:
            parameter = where.parameters[number]
            raise OpenLoopError(f"the argument {parameter.op_name or parameter.name!r}")
        if len(callers) > 1:
            raise OpenLoopError(f"what the {len(callers)} callers of {where.name!r} give it")
        outer, call = callers[0]
        if call.opcode == "while":
            if not keeps(self.module, call, path):
                raise OpenLoopError(f"the state of the enclosing loop {call.name!r}")
            return self.trace(outer, call.operands[0], path)
        if call.opcode == "conditional":
            return self.trace(outer, call.operands[1 + call.called.index(where.name)], path)
        if call.opcode in ("call", "fusion"):
            return self.trace(outer, call.operands[number], path)
        raise OpenLoopError(f"what {call.opcode} {call.name!r} gives to {where.name!r}")
