"""Reading and writing parts of arrays: each touches what it indexes, not the whole operand."""

from __future__ import annotations

from typing import Any

from jaxflops.cost import ZERO, Cost
from jaxflops.formulas.arithmetic import COMPLEX_ADD, COMPLEX_MULTIPLY
from jaxflops.jaxpr.op import Array, Op
from jaxflops.jaxpr.registry import cost_rule
from jaxflops.jaxpr.rules._combiner import combiner
from jaxflops.jaxpr.rules._fields import arithmetic, is_complex
from jaxflops.polynomial import Count

SCALAR = "scalar loop"
XLA = "lowered XLA"


@cost_rule("gather", "dynamic_slice", "slice", state="moved", oracle=SCALAR)
def read_part(op: Op, /, **_: Any) -> Cost:
    """Reads the elements it returns, and the indices; clamping or masking indices is addressing."""
    indices = _bytes(op.inputs[1:])
    return Cost(bytes_read=op.out.bytes + indices, bytes_written=op.out.bytes)


@cost_rule("split", "unstack", state="moved", oracle=SCALAR)
def read_parts(op: Op, /, **_: Any) -> Cost:
    """Reads and writes every part."""
    return Cost(bytes_read=_bytes(op.outputs), bytes_written=_bytes(op.outputs))


@cost_rule("dynamic_update_slice", state="moved", oracle=SCALAR)
def dynamic_update_slice(op: Op, /, **_: Any) -> Cost:
    """Reads the update and the indices, writes the update: the operand is updated in place."""
    update = op.inputs[1].bytes
    return Cost(bytes_read=update + _bytes(op.inputs[2:]), bytes_written=update)


@cost_rule("scatter", oracle=SCALAR)
def scatter(op: Op, /, *, update_jaxpr: Any = None, **_: Any) -> Cost:
    """Replaces the elements indexed, or applies a function to them; no arithmetic to replace."""
    arithmetic_of_one = ZERO if update_jaxpr is None else combiner(update_jaxpr)
    return arithmetic_of_one * _updates(op).size + _touched(op, combines=update_jaxpr is not None)


@cost_rule("scatter-add", "scatter-sub", "scatter-mul", oracle=XLA)
@cost_rule("scatter-min", "scatter-max", oracle=XLA)
def scatter_combine(op: Op, /, **_: Any) -> Cost:
    """One combination for each element of the updates; complex 2, a product 6."""
    updates = _updates(op)
    each = 1
    if is_complex(updates):
        each = COMPLEX_MULTIPLY if op.name.endswith("mul") else COMPLEX_ADD
    return arithmetic(updates, updates.size * each) + _touched(op, combines=True)


@cost_rule("get", "load", "masked_load", state="moved", oracle=SCALAR)
def get(op: Op, /, **_: Any) -> Cost:
    """Reads the indexed part of a reference."""
    return Cost(bytes_read=op.out.bytes + _bytes(op.inputs[1:]), bytes_written=op.out.bytes)


@cost_rule("swap", "masked_swap", state="moved", oracle=SCALAR)
def swap(op: Op, /, **_: Any) -> Cost:
    """Reads the new and the old part, writes the new one into the reference and returns the old."""
    value = op.inputs[1].bytes
    return Cost(bytes_read=2 * value + _bytes(op.inputs[2:]), bytes_written=2 * value)


@cost_rule("addupdate", "accum_grad_in_ref", oracle=SCALAR)
def addupdate(op: Op, /, **_: Any) -> Cost:
    """Adds to the indexed part of a reference: 1 an element; complex 2."""
    value = op.inputs[1]
    moved = Cost(bytes_read=2 * value.bytes + _bytes(op.inputs[2:]), bytes_written=value.bytes)
    return arithmetic(value, value.size * (COMPLEX_ADD if is_complex(value) else 1)) + moved


def _updates(op: Op) -> Array:
    """Operands are (operand, indices, updates)."""
    return op.inputs[2]


def _touched(op: Op, *, combines: bool) -> Cost:
    """Reads updates and indices (and, to combine, the old elements); writes what is updated."""
    updates = _updates(op).bytes
    reads = updates * (2 if combines else 1) + op.inputs[1].bytes
    return Cost(bytes_read=reads, bytes_written=updates)


def _bytes(arrays: tuple[Array, ...]) -> Count:
    return sum((array.bytes for array in arrays), 0)
