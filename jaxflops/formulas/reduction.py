"""Reductions and running reductions along axes."""

from __future__ import annotations

from jaxflops.polynomial import Count, maximum


def reductions(inputs: Count, results: Count) -> Count:
    """Combining `inputs` elements into `results`: one less than the elements of each result.

    Nothing is combined where there are no elements (a sum over an empty axis is its identity).
    """
    return maximum(inputs - results, 0)


def running_reductions(elements: Count, length: Count) -> Count:
    """Lines of `length` elements: length - 1 steps each (XLA's own count is quadratic)."""
    if length == 0:
        return 0
    return elements - elements // length
