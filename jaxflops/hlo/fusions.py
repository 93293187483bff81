"""What a fusion reads and writes: its own bytes; its instructions' FLOPs are theirs."""

from __future__ import annotations

from jaxflops.cost import Cost
from jaxflops.hlo.ir import Computation, Instruction
from jaxflops.hlo.shape import Shape

_PARTS = ("dynamic-slice", "slice", "gather")
_PARTIAL = {*_PARTS, "dynamic-update-slice"}  # may leave out much of an operand
_VIEWS = ("bitcast", "reshape")


def fusion_bytes(inner: Computation, operands: tuple[Shape, ...], result: Shape) -> Cost:
    """Operands read, as far as the instructions inside touch them, and results written.

    A parameter that is only sliced is read where it is sliced; one that is updated in place is
    not read, and its result is written where it is updated.
    """
    parameters = zip(inner.parameters, operands, strict=False)
    if _PARTIAL.isdisjoint([ins.opcode for ins in inner.instructions.values()]):
        used = {name for ins in inner.instructions.values() for name in ins.operands}
        reads = sum([shape.bytes for each, shape in parameters if each.name in used])
    else:
        users = _users(inner)
        reads = sum([_read(users[each.name], shape) for each, shape in parameters])
    return Cost(bytes_read=reads, bytes_written=_written(inner, inner.result, result))


def _read(users: list[tuple[Instruction, int]], whole: Shape) -> int:
    """Bytes that are read of a parameter."""
    total = 0
    for user, position in users:
        if position == 0 and user.opcode in _PARTS:
            total += user.shape.bytes
        elif position == 0 and user.opcode == "dynamic-update-slice":
            continue
        else:
            return whole.bytes
    return min(total, whole.bytes) if users else 0


def _written(inner: Computation, result: Instruction, shape: Shape) -> int:
    """Bytes that are written into results."""
    while result.opcode in _VIEWS and result.operands:
        result = inner[result.operands[0]]
    if result.opcode == "tuple":
        return sum(_written(inner, inner[name], inner[name].shape) for name in result.operands)
    if result.opcode == "dynamic-update-slice":
        return inner[result.operands[1]].shape.bytes
    return shape.bytes


def _users(inner: Computation) -> dict[str, list[tuple[Instruction, int]]]:
    """Name of a parameter -> the instructions that use it, and where."""
    users: dict[str, list[tuple[Instruction, int]]] = {each.name: [] for each in inner.parameters}
    for ins in inner:
        for position, name in enumerate(ins.operands):
            if name in users:
                users[name].append((ins, position))
    return users
