"""Systems with little structure to exploit more than once: tridiagonal, rank-one updates."""

from __future__ import annotations

from jaxflops.formulas.arithmetic import Work, larger
from jaxflops.polynomial import Count


def thomas(n: Count, right_sides: Count) -> Work:
    """A tridiagonal system by elimination: 3n - 3 for the matrix, 5n - 4 for each right side.

    Matrix: c[0]/b[0], then b[i] - a[i]·c'[i-1] for i >= 1 and c[i] over it but for the last.
    Right side: one division, then multiply, subtract, divide; back substitution 2 for each i < n.
    Divisions count as multiplications.
    """
    steps = larger(n - 1, 0)
    matrix = Work(2 * steps, steps)
    return matrix + Work(n + 2 * steps, 2 * steps).times(right_sides)


def rank_one_update(n: Count) -> tuple[Count, Count]:
    """(operations, square roots) of updating a Cholesky factor [n,n] by n Givens rotations.

    A rotation: x² + y², the root, two divisions, then 6 for each of the elements behind it.
    """
    return 5 * n + 3 * n * (n - 1), n
