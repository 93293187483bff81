"""Convolutions: the taps that meet real input, in closed form along each spatial axis.

Output `o`, kernel element `k` and input `i` meet where

    o·stride + k·kernel_dilation - i·input_dilation = pad_low.

Along each axis the count is the number of triples (o, k, i) in range that solve this; over the axes
it is their product. The input gradient and the weight gradient of a convolution are convolutions
over the same triples with the roles of o, k and i exchanged, so all three cost exactly the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import gcd, prod

from jaxflops.errors import UnknownCostError
from jaxflops.formulas.arithmetic import larger, multiply_add, smaller
from jaxflops.polynomial import Count


@dataclass(frozen=True)
class Axis:
    """One spatial axis of a convolution or of a window: sizes and steps.

    Padding on the high side shows in `outputs`; `pad_low` may be negative (cropping).
    """

    inputs: Count
    kernel: Count
    outputs: Count
    stride: int = 1
    pad_low: Count = 0
    input_dilation: int = 1
    kernel_dilation: int = 1


def convolution(
    outputs: Count, features: Count, taps: Iterable[Count], is_complex: bool = False
) -> Count:
    """2·(N·C_out)·(C_in / groups)·Π taps: `outputs` without the spatial axes, `features` summed.

    taps: of each spatial axis, from `valid_taps` or `nominal_taps`.
    """
    return outputs * features * prod(taps) * multiply_add(is_complex)


def valid_taps(axis: Axis) -> Count:
    """Triples (o, k, i) that meet; one loop over the smallest known size, closed form inside."""
    roles = [
        (axis.outputs, axis.stride),
        (axis.kernel, axis.kernel_dilation),
        (axis.inputs, -axis.input_dilation),
    ]
    known = [size for size, _ in roles if isinstance(size, int)]
    if not known:
        raise UnknownCostError(
            f"a convolution whose input ({axis.inputs}), kernel ({axis.kernel}) and output "
            f"({axis.outputs}) are all symbolic along one axis: give one of them as a number, or "
            "use jf.interpolate"
        )
    shortest = min(known)
    loop = next(role for role in roles if role[0] == shortest)
    roles.remove(loop)
    first, second = roles
    counts = (meetings(first, second, axis.pad_low - loop[1] * x) for x in range(shortest))
    return sum(counts, 0)


def meetings(first: tuple[Count, int], second: tuple[Count, int], total: Count) -> Count:
    """Pairs 0 <= x < n, 0 <= y < m with a·x + b·y = total, for first = (n, a), second = (m, b).

    The solutions are x = x0 + |b|·t, y = y0 ± |a|·t (a, b, total divided by their gcd): count the
    t that keep both in range.
    """
    (n, a), (m, b) = first, second
    divisor = gcd(a, b)
    if divisor > 1:
        rest = total % divisor
        if not isinstance(rest, int):
            raise UnknownCostError(
                f"a convolution with stride and dilation over a symbolic padding ({total}): give "
                "the size as a number, or use jf.interpolate"
            )
        if rest:
            return 0
        a, b, total = a // divisor, b // divisor, total // divisor
    step = abs(b)
    x0 = 0 if step == 1 else total * pow(a, -1, step) % step
    y0 = (total - a * x0) // b
    low, high = _range(x0, step, n)
    y_low, y_high = _range(y0, -a if b > 0 else a, m)
    return larger(smaller(high, y_high) - larger(low, y_low) + 1, 0)


def _range(start: Count, slope: int, size: Count) -> tuple[Count, Count]:
    """The least and the greatest t with 0 <= start + slope·t < size."""
    if slope > 0:
        return -(start // slope), (size - 1 - start) // slope
    return -((size - 1 - start) // -slope), start // -slope


def nominal_taps(axis: Axis, is_weight_gradient: bool = False) -> Count:
    """Positions x kernel, padding counted as if it were input, as papers and PyTorch count.

    The positions are the outputs of a convolution and the inputs of a transposed one (input
    dilation), which the gradient of a strided convolution is too. Without stride or dilation the
    two look alike; there the positions are the smaller of both, which is the outputs of a
    convolution and the inputs of its input gradient. A weight gradient has the forward kernel as
    its outputs, the forward outputs as its kernel. So forward and gradients agree. It differs from
    outputs x kernel only where padding makes an unstrided output larger than its input.
    """
    kernel, outputs, stride = axis.kernel, axis.outputs, axis.stride
    if is_weight_gradient:
        kernel, outputs, stride = axis.outputs, axis.kernel, axis.kernel_dilation
    if stride > 1 and axis.input_dilation == 1:
        return kernel * outputs
    if axis.input_dilation > 1 and stride == 1:
        return kernel * axis.inputs
    return kernel * smaller(outputs, axis.inputs)
