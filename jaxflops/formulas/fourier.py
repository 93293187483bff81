"""Discrete Fourier transforms."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Literal

from jaxflops.formulas.sorting import ceil_log2
from jaxflops.polynomial import Count

Transform = Literal["complex", "real"]


def fft(lines: Count, length: Count) -> Count:
    """5·n·log2 n real operations a line: radix-2 Cooley-Tukey (n/2·log2 n butterflies of 10).

    For lengths that are no power of two the logarithm is rounded up (the convention of FFTW's
    benchmark takes it exactly).
    """
    return 5 * lines * length * ceil_log2(length)


def fftn(batch: Count, lengths: Sequence[Count], transform: Transform) -> Count:
    """A sum over the axes; a real transform halves its last axis, and the lines of the others.

    batch: number of transforms; lengths: of the real side, the transformed axes in order.
    """
    if transform == "complex":
        return sum((_along(batch, lengths, axis) for axis in range(len(lengths))), 0)
    *others, last = lengths
    half = (*others, last // 2 + 1)
    rest = sum((_along(batch, half, axis) for axis in range(len(others))), 0)
    return rest + batch * prod(others) * (fft(1, last) // 2)


def _along(batch: Count, lengths: Sequence[Count], axis: int) -> Count:
    lines = batch * prod(n for i, n in enumerate(lengths) if i != axis)
    return fft(lines, lengths[axis])
