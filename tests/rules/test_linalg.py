"""Factorisations against LAPACK's algorithms on numbers that count, and against LAWN 41."""

import re
from fractions import Fraction

import jax
import jax.numpy as jnp
import pytest
from jax import lax
from rule_oracles import Counted, cost

import jaxflops as jf
from jaxflops.formulas import iterative, lapack
from jaxflops.formulas.arithmetic import Work
from jaxflops.formulas.tridiagonal import rank_one_update, thomas
from jaxflops.polynomial import symbol

SIZES = [1, 2, 3, 5, 8]


def matrix(m: int, n: int) -> list[list[Counted]]:
    return [
        [Counted(1.0 + (i * 7 + j * 3) % 5 + 20 * (i == j)) for j in range(n)] for i in range(m)
    ]


def tallied(algorithm, *args) -> Work:
    tally = Counted.start()
    algorithm(*args)
    return Work(tally["*"] + tally["/"] + tally["sqrt"], tally["+"] + tally["-"])


def cholesky(a) -> None:
    for j in range(len(a)):
        for k in range(j):
            a[j][j] = a[j][j] - a[j][k] * a[j][k]
        a[j][j] = a[j][j].sqrt()
        for i in range(j + 1, len(a)):
            for k in range(j):
                a[i][j] = a[i][j] - a[i][k] * a[j][k]
            a[i][j] = a[i][j] / a[j][j]


def lu(a) -> None:
    rows, columns = len(a), len(a[0])
    for k in range(min(rows, columns)):
        inverse = Counted(1.0) / a[k][k]  # LAPACK scales the column by one reciprocal
        for i in range(k + 1, rows):
            a[i][k] = a[i][k] * inverse
            for j in range(k + 1, columns):
                a[i][j] = a[i][j] - a[i][k] * a[k][j]


def substitute(a, b, unit: bool = False) -> None:
    for column in range(len(b[0])):
        for i in range(len(a)):
            for k in range(i):
                b[i][column] = b[i][column] - a[i][k] * b[k][column]
            if not unit:
                b[i][column] = b[i][column] / a[i][i]


def eliminate(a, b, c, rhs) -> None:
    """Thomas: sub-diagonal a, diagonal b, super-diagonal c."""
    n = len(b)
    super_, pivots = [], []
    for i in range(n):
        pivots.append(b[i] if i == 0 else b[i] - a[i] * super_[i - 1])
        if i < n - 1:
            super_.append(c[i] / pivots[i])
    for column in rhs:
        x = []
        for i in range(n):
            above = column[i] if i == 0 else column[i] - a[i] * x[i - 1]
            x.append(above / pivots[i])
        for i in reversed(range(n - 1)):
            x[i] = x[i] - super_[i] * x[i + 1]


def rotate(r, x) -> None:
    """Cholesky update by Givens rotations of the rows of R and the vector."""
    n = len(x)
    for k in range(n):
        length = (r[k][k] * r[k][k] + x[k] * x[k]).sqrt()
        c, s = r[k][k] / length, x[k] / length
        for j in range(k + 1, n):
            r[k][j], x[j] = c * r[k][j] + s * x[j], c * x[j] - s * r[k][j]


@pytest.mark.parametrize("n", SIZES)
def test_cholesky(n) -> None:
    assert lapack.potrf(n) == tallied(cholesky, matrix(n, n))
    got = factor_alone(f"f32[3,{n},{n}]")
    assert got.other_flops == 3 * lapack.potrf(n).operations()
    complex_ = factor_alone(f"c64[{n},{n}]")
    assert complex_.other_flops == lapack.potrf(n).operations(is_complex=True)


def factor_alone(spec: str) -> jf.Cost:
    """`cholesky` without the zeroing of the upper triangle that JAX puts behind it."""
    f = lambda a: lax.linalg.cholesky(a, symmetrize_input=False)
    return jf.analyze(f)(*jf.specs(spec)).by("primitive")["cholesky"]


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("m", SIZES)
def test_lu(m, n) -> None:
    work = tallied(lu, matrix(m, n))
    assert lapack.getrf(m, n) == work
    assert cost(lambda a: lax.linalg.lu(a)[0], f"f32[3,{m},{n}]").flops == 3 * work.operations()


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("unit", [True, False])
@pytest.mark.parametrize("n", SIZES)
def test_triangular_solve(n, unit, left) -> None:
    work = tallied(substitute, matrix(n, n), matrix(n, 4), unit)
    sides = f"f32[2,{n},4]" if left else f"f32[2,4,{n}]"
    f = lambda a, b: lax.linalg.triangular_solve(a, b, left_side=left, unit_diagonal=unit)
    assert cost(f, f"f32[2,{n},{n}]", sides).other_flops == 2 * work.operations()
    if not unit:
        assert work == lapack.trsm(n, 4)


@pytest.mark.parametrize("n", SIZES)
def test_tridiagonal_solve(n) -> None:
    off, diagonal = [Counted(1.0)] * n, [Counted(9.0)] * n
    assert thomas(n, 3) == tallied(eliminate, off, diagonal, off, matrix(3, n))
    if n > 2:  # JAX asks for at least three rows
        f = lambda d, b: lax.linalg.tridiagonal_solve(d, d, d, b)
        assert cost(f, f"f32[{n}]", f"f32[{n},3]").other_flops == 3 * n - 3 + 3 * (5 * n - 4)


@pytest.mark.parametrize("n", SIZES)
def test_cholesky_update(n) -> None:
    tally = Counted.start()
    rotate(matrix(n, n), matrix(1, n)[0])
    roots = tally.pop("sqrt")
    assert rank_one_update(n) == (sum(tally.values()), roots)
    got = cost(lax.linalg.cholesky_update, f"f32[{n},{n}]", f"f32[{n}]")
    assert (got.other_flops, got.transcendentals) == rank_one_update(n)


# LAPACK Working Note 41, appendix C, in total operations, as polynomials written out there.
PUBLISHED = {
    "potrf": (lapack.potrf, lambda n: Fraction(n**3, 3) + Fraction(n**2, 2) + Fraction(n, 6)),
    "getrf": (
        lambda n: lapack.getrf(n, n),
        lambda n: Fraction(2 * n**3, 3) - Fraction(n**2, 2) + Fraction(5 * n, 6),
    ),
    "geqrf": (
        lambda n: lapack.geqrf(n, n),
        lambda n: Fraction(4 * n**3, 3) + 2 * n**2 + Fraction(14 * n, 3),
    ),
    "orgqr": (
        lambda n: lapack.orgqr(n, n, n),
        lambda n: Fraction(4 * n**3, 3) + n**2 - Fraction(4 * n, 3) + 0,
    ),
    "gehrd": (
        lapack.gehrd,
        lambda n: Fraction(10 * n**3, 3) - Fraction(n**2, 2) - Fraction(11 * n, 6) - 21,
    ),
    "sytrd": (
        lapack.sytrd,
        lambda n: Fraction(4 * n**3, 3) + Fraction(7 * n**2, 2) - Fraction(17 * n, 6) - 19,
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_totals_of_square_matrices(name) -> None:
    routine, total = PUBLISHED[name]
    for n in (4, 10, 100):
        assert routine(n).operations() == total(n)


@pytest.mark.parametrize("routine", [lapack.gehrd, lapack.sytrd])
def test_published_constants_do_not_go_below_zero(routine) -> None:
    for n in (1, 2):
        assert routine(n).multiplications >= 0
        assert routine(n).additions >= 0


@pytest.mark.parametrize(
    ("mode", "calls"), [("reduced", ["geqrf", "orgqr"]), ("r", ["geqrf"]), ("raw", ["geqrf"])]
)
def test_qr_without_q_does_not_form_it(mode, calls) -> None:
    """The calls that XLA compiles say which routines run; Q counts only where it is read."""
    f = lambda a: jnp.linalg.qr(a, mode=mode)
    compiled = jax.jit(f).lower(jf.spec("f32[6,4]")).compile().as_text()
    assert re.findall(r'custom_call_target="lapack_s(\w+?)_ffi"', compiled) == calls
    work = {"geqrf": lapack.geqrf(6, 4), "orgqr": lapack.orgqr(6, 4, 4)}
    assert cost(f, "f32[6,4]").other_flops == sum(work[call].operations() for call in calls)
    twice = lambda a: (jnp.linalg.qr(a), f(a + 1))  # each for itself
    both = cost(twice, "f32[6,4]").other_flops
    assert (
        both == cost(jnp.linalg.qr, "f32[6,4]").other_flops + cost(f, "f32[6,4]").other_flops + 24
    )


@pytest.mark.slow
def test_a_ledger_of_r_alone_balances() -> None:
    f = lambda a: (jnp.linalg.qr(a), jnp.linalg.qr(a + 1, mode="r"))
    assert jf.compare(f)(jf.spec("f32[6,4]")).ok


@pytest.mark.parametrize(("m", "n"), [(5, 3), (3, 5), (4, 4)])
def test_qr_factorises_then_forms_q(m, n) -> None:
    k = min(m, n)
    thin = lapack.geqrf(m, n) + lapack.orgqr(m, k, k)
    full = lapack.geqrf(m, n) + lapack.orgqr(m, m, k)
    for full_matrices, work in [(False, thin), (True, full)]:
        f = lambda a, full=full_matrices: lax.linalg.qr(a, full_matrices=full)
        assert cost(f, f"f32[2,{m},{n}]").other_flops == 2 * work.operations()
        complex_ = cost(f, f"c64[2,{m},{n}]").other_flops
        assert complex_ == 2 * (6 * work.multiplications + 2 * work.additions)


def test_householder_products_and_reductions_are_lapacks() -> None:
    f = lax.linalg.householder_product
    assert cost(f, "f32[6,4]", "f32[4]").other_flops == lapack.orgqr(6, 4, 4).operations()
    got = cost(lax.linalg.hessenberg, "f32[2,6,6]")
    assert got.other_flops == 2 * lapack.gehrd(6).operations()
    got = cost(lax.linalg.tridiagonal, "f32[2,6,6]")
    assert got.other_flops == 2 * lapack.sytrd(6).operations()


def test_multiplying_by_all_of_q_costs_what_forming_it_does_to_leading_order() -> None:
    """ORMQR of k = m reflections to n columns: 2nmk - nk² = n·m² of each kind, to leading order."""
    work = lapack.ormqr(100, 30, 100, left=True)
    assert work.additions == 30 * 100**2 + 30 * 100
    assert work.multiplications == 30 * 100**2 + 2 * 30 * 100
    right = lapack.ormqr(30, 100, 100, left=False)
    assert right.additions == 30 * 100**2 + 30 * 100


ITERATIVE = {
    "eigh": (lax.linalg.eigh, 9 * 8**3),
    "eig": (lax.linalg.eig, (25 + 2) * 8**3),
    "eigenvalues": (
        lambda a: lax.linalg.eig(
            a, compute_left_eigenvectors=False, compute_right_eigenvectors=False
        ),
        10 * 8**3,
    ),
    "schur": (lax.linalg.schur, 25 * 8**3),
    "svd": (lambda a: lax.linalg.svd(a, full_matrices=False), (14 + 8) * 8**3),
    "singular values": (
        lambda a: lax.linalg.svd(a, compute_uv=False),
        4 * 8**3 - 4 * 8**3 // 3,
    ),
}


@pytest.mark.parametrize("name", ITERATIVE)
def test_iterative_decompositions_are_leading_terms_and_say_so(name) -> None:
    f, total = ITERATIVE[name]
    analysis = jf.analyze(f)(jnp.zeros((3, 8, 8)))
    primitive = {"eigenvalues": "eig", "singular values": "svd"}.get(name, name)
    assert analysis.by("primitive")[primitive].other_flops == 3 * total
    assert any(iterative.NOTE in caveat for caveat in analysis.caveats)
    complex_ = jf.analyze(f)(jnp.zeros((3, 8, 8), complex))
    assert complex_.by("primitive")[primitive].other_flops == 4 * 3 * total


def test_the_full_svd_pays_for_the_whole_of_u() -> None:
    thin = iterative.singular_values(100, 10, "thin")
    assert thin == 14 * 100 * 10**2 + 8 * 10**3
    assert iterative.singular_values(10, 100, "full") == (
        4 * 100**2 * 10 + 8 * 100 * 10**2 + 9 * 10**3
    )


def test_symbolic_sizes_stay_polynomials() -> None:
    got = factor_alone("f32[B,N,N]").other_flops
    assert str(got) == "1/3·B·N³ + 1/2·B·N² + 1/6·B·N"
    assert got.at(B=2, N=5) == 2 * lapack.potrf(5).operations()
    n = symbol("N")
    assert lapack.getrf(n, n).operations().at(N=7) == lapack.getrf(7, 7).operations()
    assert lapack.gehrd(n).operations().at(N=7) == lapack.gehrd(7).operations()


def test_a_shape_that_may_be_tall_or_wide_is_a_minimum() -> None:
    symbolic = lapack.geqrf(symbol("M"), symbol("N"))
    for m, n in ((20, 10), (10, 20), (7, 7), (1, 3)):
        parts = (symbolic.multiplications, symbolic.additions)
        assert tuple(part.at(M=m, N=n) for part in parts) == laws_of_geqrf(m, n)
    both = jf.analyze(jnp.linalg.qr)(*jf.specs("f32[M,N]"))
    assert not both.unknown
    assert both.at(M=20, N=10).flops == jf.analyze(jnp.linalg.qr)(jf.spec("f32[20,10]")).flops


def laws_of_geqrf(m: int, n: int) -> tuple[Fraction, Fraction]:
    """Multiplications and additions as LAWN 41 has them, a formula for each case."""
    half, third, lower = Fraction(1, 2), Fraction(1, 3), (Fraction(23, 6), Fraction(5, 6))
    if m >= n:
        return (
            n * (n * (half - third * n + m) + m) + lower[0] * n,
            n * (n * (half - third * n + m)) + lower[1] * n,
        )
    return (
        m * (m * (-half - third * m + n) + 2 * n) + lower[0] * m,
        m * (m * (-half - third * m + n) + n) + lower[1] * m,
    )
