"""What one arithmetic operation counts, and exact integers out of exact fractions."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from jaxflops.polynomial import Count, maximum, minimum

REAL_MULTIPLY_ADD = 2
# (a + bi)(c + di): 4 multiplications and 2 additions; adding a complex number: 2 additions.
COMPLEX_MULTIPLY, COMPLEX_ADD = 6, 2
COMPLEX_MULTIPLY_ADD = COMPLEX_MULTIPLY + COMPLEX_ADD
# (a + bi)/(c + di): times the conjugate (6), c² + d² (3), two real divisions.
COMPLEX_DIVIDE = 11


@dataclass(frozen=True)
class Work:
    """Multiplications (and divisions) and additions (and subtractions), as LAPACK counts them."""

    multiplications: Count
    additions: Count

    def __add__(self, other: Work) -> Work:
        return Work(self.multiplications + other.multiplications, self.additions + other.additions)

    def times(self, count: Count) -> Work:
        """`count` of these."""
        return Work(self.multiplications * count, self.additions * count)

    def operations(self, is_complex: bool = False) -> Count:
        """Real operations: a complex multiplication is 6, a complex addition 2."""
        multiply, add = (COMPLEX_MULTIPLY, COMPLEX_ADD) if is_complex else (1, 1)
        return self.multiplications * multiply + self.additions * add


def multiply_add(is_complex: bool = False) -> int:
    """2 operations; 8 real ones for complex numbers."""
    return COMPLEX_MULTIPLY_ADD if is_complex else REAL_MULTIPLY_ADD


def whole(value: Any) -> Count:
    """A count that fractions were used to compute, as the int (or polynomial) that it is."""
    if isinstance(value, Fraction):
        assert value.denominator == 1, f"{value} is no whole count"
        return int(value)
    count: Count = value
    return count


def at_least_zero(value: Any) -> Count:
    """A published count whose constant terms make it negative for sizes 1 and 2: 0 there."""
    count = whole(value)
    return max(count, 0) if isinstance(count, int) else count


def smaller(left: Count, right: Count) -> Count:
    """min; kept whole where it depends on the sizes."""
    if isinstance(left, int) and isinstance(right, int):
        return min(left, right)
    return minimum(left, right)


def larger(left: Count, right: Count) -> Count:
    """max; kept whole where it depends on the sizes."""
    if isinstance(left, int) and isinstance(right, int):
        return max(left, right)
    return maximum(left, right)
