"""Fast Fourier transforms."""

from __future__ import annotations

from math import prod
from typing import Any

from jaxflops.cost import Cost
from jaxflops.formulas.fourier import Transform, fftn
from jaxflops.jaxpr.op import Op
from jaxflops.jaxpr.registry import cost_rule
from jaxflops.jaxpr.symbols import to_count


@cost_rule("fft", oracle="published count (Cooley-Tukey), butterflies counted by a recursion")
def fft(op: Op, /, *, fft_lengths: Any, **_: Any) -> Cost:
    """5·n·⌈log2 n⌉ for each line of n, summed over the axes; a real transform is half of it."""
    lengths = [to_count(length) for length in fft_lengths]
    kind: Transform = "complex" if op.inputs[0].category == op.out.category else "real"
    batch = prod(op.inputs[0].shape[: op.inputs[0].ndim - len(lengths)])
    return Cost(other_flops=fftn(batch, lengths, kind))
