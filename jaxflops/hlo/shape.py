"""Shapes of HLO values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from math import prod
from typing import NamedTuple

from jaxflops.hlo.attributes import Dims


@lru_cache(maxsize=256)
def dtype_bits(dtype: str) -> int:
    """Bits of one element: 16 for `bf16`, 8 for `f8e4m3fn` and `pred`, 0 for tokens and tuples."""
    found = re.match(r"(?:bf|[sufc])(\d+)", dtype)
    return 8 if dtype == "pred" else int(found[1]) if found else 0


@lru_cache(maxsize=4096)
def _array_bytes(dtype: str, dims: Dims) -> int:
    return -(-prod(dims) * dtype_bits(dtype) // 8)


class Shape(NamedTuple):
    """An array, a tuple of shapes, a token or an opaque value, without its layout.

    dtype: XLA's name (`f32`, `bf16`, `pred`, `tuple`, `token`, ...).
    dims: sizes; upper bounds where `dynamic` is true.
    parts: the elements of a tuple, or what a `buffer` holds.
    space: XLA's memory space, 0 for the device's main memory.
    """

    dtype: str
    dims: Dims = ()
    parts: tuple[Shape, ...] = ()
    dynamic: tuple[bool, ...] = ()
    space: int = 0

    @property
    def size(self) -> int:
        """Number of elements of an array; 1 for a scalar."""
        return prod(self.dims)

    @property
    def bytes(self) -> int:
        """Size in memory without padding: booleans take a byte, 4-bit types half of one."""
        if self.parts:
            return sum([part.bytes for part in self.parts])
        return _array_bytes(self.dtype, self.dims)

    @property
    def is_tuple(self) -> bool:
        """Whether it is a tuple, even an empty one."""
        return self.dtype == "tuple"

    def arrays(self) -> Iterator[Shape]:
        """The arrays in it, depth first; tokens and opaque values are left out."""
        for part in self.parts:
            yield from part.arrays()
        if not self.parts and self.dtype not in ("tuple", "token", "opaque"):
            yield self
