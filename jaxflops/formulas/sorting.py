"""Comparison sorts and selections, counted in comparisons of the worst case."""

from __future__ import annotations

from jaxflops.polynomial import Count
from jaxflops.polynomial.functions import ceil_log2, ceil_pow2

__all__ = ["ceil_log2", "selection_comparisons", "sort_comparisons"]


def sort_comparisons(length: Count) -> Count:
    """n⌈log2 n⌉ - 2^⌈log2 n⌉ + 1: merge sort's and binary insertion's worst case.

    Knuth, The Art of Computer Programming 3, 5.3.1 (3): Σ ⌈log2 i⌉ for i = 1..n.
    """
    return length * ceil_log2(length) - ceil_pow2(length) + 1


def selection_comparisons(length: Count, kept: Count) -> Count:
    """The `kept` best of a line: each element inserted, by bisection, into the best so far.

    Σ ⌈log2 i⌉ for the first k, then ⌈log2(k + 1)⌉ each: n - 1 for k = 1, a sort for k = n.
    """
    inserted = sort_comparisons(kept)
    if kept == 0:
        return 0
    return inserted + (length - kept) * ceil_log2(kept + 1)
