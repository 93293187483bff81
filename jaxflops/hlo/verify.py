"""Consistency of a module that has been read: damage must not turn into a wrong number.

These are invariants that XLA itself keeps in every valid module, before and after optimization.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jaxflops.hlo.ir import Computation, HloError, Instruction, Module
from jaxflops.hlo.shape import Shape
from jaxflops.hlo.verify_arrays import ARRAY_CHECKS


def verify(module: Module) -> Module:
    """`module` itself; raises HloError at the first instruction that contradicts its operands."""
    for computation in module.computations.values():
        numbers = [parameter.number for parameter in computation.parameters]
        if numbers != list(range(len(numbers))):
            raise HloError(f"the parameters of {computation.name!r} are numbered {numbers}")
        known = computation.instructions
        for ins in known.values():
            if ins.opcode in CHECKED:
                check(module, computation, ins, [known[name].shape for name in ins.operands])
    return module


def check(module: Module, where: Computation, ins: Instruction, shapes: Sequence[Shape]) -> None:
    """Raise HloError if an instruction contradicts its operands, which have these shapes."""
    problem = ""
    if ins.opcode in ARRAY_CHECKS:
        problem = ARRAY_CHECKS[ins.opcode](ins, shapes)
    if not problem and ins.opcode in _CALL_CHECKS:
        problem = _CALL_CHECKS[ins.opcode](module, ins, shapes)
    if problem:
        _fail(where, ins, shapes, problem)


def _fail(
    computation: Computation, instruction: Instruction, shapes: Sequence[Shape], problem: str
) -> None:
    given = ", ".join(_show(shape) for shape in shapes)
    raise HloError(
        f"{instruction.opcode} {instruction.name!r} in {computation.name!r} has result "
        f"{_show(instruction.shape)} and operands ({given}): {problem}. The module is damaged"
    )


def _show(shape: Shape) -> str:
    if shape.is_tuple:
        return f"({', '.join(_show(part) for part in shape.parts)})"
    return f"{shape.dtype}[{','.join(map(str, shape.dims))}]"


def _while(module: Module, ins: Instruction, shapes: Sequence[Shape]) -> str:
    if len(ins.called) != 2 or len(shapes) != 1:  # noqa: PLR2004
        return "it needs a body, a condition and one operand"
    body, condition = (module[name] for name in ins.called)
    if condition.result.shape.dtype != "pred":
        return f"its condition {condition.name!r} does not give a truth value"
    said = [body.result.shape, *(each.shape for each in body.parameters), shapes[0]]
    fits = all(_dims(shape) == _dims(ins.shape) for shape in said) and len(body.parameters) == 1
    return "" if fits else f"its body {body.name!r} does not keep the shape of the state"


def _conditional(module: Module, ins: Instruction, shapes: Sequence[Shape]) -> str:
    fits = len(shapes) == len(ins.called) + 1 and all(
        len(module[name].parameters) == 1 for name in ins.called
    )
    return "" if fits else "it needs a branch of one parameter for each operand but the first"


def _call(module: Module, ins: Instruction, shapes: Sequence[Shape]) -> str:
    if len(ins.called) != 1:
        return "it needs one computation"
    parameters = [each.shape for each in module[ins.called[0]].parameters]
    fits = len(parameters) == len(shapes) and all(map(_alike, parameters, shapes))
    if not fits:
        return f"the operands are not those of {ins.called[0]!r}"
    same = _alike(module[ins.called[0]].result.shape, ins.shape)
    return "" if same else f"the result is not that of {ins.called[0]!r}"


def _applied(module: Module, ins: Instruction, shapes: Sequence[Shape]) -> str:
    """Functions that are applied to scalars: two of each array, which a reduction lists too."""
    for name in ins.called:
        sizes = [each.shape.dims for each in module[name].parameters]
        count = {"sort": 2 * len(shapes)}.get(ins.opcode, len(shapes))
        if any(sizes) or (ins.opcode in _COUNTED and len(sizes) != count):
            return f"{name!r} is no function of its scalars"
    return ""


def _alike(one: Shape, other: Shape) -> bool:
    return one is other or _dims(one) == _dims(other)


def _dims(shape: Shape) -> object:
    return [_dims(part) for part in shape.parts] if shape.parts else shape.dims


_COUNTED = ("reduce", "reduce-window", "sort")
_CALL_CHECKS: dict[str, Callable[[Module, Instruction, Sequence[Shape]], str]] = {
    "while": _while,
    "conditional": _conditional,
    "call": _call,
    "fusion": _call,
    **dict.fromkeys(_COUNTED, _applied),
    **dict.fromkeys(("all-reduce", "map", "reduce-scatter", "scatter"), _applied),
    "select-and-scatter": _applied,
}
CHECKED = frozenset(ARRAY_CHECKS) | frozenset(_CALL_CHECKS)
