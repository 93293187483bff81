"""Dense linear algebra behind custom calls: LAPACK, cuSOLVER, cuBLAS, and the TPU's blocks.

Operands and results are those of JAX's typed FFI: matrices in the last two axes, settings as
attributes, characters as their codes.
"""

from __future__ import annotations

from math import prod
from typing import Literal

from jaxflops.cost import Cost
from jaxflops.errors import UnknownCostError
from jaxflops.formulas import iterative, lapack
from jaxflops.formulas.iterative import NOTE
from jaxflops.formulas.tridiagonal import thomas
from jaxflops.hlo.rules._rule import HloOp, call_rule, is_complex
from jaxflops.hlo.rules.linalg import batched, solved
from jaxflops.hlo.shape import Shape
from jaxflops.polynomial import Count

_GPU = r"(?:cu|hip)solver_"
_BATCHED = r"(?:cu|hip)blas_"


@call_rule(
    r"lapack_[sdcz]potrf(_ffi)?", _GPU + r"potrf(_ffi)?", r"__cusolver\$cholesky", "Cholesky"
)
def potrf(op: HloOp) -> Cost:
    """[n,n] -> n³/3 + n²/2 + n/6 (LAWN 41, POTRF)."""
    return batched(op.operands[0], lapack.potrf(op.operands[0].dims[-1]))


@call_rule(r"lapack_[sdcz]getrf(_ffi)?", _GPU + r"getrf(_ffi)?", _BATCHED + r"getrf_batched(_ffi)?")
@call_rule("LuDecomposition", r"Lu(Real|Complex)?DecompositionBlock")
def getrf(op: HloOp) -> Cost:
    """[m,n] with partial pivoting (LAWN 41, GETRF)."""
    return batched(op.operands[0], lapack.getrf(*op.operands[0].dims[-2:]))


@call_rule(r"lapack_[sdcz]geq(rf|p3)(_ffi)?", _GPU + r"geqrf(_ffi)?")
@call_rule(_BATCHED + r"geqrf_batched(_ffi)?", "Qr", r"Qr(Real|Complex)?DecompositionBlock")
def geqrf(op: HloOp) -> Cost:
    """[m,n] -> 2mn² - 2n³/3 + ... (LAWN 41, GEQRF)."""
    return batched(op.operands[0], lapack.geqrf(*op.operands[0].dims[-2:]))


@call_rule(r"lapack_[sdcz](or|un)gqr(_ffi)?", _GPU + r"(or|un)gqr(_ffi)?")
@call_rule("ProductOfElementaryHouseholderReflectors")
def orgqr(op: HloOp) -> Cost:
    """a[m,n], taus[k] -> the first n columns of Q (LAWN 41, ORGQR)."""
    m, n = op.out.dims[-2:]
    return batched(op.out, lapack.orgqr(m, n, op.operands[1].dims[-1]))


@call_rule(r"lapack_[sdcz](or|un)mqr(_ffi)?", _GPU + r"(or|un)mqr(_ffi)?")
def ormqr(op: HloOp) -> Cost:
    """Q of k reflections times C[m,n] (LAWN 41, ORMQR)."""
    c = op.operands[2]
    m, n = c.dims[-2:]
    left = op.setting("left") in (True, "true")
    return batched(c, lapack.ormqr(m, n, op.operands[1].dims[-1], left))


@call_rule(r"lapack_[sdcz]trsm(_ffi)?", r"blas_[sdcz]trsm(_ffi)?")
def trsm(op: HloOp) -> Cost:
    """a[n,n], b[n,r] (or b[r,n] from the right) -> n²·r; n·r less with a unit diagonal."""
    left, unit = op.setting("side") == ord("L"), op.setting("diag") == ord("U")
    return solved(op.operands[1], left=left, unit=unit)


@call_rule(r"__cublas\$triangularSolve")
def cublas_trsm(op: HloOp) -> Cost:
    """As `trsm`, its settings as XLA's own options; an absent one is false."""
    options = op.ins.attributes.backend_config.value if op.ins.attributes.backend_config else None
    if not isinstance(options, dict):
        raise UnknownCostError("its backend_config has no options")
    options = options.get("triangular_solve_options", options)
    left, unit = options.get("left_side") is True, options.get("unit_diagonal") is True
    return solved(op.operands[1], left=left, unit=unit)


@call_rule(r"lapack_[sdcz]gehrd(_ffi)?")
def gehrd(op: HloOp) -> Cost:
    """[n,n] -> 10n³/3 + ... (LAWN 41, GEHRD)."""
    return batched(op.operands[0], lapack.gehrd(op.operands[0].dims[-1]))


@call_rule(r"lapack_[sdcz](sy|he)trd(_ffi)?", _GPU + r"(sy|he)?trd(_ffi)?")
def sytrd(op: HloOp) -> Cost:
    """Symmetric or Hermitian [n,n] -> 4n³/3 + ... (LAWN 41, SYTRD)."""
    return batched(op.operands[0], lapack.sytrd(op.operands[0].dims[-1]))


@call_rule(r"lapack_[sdcz]gtsv(_ffi)?", r"(?:cu|hip)sparse_gtsv2_ffi")
def gtsv(op: HloOp) -> Cost:
    """Diagonals [n], b[n,r]: 3n - 3 + r(5n - 4), without pivoting."""
    b = op.operands[3]
    return batched(b, thomas(*b.dims[-2:]))


@call_rule(r"lapack_[sdcz](sy|he)evd(_ffi)?", note=NOTE)
def syevd(op: HloOp) -> Cost:
    """Symmetric or Hermitian [n,n]: 9n³ with vectors, 4n³/3 without; complex x4."""
    vectors = op.setting("mode") == ord("V")
    return _iterative(op.operands[0], iterative.symmetric_eigen(op.operands[0].dims[-1], vectors))


@call_rule(_GPU + r"(sy|he)ev[dj](_ffi)?", "Eigh", "EighTpu", note=NOTE)
def eigh(op: HloOp) -> Cost:
    """Symmetric or Hermitian [n,n] with vectors: 9n³; complex x4."""
    return _iterative(op.operands[0], iterative.symmetric_eigen(op.operands[0].dims[-1]))


@call_rule(r"lapack_[sdcz]geev(_ffi)?", note=NOTE)
def geev(op: HloOp) -> Cost:
    """[n,n]: 10n³ for the values, 25n³ and n³ a side with vectors; complex x4."""
    sides = sum(op.setting(f"compute_{side}") == ord("V") for side in ("left", "right"))
    return _iterative(op.operands[0], iterative.eigen(op.operands[0].dims[-1], sides))


@call_rule(_GPU + r"geev(_ffi)?", note=NOTE)
def gpu_geev(op: HloOp) -> Cost:
    """As `geev`; which sides have vectors is true or false."""
    sides = sum(op.setting(side) in (True, "true") for side in ("left", "right"))
    return _iterative(op.operands[0], iterative.eigen(op.operands[0].dims[-1], sides))


@call_rule(r"lapack_[sdcz]gees(_ffi)?", note=NOTE)
def gees(op: HloOp) -> Cost:
    """[n,n]: 25n³ with the unitary factor, 10n³ without; complex x4."""
    vectors = op.setting("mode") == ord("V")
    return _iterative(op.operands[0], iterative.schur(op.operands[0].dims[-1], vectors))


@call_rule(r"lapack_[sdcz]gesv?d+(_ffi)?", note=NOTE)
def gesdd(op: HloOp) -> Cost:
    """[m,n], m >= n: 4mn² - 4n³/3; thin 14mn² + 8n³; full 4m²n + 8mn² + 9n³; complex x4."""
    modes: dict[int, Literal["none", "thin", "full"]]
    modes = {ord("N"): "none", ord("S"): "thin", ord("A"): "full"}
    mode = op.setting("mode")
    if mode not in modes:
        raise UnknownCostError(f"its mode {mode!r} is none of N, S, A")
    m, n = op.operands[0].dims[-2:]
    return _iterative(op.operands[0], iterative.singular_values(m, n, modes[mode]))


@call_rule(_GPU + r"gesvdj?p?(_ffi)?", note=NOTE)
def gesvd(op: HloOp) -> Cost:
    """As `gesdd`, of cuSOLVER: vectors and their number as attributes."""
    m, n = op.operands[0].dims[-2:]
    if op.setting("compute_uv") in (False, "false"):
        return _iterative(op.operands[0], iterative.singular_values(m, n, "none"))
    longest = max(m, n)
    square = any(shape.dims[-2:] == (longest, longest) for shape in op.ins.shape.arrays())
    full: Literal["thin", "full"] = "full" if square and m != n else "thin"
    return _iterative(op.operands[0], iterative.singular_values(m, n, full))


def _iterative(shape: Shape, count: Count) -> Cost:
    """Complex: each multiply-add of 2 real operations becomes one of 8."""
    return Cost(other_flops=prod(shape.dims[:-2]) * count * (4 if is_complex(shape) else 1))
