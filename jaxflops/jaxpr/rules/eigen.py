"""Eigenvalues and singular values: iterative, so leading terms only, and each use says so."""

from __future__ import annotations

from math import prod
from typing import Any

from jaxflops.cost import Cost
from jaxflops.formulas import iterative
from jaxflops.formulas.iterative import NOTE
from jaxflops.jaxpr.op import Op
from jaxflops.jaxpr.registry import cost_rule
from jaxflops.jaxpr.rules._fields import is_complex
from jaxflops.polynomial import Count

BOOK = "published leading term (Golub and Van Loan)"


@cost_rule("eigh", note=NOTE, oracle=BOOK)
def eigh(op: Op, /, **_: Any) -> Cost:
    """Symmetric or Hermitian [n,n]: 9n³; complex x4."""
    return _batched(op, iterative.symmetric_eigen(op.inputs[0].shape[-1]))


@cost_rule("eig", note=NOTE, oracle=BOOK)
def eig(
    op: Op,
    /,
    *,
    compute_left_eigenvectors: bool = True,
    compute_right_eigenvectors: bool = True,
    **_: Any,
) -> Cost:
    """[n,n]: 10n³ for the values, 25n³ and n³ a side with vectors; complex x4."""
    sides = bool(compute_left_eigenvectors) + bool(compute_right_eigenvectors)
    return _batched(op, iterative.eigen(op.inputs[0].shape[-1], sides))


@cost_rule("schur", note=NOTE, oracle=BOOK)
def schur(op: Op, /, *, compute_schur_vectors: bool = True, **_: Any) -> Cost:
    """[n,n]: 25n³ with the unitary factor, 10n³ without; complex x4."""
    return _batched(op, iterative.schur(op.inputs[0].shape[-1], compute_schur_vectors))


@cost_rule("svd", note=NOTE, oracle=BOOK)
def svd(op: Op, /, *, compute_uv: bool, full_matrices: bool, **_: Any) -> Cost:
    """[m,n], m >= n: 4mn² - 4n³/3; thin 14mn² + 8n³; full 4m²n + 8mn² + 9n³; complex x4."""
    vectors = ("full" if full_matrices else "thin") if compute_uv else "none"
    m, n = op.inputs[0].shape[-2:]
    return _batched(op, iterative.singular_values(m, n, vectors))  # type: ignore[arg-type]


def _batched(op: Op, count: Count) -> Cost:
    """Complex: each multiply-add of 2 real operations becomes one of 8."""
    matrices: Count = prod(op.inputs[0].shape[:-2])
    return Cost(other_flops=matrices * count * (4 if is_complex(op.inputs[0]) else 1))
