"""Direct decompositions and solves that XLA knows as opcodes; batched over leading axes."""

from __future__ import annotations

from math import prod

from jaxflops.cost import Cost
from jaxflops.formulas import lapack
from jaxflops.formulas.arithmetic import Work
from jaxflops.hlo.rules._rule import HloOp, is_complex, rule
from jaxflops.hlo.shape import Shape


@rule("cholesky")
def cholesky(op: HloOp) -> Cost:
    """[n,n] -> n³/3 + n²/2 + n/6 (LAWN 41, POTRF)."""
    return batched(op.out, lapack.potrf(op.out.dims[-1]))


@rule("triangular-solve")
def triangular_solve(op: HloOp) -> Cost:
    """a[n,n], b[n,r] (or b[r,n] from the right) -> n²·r; n·r less with a unit diagonal."""
    options = op.ins.attributes.triangular_solve
    assert options is not None
    return solved(op.operands[1], left=options.left_side, unit=options.unit_diagonal)


def solved(right: Shape, *, left: bool, unit: bool) -> Cost:
    """A triangular solve, from the shape of its right-hand sides."""
    rows, columns = right.dims[-2:]
    n, right_sides = (rows, columns) if left else (columns, rows)
    work = lapack.trsm(n, right_sides)
    if unit:
        work = Work(work.multiplications - n * right_sides, work.additions)
    return batched(right, work)


def batched(shape: Shape, work: Work) -> Cost:
    """`work` for each matrix of the batch."""
    return Cost(other_flops=prod(shape.dims[:-2]) * work.operations(is_complex(shape)))
