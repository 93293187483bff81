"""Parts of references: the extent of what a kernel reads or writes through an indexed view.

A reference's operand has the whole buffer's shape; its view (slices, tiles unpacked) is a pytree
of transforms among the parameters, whose leaves, as the start of a slice, are operands too.
"""

from __future__ import annotations

from typing import Any

import jax

from jaxflops.errors import UnknownCostError
from jaxflops.jaxpr.op import Array
from jaxflops.polynomial import Count


def part(array: Array, transforms: Any) -> tuple[Count, ...]:
    """The shape of a view; `transforms` is its pytree's structure, None for the whole.

    Raises UnknownCostError where the extent is a runtime value.
    """
    if transforms is None:
        return array.shape
    start = jax.core.ShapedArray((), jax.numpy.dtype("int32"))
    return _viewed(array, transforms.unflatten([start] * transforms.num_leaves))


def parts(arrays: tuple[Array, ...], tree: Any) -> list[tuple[Count, ...] | None]:
    """The shapes of the views that all of an equation's operands together are of."""
    views = tree.unflatten([*map(_Operand, arrays)])
    return [None if view is None else _extent(view) for view in views]


class _Operand:
    """An operand in the place of the variable that it is of."""

    def __init__(self, array: Array) -> None:
        self.array = array


def _extent(view: Any) -> tuple[Count, ...]:
    if isinstance(view, _Operand):
        return view.array.shape
    return _viewed(view.ref.array, view.transforms)


def _viewed(array: Array, transforms: Any) -> tuple[Count, ...]:
    if not transforms:
        return array.shape
    view: Any = jax.core.ShapedArray(array.shape, jax.numpy.dtype(array.dtype))
    for transform in transforms:
        view = transform.transform_type(view)
    if not all(isinstance(size, int) for size in view.shape):
        raise UnknownCostError("the extent of a slice is a runtime value")
    return tuple(view.shape)
