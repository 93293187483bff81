"""Direct decompositions and solves, batched over leading axes; complex work in real operations."""

from __future__ import annotations

from math import prod
from typing import Any

from jaxflops.cost import Cost
from jaxflops.formulas import lapack
from jaxflops.formulas.arithmetic import Work, smaller
from jaxflops.formulas.tridiagonal import rank_one_update, thomas
from jaxflops.jaxpr.op import Op
from jaxflops.jaxpr.registry import cost_rule, moved
from jaxflops.jaxpr.rules._fields import is_complex
from jaxflops.polynomial import Count

LAWN = "published count (LAWN 41)"
SCALAR = "scalar loop"

moved("lu_pivots_to_permutation", oracle="swaps only")


@cost_rule("cholesky", oracle=f"{LAWN}, {SCALAR}")
def cholesky(op: Op, /, **_: Any) -> Cost:
    """[n,n] -> n³/3 + n²/2 + n/6 (LAWN 41, POTRF)."""
    return batched(op, lapack.potrf(op.out.shape[-1]))


@cost_rule("cholesky_update", oracle=SCALAR)
def cholesky_update(op: Op, /, **_: Any) -> Cost:
    """R[n,n], w[n]: n Givens rotations along shrinking rows, 3n² + 2n and n roots."""
    operations, roots = rank_one_update(op.out.shape[-1])
    return Cost(other_flops=operations, transcendentals=roots)


@cost_rule("lu", oracle=f"{LAWN}, {SCALAR}")
def lu(op: Op, /, **_: Any) -> Cost:
    """[m,n] with partial pivoting: 2n³/3 - ... for a square matrix (LAWN 41, GETRF)."""
    return batched(op, lapack.getrf(*op.inputs[0].shape[-2:]))


@cost_rule("geqrf", "geqp3", oracle=LAWN)
def geqrf(op: Op, /, **_: Any) -> Cost:
    """[m,n] -> 2mn² - 2n³/3 + ... (LAWN 41, GEQRF); column norms for pivoting are not in it."""
    return batched(op, lapack.geqrf(*op.inputs[0].shape[-2:]))


@cost_rule("householder_product", oracle=LAWN)
def householder_product(op: Op, /, **_: Any) -> Cost:
    """a[m,n], taus[k] -> the first n columns of Q (LAWN 41, ORGQR)."""
    m, n = op.inputs[0].shape[-2:]
    return batched(op, lapack.orgqr(m, n, op.inputs[1].shape[-1]))


@cost_rule("ormqr", oracle=LAWN)
def ormqr(op: Op, /, *, left: bool, **_: Any) -> Cost:
    """Q of k reflections times C[m,n], from the left or the right (LAWN 41, ORMQR)."""
    m, n = op.inputs[2].shape[-2:]
    return batched(op, lapack.ormqr(m, n, op.inputs[1].shape[-1], left))


@cost_rule("qr", oracle=f"{LAWN}, compiled XLA")
def qr(op: Op, /, **_: Any) -> Cost:
    """[m,n] -> Q[m,j], R: GEQRF, then ORGQR for the j columns of Q asked for, if Q is read."""
    m, n = op.inputs[0].shape[-2:]
    factors = lapack.geqrf(m, n)
    if 0 in op.unread:
        return batched(op, factors)
    return batched(op, factors + lapack.orgqr(m, op.out.shape[-1], smaller(m, n)))


@cost_rule("triangular_solve", oracle=f"{LAWN}, {SCALAR}")
def triangular_solve(op: Op, /, *, left_side: bool, unit_diagonal: bool, **_: Any) -> Cost:
    """a[n,n], b[n,r] (or b[r,n] from the right) -> n²·r; n·r less with a unit diagonal."""
    *_batch, rows, columns = op.inputs[1].shape
    n, right_sides = (rows, columns) if left_side else (columns, rows)
    work = lapack.trsm(n, right_sides)
    if unit_diagonal:
        work = Work(work.multiplications - n * right_sides, work.additions)
    return batched(op, work)


@cost_rule("hessenberg", oracle=LAWN)
def hessenberg(op: Op, /, **_: Any) -> Cost:
    """[n,n] -> 10n³/3 + ... (LAWN 41, GEHRD)."""
    return batched(op, lapack.gehrd(op.inputs[0].shape[-1]))


@cost_rule("tridiagonal", oracle=LAWN)
def tridiagonal(op: Op, /, **_: Any) -> Cost:
    """Symmetric or Hermitian [n,n] -> 4n³/3 + ... (LAWN 41, SYTRD)."""
    return batched(op, lapack.sytrd(op.inputs[0].shape[-1]))


@cost_rule("tridiagonal_solve", oracle=SCALAR)
def tridiagonal_solve(op: Op, /, **_: Any) -> Cost:
    """Diagonals [n], b[n,r]: 3n - 3 + r(5n - 4), without pivoting."""
    n, right_sides = op.inputs[3].shape[-2:]
    return batched(op, thomas(n, right_sides))


def batched(op: Op, work: Work) -> Cost:
    """`work` for each matrix of the batch."""
    matrices: Count = prod(op.inputs[0].shape[:-2])
    return Cost(other_flops=matrices * work.operations(is_complex(op.inputs[0])))
