"""Windows that slide over an array and reduce: pooling, and its gradients."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

import numpy as np

from jaxflops.formulas.convolution import Axis, valid_taps
from jaxflops.polynomial import Count


def window_reductions(axes: Iterable[Axis], nominal: bool = False) -> Count:
    """Σ over windows of (elements - 1): what combining each window's elements takes.

    The elements are those that meet real input; `nominal` counts all of the window's.
    """
    axes = tuple(axes)
    if nominal:
        windows = prod(axis.outputs for axis in axes)
        return windows * (prod(axis.kernel for axis in axes) - 1)
    return prod(valid_taps(axis) for axis in axes) - prod(nonempty(axis) for axis in axes)


def nonempty(axis: Axis) -> Count:
    """How many windows along an axis meet real input.

    With symbolic sizes: all of them, which holds while padding is smaller than the window.
    """
    if axis.kernel == 1 and axis.stride == 1 and axis.pad_low == 0 and axis.inputs == axis.outputs:
        return axis.outputs
    inputs, kernel, outputs, low = axis.inputs, axis.kernel, axis.outputs, axis.pad_low
    if not (
        isinstance(inputs, int)
        and isinstance(kernel, int)
        and isinstance(outputs, int)
        and isinstance(low, int)
    ):
        return outputs
    first = np.arange(outputs) * axis.stride - low
    meets = np.zeros(outputs, bool)
    for element in range(kernel):
        i, rest = np.divmod(first + element * axis.kernel_dilation, axis.input_dilation)
        meets |= (rest == 0) & (i >= 0) & (i < inputs)
    return int(meets.sum())
