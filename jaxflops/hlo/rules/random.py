"""Random bits, in integer operations of the generator."""

from __future__ import annotations

from jaxflops.cost import Cost
from jaxflops.formulas.random import PHILOX_WORD, WORD
from jaxflops.hlo.rules._rule import HloOp, is_floating, nothing, rule
from jaxflops.hlo.shape import Shape

rule("rng-get-and-update-state", state="moved")(nothing)


@rule("rng-bit-generator", note="counted as Philox")
def rng_bit_generator(op: HloOp) -> Cost:
    """25 for each 32-bit word: Philox 4x32-10, XLA's usual choice."""
    *_, bits = op.ins.shape.arrays()
    return Cost(int_ops=PHILOX_WORD * _words(bits))


@rule("rng", note="counted as Philox")
def rng(op: HloOp) -> Cost:
    """25 for each 32-bit word, then scaled and shifted."""
    scaled = 2 * op.out.size if is_floating(op.out) else 0
    return Cost(int_ops=PHILOX_WORD * _words(op.out), other_flops=scaled)


def _words(shape: Shape) -> int:
    return -(-shape.bytes * 8 // WORD)
