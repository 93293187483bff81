"""Reading and writing parts of arrays: each touches what it indexes, not the whole operand."""

from __future__ import annotations

from jaxflops.cost import Cost
from jaxflops.hlo.rules._rule import HloOp, rule


@rule("gather", "dynamic-slice", "slice", "slice-start", "dynamic-slice-start", state="moved")
def read_part(op: HloOp) -> Cost:
    """Reads the elements it returns, and the indices."""
    indices = sum(shape.bytes for shape in op.operands[1:])
    return Cost(bytes_read=op.out.bytes + indices, bytes_written=op.out.bytes)


@rule("dynamic-update-slice", "dynamic-update-slice-start", state="moved")
def write_part(op: HloOp) -> Cost:
    """Reads the update and the indices, writes the update: the operand is updated in place."""
    update = op.operands[1].bytes
    indices = sum(shape.bytes for shape in op.operands[2:])
    return Cost(bytes_read=update + indices, bytes_written=update)


@rule("scatter")
def scatter(op: HloOp) -> Cost:
    """One application of the combiner an element of the updates (operands, indices, updates)."""
    arrays = len(op.operands) // 2
    updates = op.operands[arrays + 1 :]
    combined = op.called * updates[0].size
    touched = sum(shape.bytes for shape in updates)
    reads = touched * (1 if combined == Cost() else 2) + op.operands[arrays].bytes
    return combined + Cost(bytes_read=reads, bytes_written=touched)
