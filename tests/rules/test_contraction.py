"""Products against a scalar loop that multiplies, and against the lowered module."""

import itertools

import jax
import jax.numpy as jnp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax
from rule_oracles import abstract, arithmetic, cost, lowered

import jaxflops as jf

SIZES = st.integers(1, 4)


def count_products(left, right, contracted, batch) -> int:
    """Walk every result and every contracted element of a dot_general; count the products."""
    free_left = [i for i in range(len(left)) if i not in (*contracted[0], *batch[0])]
    free_right = [i for i in range(len(right)) if i not in (*contracted[1], *batch[1])]
    axes = [left[i] for i in (*batch[0], *free_left, *contracted[0])]
    axes += [right[i] for i in free_right]
    return sum(1 for _ in itertools.product(*map(range, axes)))


@st.composite
def dots(draw):
    batch, contracted = draw(st.lists(SIZES, max_size=2)), draw(st.lists(SIZES, max_size=2))

    def operand():
        free = draw(st.lists(SIZES, max_size=2))
        tagged = [("b", i) for i in range(len(batch))] + [("k", i) for i in range(len(contracted))]
        order = draw(st.permutations(tagged + [("f", i) for i in range(len(free))]))
        size = {"b": batch, "k": contracted, "f": free}
        shape = tuple(size[kind][i] for kind, i in order)
        return (
            shape,
            [order.index(t) for t in tagged if t[0] == "k"],
            [order.index(t) for t in tagged if t[0] == "b"],
        )

    (left, left_k, left_b), (right, right_k, right_b) = operand(), operand()
    return left, right, ((left_k, right_k), (left_b, right_b))


@settings(max_examples=60, deadline=None)
@given(dots())
def test_dot_general_counts_each_multiply_add(dot) -> None:
    left, right, numbers = dot
    products = count_products(left, right, *numbers)
    f = lambda x, y: lax.dot_general(x, y, numbers)
    got = jf.analyze(f)(abstract(left), abstract(right)).total
    assert got.matmul_flops == 2 * products
    assert got.other_flops == got.int_ops == 0
    complex_ = jf.analyze(f)(abstract(left, "complex64"), abstract(right, "complex64")).total
    assert complex_.matmul_flops == 8 * products


@pytest.mark.parametrize(
    ("equation", "left", "right"),
    [
        ("mk,kn->mn", "f32[3,4]", "f32[4,5]"),
        ("bmk,bkn->bmn", "bf16[2,3,4]", "bf16[2,4,5]"),
        ("bhqd,bhkd->bhqk", "f32[2,3,4,5]", "f32[2,3,6,5]"),
        ("ij,ij->", "f32[6,7]", "f32[6,7]"),
        ("i,j->ij", "f32[6]", "f32[7]"),
        ("mk,kn->mn", "i8[3,4]", "i8[4,5]"),
    ],
)
def test_dot_general_equals_the_lowered_module(equation, left, right) -> None:
    f = lambda x, y: lax.dot_general(x, y, _numbers(equation))
    assert arithmetic(cost(f, left, right)) == lowered(f, left, right)


def _numbers(equation: str):
    left, right = equation.split("->", maxsplit=1)[0].split(",")
    out = equation.split("->")[1]
    shared = [c for c in left if c in right]
    batch = [c for c in shared if c in out]
    contracted = [c for c in shared if c not in out]
    place = lambda letters: ([left.index(c) for c in letters], [right.index(c) for c in letters])
    return place(contracted), place(batch)


def test_integer_products_are_contractions_told_apart_by_kind() -> None:
    f = lambda x, y: lax.dot(x, y, preferred_element_type=jnp.int32)
    analysis = jf.analyze(f)(*jf.specs("i8[3,4]", "i8[4,5]"))
    assert analysis.total.matmul_flops == 2 * 3 * 4 * 5
    (kind,) = analysis.by("kind")
    assert str(kind) == "int8×int8→int32"


def ragged_products(numbers, left, right, sizes) -> int:
    """Walk the rows (or contracted elements) group by group; count the products."""
    groups = [g for g, size in enumerate(sizes) for _ in range(size)]
    if numbers.rhs_group_dimensions:  # [m,k] @ [g,k,n]: row m meets its group's matrix
        return sum(1 for _ in groups for _ in range(left[1]) for _ in range(right[2]))
    # [m,K] @ [K,n]: each of K's groups has a product of its own
    return sum(1 for _ in groups for _ in range(left[0]) for _ in range(right[1]))


@pytest.mark.parametrize(
    ("lhs_ragged", "groups", "contracted", "left", "right"),
    [
        ([0], [0], ([1], [1]), (6, 4), (3, 4, 5)),
        ([1], [], ([1], [0]), (4, 6), (6, 5)),
    ],
)
def test_ragged_dot_counts_routed_rows_not_groups(lhs_ragged, groups, contracted, left, right):
    numbers = lax.RaggedDotDimensionNumbers(
        dot_dimension_numbers=(contracted, ([], [])),
        lhs_ragged_dimensions=lhs_ragged,
        rhs_group_dimensions=groups,
    )
    f = lambda x, y, s: lax.ragged_dot_general(x, y, s, numbers)
    got = jf.analyze(f)(jnp.zeros(left), jnp.zeros(right), jnp.array([1, 2, 3])).total
    assert got.matmul_flops == 2 * ragged_products(numbers, left, right, [1, 2, 3])


def test_scaled_dot_is_one_product() -> None:
    f = lambda a, b, s, t: lax.scaled_dot(a, b, lhs_scale=s, rhs_scale=t)
    got = jf.analyze(f)(
        jnp.zeros((8, 64), jnp.float8_e4m3fn),
        jnp.zeros((64, 16), jnp.float8_e4m3fn),
        jnp.zeros((8, 2), jnp.float8_e8m0fnu),
        jnp.zeros((2, 16), jnp.float8_e8m0fnu),
    )
    assert got.total.matmul_flops == 2 * 8 * 64 * 16


def test_scaled_matmul_is_one_product() -> None:
    got = jf.analyze(jax.nn.scaled_matmul)(
        jnp.zeros((2, 64, 96), jnp.float8_e4m3fn),
        jnp.zeros((2, 32, 96), jnp.float8_e4m3fn),
        jnp.zeros((2, 64, 3), jnp.float8_e8m0fnu),
        jnp.zeros((2, 32, 3), jnp.float8_e8m0fnu),
    )
    assert got.total.matmul_flops == 2 * 2 * 64 * 32 * 96


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.0), (2.0, 0.0), (1.0, 1.0), (2.0, 3.0)])
def test_symmetric_product_runs_whole(alpha, beta) -> None:
    f = lambda a, c: lax.linalg.symmetric_product(a, c, alpha=alpha, beta=beta)
    got = cost(f, "f32[4,6]", "f32[4,4]")
    assert got.matmul_flops == 2 * 4 * 4 * 6
    assert got.other_flops == ((alpha != 1) + 2 * (beta != 0)) * 4 * 4
