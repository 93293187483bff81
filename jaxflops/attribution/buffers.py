"""Unnamed instructions that fill or copy a loop's buffers: which loop each one serves.

XLA updates a loop's state in place, so it copies what must outlive that, into the loop's operand or
out of its result, and fills the buffers that a loop only writes. These instructions have no name of
the program's; the data flow says whose they are.
"""

from __future__ import annotations

from collections.abc import Iterator

from jaxflops.hlo.ir import Computation, Instruction, Module

_COPIES = ("copy", "copy-start", "copy-done")
_NAMES = ("tuple", "bitcast", "get-tuple-element", "opt-barrier")


def loop_buffers(module: Module) -> dict[str, str]:
    """Name of an unnamed instruction that makes or copies a buffer -> name of its `while`.

    What goes into a loop is that loop's; what else comes out of one, that one's.
    """
    found: dict[str, str] = {}
    for where in module.computations.values():
        loops = [ins for ins in where if ins.opcode == "while"]
        for flow in (_into, _out_of):
            for loop in loops:
                for name in flow(loop, where, module):
                    found.setdefault(name, loop.name)
    return found


def argument_copies(module: Module) -> dict[str, str]:
    """Name of an unnamed copy of an argument -> the argument: `params['w']`.

    XLA copies a donated argument that is still read after its buffer is written.
    """
    found: dict[str, str] = {}
    for ins in module.main:
        source = ins
        while _is_copy(source) or source.opcode == "bitcast":
            source = module.main[source.operands[0]]
        if _is_copy(ins) and source.opcode == "parameter" and source.op_name:
            found[ins.name] = source.op_name
    return found


def _into(loop: Instruction, where: Computation, module: Module) -> Iterator[str]:
    """Unnamed copies and fillings from which the loop's operand is made."""
    stack, seen = list(loop.operands), set[str]()
    while stack:
        ins = where[stack.pop()]
        if ins.name in seen:
            continue
        seen.add(ins.name)
        if _only_moves(ins, module):
            yield ins.name
        if _only_moves(ins, module) or ins.opcode in _NAMES:
            stack += ins.operands


def _out_of(loop: Instruction, where: Computation, module: Module) -> Iterator[str]:
    """Unnamed copies of what the loop returns; operands stand before their users."""
    results = {loop.name}
    for ins in where:
        if not results.isdisjoint(ins.operands):
            if _only_moves(ins, module):
                yield ins.name
            if _only_moves(ins, module) or ins.opcode in ("bitcast", "get-tuple-element"):
                results.add(ins.name)


def _is_copy(ins: Instruction) -> bool:
    return ins.opcode in _COPIES and not ins.op_name


def _only_moves(ins: Instruction, module: Module) -> bool:
    """Whether it copies, transposes or repeats values, alone or fused, and has no name."""
    if ins.op_name:
        return False
    if ins.opcode == "fusion":
        inner = module[ins.called[0]]
        return all(_only_moves(each, module) or each.opcode in _VALUES for each in inner)
    return ins.opcode in (*_COPIES, "transpose", "broadcast")


_VALUES = ("parameter", "constant", "bitcast", "tuple")
