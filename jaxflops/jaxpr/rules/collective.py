"""Communication between devices: what each puts in, and the arithmetic of reductions on the way.

A body inside `shard_map` runs on every shard, so a leaf holds one device's part and the tree
multiplies it. How many bytes then cross a wire depends on the algorithm: that is not counted here.
"""

from __future__ import annotations

from typing import Any

from jaxflops.cost import Cost
from jaxflops.formulas.arithmetic import COMPLEX_ADD
from jaxflops.jaxpr.op import Array, Op
from jaxflops.jaxpr.registry import cost_rule, free
from jaxflops.jaxpr.rules._fields import arithmetic, is_complex

SHAPES = "by definition: the operands' bytes"

free("all_gather_done", "all_to_all_done", oracle=SHAPES)
free("ppermute_done", "psum_done", "reduce_scatter_done", "pbroadcast_done", oracle=SHAPES)
free("precv", oracle=SHAPES)


@cost_rule("all_gather", "all_gather_invariant", "all_gather_reduced", oracle=SHAPES)
@cost_rule("all_gather_start", "all_gather_reduced_start", oracle=SHAPES)
@cost_rule("all_to_all", "all_to_all_start", "ragged_all_to_all", oracle=SHAPES)
@cost_rule("ppermute", "ppermute_start", "psend", oracle=SHAPES)
@cost_rule("thunky.all_gather", "thunky.all_to_all", "thunky.collective_permute", oracle=SHAPES)
@cost_rule("pbroadcast", "pbroadcast_start", "pbroadcast_dynamic", oracle=SHAPES)
def exchange(op: Op, /, **_: Any) -> Cost:
    """Each device puts in its operand; nothing is computed."""
    payload = op.inputs[:1] if op.name == "ragged_all_to_all" else op.inputs
    return Cost(payload_bytes=sum((array.bytes for array in payload), 0))


@cost_rule("psum", "psum_invariant", "pmax", "pmin", oracle="lowered XLA")
@cost_rule("psum_start", "psum_invariant_start", oracle="lowered XLA")
@cost_rule("unreduced_psum", "unreduced_psum_start", oracle="lowered XLA")
@cost_rule("unreduced_pmax", "unreduced_pmin", oracle="lowered XLA")
def all_reduce(op: Op, /, **_: Any) -> Cost:
    """Each device puts in its operand and combines as many elements, as XLA counts; complex 2."""
    total = Cost(payload_bytes=sum((array.bytes for array in op.inputs), 0))
    for array in op.inputs:
        total = total + arithmetic(array, array.size * _each(array))
    return total


@cost_rule("reduce_scatter", "reduce_scatter_start", oracle="scalar loop")
@cost_rule("unreduced_reduce_scatter", "unreduced_reduce_scatter_start", oracle="scalar loop")
def reduce_scatter(op: Op, /, **_: Any) -> Cost:
    """[n] -> [n/g]: n/g results of g contributions each, n - n/g combinations a device."""
    operand = op.inputs[0]
    combined = arithmetic(operand, _each(operand) * (operand.size - op.out.size))
    return combined + Cost(payload_bytes=operand.bytes)


def _each(array: Array) -> int:
    return COMPLEX_ADD if is_complex(array) else 1
