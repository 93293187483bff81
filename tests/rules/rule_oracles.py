"""What the rules are held against: XLA's analysis of the lowered module, and numbers that count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import jax

import jaxflops as jf


def cost(fn: Callable[..., Any], *specs: str, **options: Any) -> jf.Cost:
    """The cost of `fn` on arguments given as `f32[2,3]`."""
    return jf.analyze(fn, **options)(*jf.specs(*specs)).total


def abstract(shape: Sequence[int], dtype: str = "float32") -> jax.ShapeDtypeStruct:
    """An argument without an array behind it: making one would compile, once for each shape."""
    return jax.ShapeDtypeStruct(tuple(shape), dtype)


def lowered(fn: Callable[..., Any], *specs: str) -> tuple[float, float]:
    """(flops, transcendentals) that XLA counts in the unoptimised module."""
    analysis = jax.jit(fn).lower(*jf.specs(*specs)).cost_analysis()
    assert analysis is not None
    return analysis.get("flops", 0.0), analysis.get("transcendentals", 0.0)


def arithmetic(cost: jf.Cost) -> tuple[int, int]:
    """Our (flops, transcendentals), with integer work among the flops as XLA has it."""
    return cost.flops + cost.int_ops, cost.transcendentals


class Counted:
    """A number that counts the operations done with its kind; `tally` is shared."""

    tally: ClassVar[dict[str, int]] = {}

    def __init__(self, value: float) -> None:
        self.value = value

    @classmethod
    def start(cls) -> dict[str, int]:
        """Begin a new tally: operator -> how often."""
        cls.tally = dict.fromkeys(("+", "-", "*", "/", "<", "sqrt"), 0)
        return cls.tally

    def _do(self, operator: str, value: float) -> Counted:
        self.tally[operator] += 1
        return Counted(value)

    def __add__(self, other: Counted) -> Counted:
        return self._do("+", self.value + other.value)

    def __sub__(self, other: Counted) -> Counted:
        return self._do("-", self.value - other.value)

    def __mul__(self, other: Counted) -> Counted:
        return self._do("*", self.value * other.value)

    def __truediv__(self, other: Counted) -> Counted:
        return self._do("/", self.value / other.value)

    def __lt__(self, other: Counted) -> bool:
        self.tally["<"] += 1
        return self.value < other.value

    def sqrt(self) -> Counted:
        return self._do("sqrt", self.value**0.5)
