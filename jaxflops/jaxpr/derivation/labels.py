"""The axes of a `dot_general` as labels.

A product labels its operands' axes so that axes which are multiplied or matched have one label:
`[m,k] x [k,n] -> [m,n]` is (0, 1), (1, 2), (0, 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

Axes = tuple[int, ...]


class Labels(NamedTuple):
    """Labels of the axes of left, right and product."""

    left: Axes
    right: Axes
    out: Axes

    @property
    def operands(self) -> tuple[Axes, Axes]:
        """Left and right."""
        return self.left, self.right


def labels_of(numbers: Any, left_rank: int, right_rank: int) -> Labels:
    """From `dimension_numbers`: ((left contracting, right), (left batch, right)).

    The product's axes are the batch, then the free axes of left, then those of right.
    """
    (left_sum, right_sum), (left_batch, right_batch) = numbers
    left = tuple(range(left_rank))
    shared = dict(zip((*right_sum, *right_batch), (*left_sum, *left_batch), strict=True))
    fresh = iter(range(left_rank, left_rank + right_rank))
    right = tuple(shared[axis] if axis in shared else next(fresh) for axis in range(right_rank))
    return Labels(left, right, _product(numbers, left, right))


def _product(numbers: Any, left: Axes, right: Axes) -> Axes:
    (left_sum, right_sum), (left_batch, right_batch) = numbers
    batch = tuple(left[axis] for axis in left_batch)
    free = tuple(n for axis, n in enumerate(left) if axis not in (*left_sum, *left_batch))
    rest = tuple(n for axis, n in enumerate(right) if axis not in (*right_sum, *right_batch))
    return batch + free + rest


def product_of(numbers: Any, left: Axes, right: Axes) -> Axes | None:
    """Labels of a product of operands labelled elsewhere.

    None where it would multiply axes with different labels, or keep apart axes with the same.
    """
    (left_sum, right_sum), (left_batch, right_batch) = numbers
    pairs = zip((*left_sum, *left_batch), (*right_sum, *right_batch), strict=True)
    if any(left[a] != right[b] for a, b in pairs):
        return None
    out = _product(numbers, left, right)
    return out if len(set(out)) == len(out) else None


def permute(labels: Sequence[int], permutation: Sequence[int] | None) -> Axes:
    """Labels of `transpose(x, permutation)` from those of x."""
    return tuple(labels) if permutation is None else tuple(labels[axis] for axis in permutation)
