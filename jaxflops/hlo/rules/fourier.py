"""Fast Fourier transforms."""

from __future__ import annotations

from math import prod

from jaxflops.cost import Cost
from jaxflops.formulas.fourier import Transform, fftn
from jaxflops.hlo.rules._rule import HloOp, is_complex, rule


@rule("fft")
def fft(op: HloOp) -> Cost:
    """5·n·⌈log2 n⌉ for each line of n, summed over the axes; a real transform is half of it."""
    operand, lengths = op.operands[0], op.ins.attributes.fft_length
    transform: Transform = "complex" if is_complex(operand) and is_complex(op.out) else "real"
    batch = prod(operand.dims[: len(operand.dims) - len(lengths)])
    return Cost(other_flops=fftn(batch, lengths, transform))
