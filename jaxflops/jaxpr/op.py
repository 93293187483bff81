"""What a rule is given: the operation's name, its operands and results, and the conventions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, Literal

from jaxflops.cost import Cost
from jaxflops.polynomial import Count

Convolutions = Literal["taps", "nominal"]
Category = Literal["float", "complex", "integer", "bool", "key"]


_PACKED = {"int4": 4, "uint4": 4, "float4_e2m1fn": 4, "int2": 2, "uint2": 2}
"""Bits of the types that XLA packs, where NumPy gives each element a byte."""


@dataclass(frozen=True)
class Array:
    """Shape and dtype of one operand or result; sizes are ints or polynomials."""

    shape: tuple[Count, ...]
    dtype: str
    itemsize: int
    category: Category

    @cached_property
    def size(self) -> Count:
        """Number of elements."""
        return prod(self.shape)

    @property
    def bytes(self) -> Count:
        """Size in memory, in bytes; types of less than a byte are packed."""
        return self.bytes_of(self.size)

    def bytes_of(self, elements: Count) -> Count:
        """Bytes of so many of its elements."""
        bits = _PACKED.get(self.dtype)
        return elements * self.itemsize if bits is None else -(-elements * bits // 8)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)


@dataclass(frozen=True)
class Op:
    """One equation as a rule sees it.

    conv: whether convolutions count the `taps` that meet real input or the `nominal` ones.
    unread: positions of results that nothing reads, of a primitive that does less without them.
    """

    name: str
    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]
    conv: Convolutions = "taps"
    unread: tuple[int, ...] = ()

    @property
    def out(self) -> Array:
        """The first result; most operations have just one."""
        return self.outputs[0]


@dataclass(frozen=True)
class Body:
    """A jaxpr that an equation runs.

    jaxpr: closed or open, as it stands in the equation's parameters.
    times: executions each time the equation runs.
    label: its role, when the equation has several (`cond`, `body`, `branch 0`).
    inputs: for each input of `jaxpr`, the position among the equation's operands, or None.
    outputs: for each result of `jaxpr`, the position among the equation's results, or None.
    feedback: result position -> input position of the next iteration (a loop's carry), both
      counted in `jaxpr`.
    copies: how often the body's text stands in the lowered module.
    replicas: of how many executions each does the same work on another device.
    stated: what its author says that all executions cost; noted beside what is counted.
    grid, axes: of a kernel, its grid's sizes, and where in it each axis of `program_id` is.
    """

    jaxpr: Any
    times: Count = 1
    label: str = ""
    inputs: tuple[int | None, ...] = ()
    outputs: tuple[int | None, ...] = ()
    feedback: tuple[tuple[int, int], ...] = ()
    copies: int = 1
    replicas: int = 1
    stated: Cost | None = None
    grid: tuple[Count, ...] = ()
    axes: tuple[int, ...] = ()


@dataclass(frozen=True)
class OneOf:
    """Alternatives of which one runs; `chosen` when it is known which (a platform, say).

    names: of the branches' functions, as the user wrote them.
    """

    branches: tuple[Body, ...]
    chosen: int | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class OpenLoop:
    """A loop whose trip count is not known: `test` runs once more than `body`."""

    test: Body
    body: Body


Bodies = tuple[Body, ...] | OneOf | OpenLoop
