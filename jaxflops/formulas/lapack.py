"""Direct dense factorisations and solves: LAPACK's operation counts.

LAPACK Working Note 41 (Blackford and Dongarra, 1999), appendix C: exact counts of multiplications
and additions. Their constant terms go below zero for sizes 1 and 2, where they are taken as 0.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from jaxflops.formulas.arithmetic import Work, at_least_zero, smaller, whole
from jaxflops.polynomial import Count

HALF: Any = Fraction(1, 2)  # Any: fractions of polynomials and of ints alike
THIRD: Any = Fraction(1, 3)
SIXTH: Any = Fraction(1, 6)


def potrf(n: Count) -> Work:
    """Cholesky of [n,n]: n³/3 + n²/2 + n/6 in all."""
    return Work(whole(SIXTH * n**3 + HALF * n**2 + THIRD * n), whole(SIXTH * n**3 - SIXTH * n))


def getrf(m: Count, n: Count) -> Work:
    """LU with partial pivoting of [m,n]: 2n³/3 - n²/2 + 5n/6 in all for a square matrix.

    Of each of k = min(m, n) columns: a reciprocal, m - j products, an (m - j)(n - j) update. For
    m >= n this is LAWN 41's count; for m < n its table scales rows, the algorithm columns.
    """
    k = smaller(m, n)
    updates = m * n * k - HALF * (m + n) * k * (k + 1) + SIXTH * k * (k + 1) * (2 * k + 1)
    return Work(whole(updates + m * k - HALF * k * (k + 1) + k), whole(updates))


def geqrf(m: Count, n: Count) -> Work:
    """QR of [m,n] by Householder reflections: 2mn² - 2n³/3 + lower terms for m >= n.

    LAWN 41 has a formula for m >= n and one for m < n; of k = min(m, n) and l = max(m, n), the
    second is the first and k(n - k) more of each kind, which is 0 where m >= n.
    """
    k = smaller(m, n)
    longer = m + n - k
    common = k * (k * (HALF - THIRD * k + longer) + n - k)
    return Work(whole(common + longer * k + 23 * SIXTH * k), whole(common + 5 * SIXTH * k))


def orgqr(m: Count, n: Count, k: Count) -> Work:
    """The first n columns of Q, [m,n], out of k reflections: 4mnk - 2(m + n)k² + 4k³/3 + ..."""
    leading = 2 * m * n * k - (m + n) * k**2 + 2 * THIRD * k**3
    return Work(
        whole(leading + 2 * n * k - k**2 - 5 * THIRD * k),
        whole(leading + n * k - m * k + THIRD * k),
    )


def ormqr(m: Count, n: Count, k: Count, left: bool) -> Work:
    """Q or Qᵀ, of k reflections, times C[m,n] from the left or from the right."""
    if left:
        leading = 2 * m * n * k - n * k**2
        return Work(whole(leading + 2 * n * k), whole(leading + n * k))
    leading = 2 * m * n * k - m * k**2
    multiplications = leading + m * k + n * k - HALF * k**2 + HALF * k
    return Work(whole(multiplications), whole(leading + m * k))


def trsm(n: Count, right_sides: Count) -> Work:
    """A triangular [n,n] system with r right sides: n²·r in all."""
    return Work(whole(HALF * right_sides * n * (n + 1)), whole(HALF * right_sides * n * (n - 1)))


def gehrd(n: Count) -> Work:
    """Hessenberg form of [n,n], the reflections kept packed: 10n³/3 + ..."""
    return Work(
        at_least_zero(n * (n * (5 * THIRD * n + HALF) - 7 * SIXTH) - 13),
        at_least_zero(n * (n * (5 * THIRD * n - 1) - 2 * THIRD) - 8),
    )


def sytrd(n: Count) -> Work:
    """Tridiagonal form of a symmetric [n,n], the reflections kept packed: 4n³/3 + ..."""
    return Work(
        at_least_zero(n * (n * (2 * THIRD * n + 5 * HALF) - SIXTH) - 15),
        at_least_zero(n * (n * (2 * THIRD * n + 1) - 8 * THIRD) - 4),
    )
