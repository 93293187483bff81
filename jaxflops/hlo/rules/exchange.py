"""Communication: what one device puts in, and the arithmetic of reductions on the way.

An asynchronous pair is counted where it starts. Operands, never the type of a `-start`: that
holds them a second time.
"""

from __future__ import annotations

from jaxflops.cost import Cost
from jaxflops.formulas.reduction import reductions
from jaxflops.hlo.rules._rule import HloOp, rule


@rule("all-gather", "all-gather-start", "all-to-all", "all-to-all-start")
@rule("collective-permute", "collective-permute-start", "send")
@rule("collective-broadcast", "collective-broadcast-start")
def exchange(op: HloOp) -> Cost:
    """A device puts in its operands; nothing is computed."""
    return Cost(payload_bytes=_bytes(op))


@rule("ragged-all-to-all", "ragged-all-to-all-start")
def ragged_exchange(op: HloOp) -> Cost:
    """A device puts in its first operand; the others are offsets and the result's buffer."""
    return Cost(payload_bytes=op.operands[0].bytes)


@rule("all-reduce", "all-reduce-start")
def all_reduce(op: HloOp) -> Cost:
    """A device puts in its operands and combines as many elements, as XLA counts."""
    elements = sum(shape.size for shape in op.operands)
    return op.called * elements + Cost(payload_bytes=_bytes(op))


@rule("reduce-scatter", "reduce-scatter-start")
def reduce_scatter(op: HloOp) -> Cost:
    """[n] -> [n/g]: n/g results of g contributions each, n - n/g combinations a device."""
    groups = op.ins.attributes.replica_groups
    before = sum(shape.size for shape in op.operands)
    members = len(groups[0]) if groups else 0
    after = before // members if members else sum(shape.size for shape in op.ins.shape.arrays())
    return op.called * reductions(before, after) + Cost(payload_bytes=_bytes(op))


def _bytes(op: HloOp) -> int:
    return sum(shape.bytes for shape in op.operands)
