"""Iterative dense decompositions: the leading terms that textbooks give, for real arithmetic.

Golub and Van Loan, Matrix Computations (4th ed.): the symmetric QR algorithm (8.3.5), the Schur
decomposition (7.5.6), the singular value decomposition (8.6.4). How often they iterate depends on
the matrix, and the algorithms that run may be others (divide and conquer, Jacobi, QDWH).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from jaxflops.formulas.arithmetic import larger, smaller
from jaxflops.polynomial import Count

NOTE = "leading term of an iterative algorithm (Golub and Van Loan), not an exact count"


def rounded(leading: Fraction, volume: Count) -> Count:
    """Leading · volume, rounded down to a whole number."""
    return leading.numerator * volume // leading.denominator


def symmetric_eigen(n: Count, vectors: bool = True) -> Count:
    """9n³ with eigenvectors, 4n³/3 (the tridiagonal reduction) without."""
    return 9 * n**3 if vectors else rounded(Fraction(4, 3), n**3)


def schur(n: Count, vectors: bool = True) -> Count:
    """25n³ with the orthogonal factor, 10n³ for the eigenvalues alone."""
    return (25 if vectors else 10) * n**3


def eigen(n: Count, sides: int) -> Count:
    """10n³ for eigenvalues; 25n³ with vectors, plus n³ for back-substitution on each side."""
    return schur(n, vectors=sides > 0) + sides * n**3


def singular_values(m: Count, n: Count, vectors: Literal["none", "thin", "full"]) -> Count:
    """Golub-Reinsch for m >= n: Σ 4mn² - 4n³/3; thin 14mn² + 8n³; full 4m²n + 8mn² + 9n³."""
    short, long = smaller(m, n), larger(m, n)
    if vectors == "none":
        return 4 * long * short**2 - rounded(Fraction(4, 3), short**3)
    if vectors == "thin":
        return 14 * long * short**2 + 8 * short**3
    return 4 * long**2 * short + 8 * long * short**2 + 9 * short**3
