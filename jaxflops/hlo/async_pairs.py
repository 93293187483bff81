"""Asynchronous wrappers of one instruction, read as XLA prints them in text.

A proto says `async-start` and calls a computation that holds nothing but, say, a `reduce-scatter`;
text says `reduce-scatter-start`, with its attributes, and leaves the computation out.
"""

from __future__ import annotations

from collections.abc import Mapping

from jaxflops.hlo.ir import Computation, Instruction

ASYNC = frozenset({"async-start", "async-update", "async-done"})

# What the wrapper says itself; the rest is said by the instruction inside.
_OF_THE_WRAPPER = ("name", "shape", "operands", "op_name", "frame")
_ATTRIBUTES_OF_THE_WRAPPER = ("backend_config", "sharding", "frontend_attributes")


def unwrapped(
    read: Instruction,
    found: Mapping[str, Instruction],
    computations: Mapping[str, Computation],
) -> Instruction:
    """An asynchronous instruction as `<opcode>-start`, `-update` or `-done`; others as they are.

    found: the instructions before it, unwrapped. computations: those before its own.
    """
    if read.opcode == "async-start":
        return _start(read, computations)
    if read.opcode in ("async-update", "async-done"):
        opcode = _following(read, found)
        return read if opcode == read.opcode else read._replace(opcode=opcode, called=())
    return read


def _start(read: Instruction, computations: Mapping[str, Computation]) -> Instruction:
    wrapped = computations.get(read.called[0]) if read.called else None
    if wrapped is None or not _is_single(wrapped):
        return read
    inside, own = wrapped.result, read.attributes
    kept = {name: getattr(read, name) for name in _OF_THE_WRAPPER}
    said = {name: getattr(own, name) for name in _ATTRIBUTES_OF_THE_WRAPPER}
    attributes = inside.attributes._replace(**said)
    return inside._replace(opcode=f"{inside.opcode}-start", attributes=attributes, **kept)


def _following(read: Instruction, found: Mapping[str, Instruction]) -> str:
    """`fusion-done` for what ends a `fusion-start`."""
    before = found.get(read.operands[0]) if read.operands else None
    suffix = read.opcode.removeprefix("async")
    if before is None or not before.opcode.endswith(("-start", "-update")):
        return read.opcode
    return before.opcode.rpartition("-")[0] + suffix


def _is_single(computation: Computation) -> bool:
    """Whether it does nothing but apply its root to its parameters."""
    return all(each.opcode == "parameter" or each.name == computation.root for each in computation)
