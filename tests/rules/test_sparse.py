"""Sparse work follows the stored elements, each against a loop over them."""

import itertools

import jax
import jax.numpy as jnp
import pytest
from jax.experimental import sparse

import jaxflops as jf
from jaxflops.formulas.sorting import sort_comparisons

STORED, N, COLUMNS = 4, 6, 5


def dense():
    x = jnp.zeros((N, N))
    for i, j in [(0, 1), (2, 2), (3, 0), (5, 4)]:
        x = x.at[i, j].set(1.0)
    return x


def operations(columns: int) -> int:
    """Multiply and add for each stored element and each column."""
    return sum(2 for _ in itertools.product(range(STORED), range(columns)))


KINDS = {
    "bcoo": (sparse.BCOO, "bcoo_dot_general", "bcoo_dot_general"),
    "bcsr": (sparse.BCSR, "bcsr_dot_general", "bcsr_dot_general"),
    "csr": (sparse.CSR, "csr_matvec", "csr_matmat"),
    "coo": (sparse.COO, "coo_matvec", "coo_matmat"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_products_follow_the_stored_elements(kind) -> None:
    form, by_vector, by_matrix = KINDS[kind]
    matrix = form.fromdense(dense(), nse=STORED)
    f = lambda m, v: m @ v
    vector = jf.analyze(f)(matrix, jnp.zeros(N)).by("primitive")[by_vector]
    assert (vector.other_flops, vector.matmul_flops) == (operations(1), 0)
    product = jf.analyze(f)(matrix, jnp.zeros((N, COLUMNS))).by("primitive")[by_matrix]
    assert product.other_flops == operations(COLUMNS)


def test_the_gradient_by_the_dense_operand_costs_as_much() -> None:
    matrix = sparse.BCOO.fromdense(dense(), nse=STORED)
    f = lambda v, m: (m @ v).sum()
    got = jf.analyze(f, mode="grad")(jnp.zeros((N, COLUMNS)), matrix)
    assert got.by("primitive")["bcoo_dot_general"].other_flops == operations(COLUMNS)


def test_a_product_at_stored_places_only() -> None:
    matrix = sparse.BCOO.fromdense(dense(), nse=STORED)

    def f(data):
        held = sparse.BCOO((data, matrix.indices), shape=matrix.shape)
        return (held @ jnp.ones((N, COLUMNS))).sum()

    got = jf.analyze(f, mode="grad")(matrix.data).by("primitive")
    assert got["bcoo_dot_general_sampled"].other_flops == operations(COLUMNS)


def test_sparse_times_sparse_is_a_product_a_pair() -> None:
    matrix = sparse.BCOO.fromdense(dense(), nse=STORED)
    got = jf.analyze(lambda a, b: a @ b)(matrix, matrix).by("primitive")
    assert got["bcoo_spdot_general"].other_flops == STORED * STORED


@pytest.mark.parametrize("kind", KINDS)
def test_conversions(kind) -> None:
    form = KINDS[kind][0]
    matrix = form.fromdense(dense(), nse=STORED)
    to_dense = jf.analyze(lambda m: m.todense())(matrix).by("primitive")
    assert to_dense[f"{kind}_todense"].other_flops == STORED
    from_dense = jf.analyze(lambda x: form.fromdense(x, nse=STORED).data)(dense()).by("primitive")
    assert from_dense[f"{kind}_fromdense"].other_flops == N * N


def test_sorting_indices_and_summing_duplicates() -> None:
    matrix = sparse.BCOO.fromdense(dense(), nse=STORED)
    got = jf.analyze(lambda m: m.sort_indices().data)(matrix).by("primitive")
    assert got["bcoo_sort_indices"].int_ops == 2 * sort_comparisons(STORED)
    got = jf.analyze(lambda m: m.sum_duplicates(nse=STORED).data)(matrix).by("primitive")
    assert got["bcoo_sum_duplicates"].other_flops == STORED
    moved = jf.analyze(lambda m: m.T.data)(matrix).by("primitive")["bcoo_transpose"]
    assert moved.flops == moved.int_ops == 0
    assert jax.tree.leaves(matrix)
