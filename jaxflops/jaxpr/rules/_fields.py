"""Which field of `Cost` an array's arithmetic goes to, by its dtype."""

from __future__ import annotations

from jaxflops.cost import Cost
from jaxflops.jaxpr.op import Array
from jaxflops.polynomial import Count


def arithmetic(array: Array, count: Count) -> Cost:
    """`count` operations on elements such as `array`'s: floating point, or integer and boolean."""
    if array.category in ("float", "complex"):
        return Cost(other_flops=count)
    return Cost(int_ops=count)


def is_complex(array: Array) -> bool:
    """Whether the elements are pairs of real numbers."""
    return array.category == "complex"


def components(array: Array) -> int:
    """Real numbers in an element: 2 of a complex one; of a random key, its 32-bit words."""
    if array.category == "key":
        return max(array.itemsize // 4, 1)
    return 2 if is_complex(array) else 1
