"""Dimensions and sizes, as the checks of instructions ask of them."""

from __future__ import annotations

from collections.abc import Sequence

from jaxflops.hlo.attributes import Dims
from jaxflops.hlo.shape import Shape

PAIR = 2


def distinct(dims: Dims, rank: int) -> bool:
    """Whether they name different dimensions of an array of that rank."""
    return not dims or (len(set(dims)) == len(dims) and min(dims) >= 0 and max(dims) < rank)


def one_kind(result: Shape, shapes: Sequence[Shape]) -> bool:
    """Whether all of a contraction's arrays are complex, or none; precisions may differ."""
    kinds = {each.dtype[0] == "c" for each in (result, *shapes[:PAIR])}
    return len(kinds) == 1


def sizes_of(sizes: Dims, dims: Dims) -> Dims:
    """The sizes of `dims`."""
    return tuple([sizes[dim] for dim in dims])


def rest(sizes: Dims, dims: Dims) -> Dims:
    """The sizes of the others."""
    return tuple([size for dim, size in enumerate(sizes) if dim not in dims])
