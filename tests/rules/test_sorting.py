"""Sorts and selections against every order of a small input."""

import bisect
import itertools
from functools import cmp_to_key

import jax.numpy as jnp
import pytest
from jax import lax
from rule_oracles import cost

import jaxflops as jf
from jaxflops.formulas.sorting import ceil_log2, selection_comparisons, sort_comparisons
from jaxflops.polynomial import from_json, to_json


def worst_selection(n: int, k: int) -> int:
    """The most comparisons, over all orders, of inserting by bisection into the k best so far."""
    worst = 0
    for order in itertools.permutations(range(n)):
        comparisons = 0

        def compare(a, b):
            nonlocal comparisons
            comparisons += 1
            return a - b

        best = []
        for value in order:
            bisect.insort(best, value, key=cmp_to_key(compare))
            del best[k:]
        worst = max(worst, comparisons)
    return worst


def worst_merge_sort(n: int) -> int:
    """The most comparisons of merge sort: halves sorted, then merged with n - 1 comparisons."""
    return 0 if n < 2 else worst_merge_sort(n // 2) + worst_merge_sort(n - n // 2) + n - 1


@pytest.mark.parametrize("n", range(65))
def test_sorting_is_merge_sorts_worst_case(n) -> None:
    assert sort_comparisons(n) == worst_merge_sort(n)


# bisect.insort compares the inserted value's key as well: its own key call makes no comparison.
@pytest.mark.parametrize(("n", "k"), [(n, k) for n in range(1, 7) for k in range(1, n + 1)])
def test_selection_is_bisections_worst_case(n, k) -> None:
    assert selection_comparisons(n, k) == worst_selection(n, k)


def test_logarithms_round_up() -> None:
    assert [ceil_log2(n) for n in range(1, 10)] == [0, 1, 2, 2, 3, 3, 3, 3, 4]


def test_sort_works_along_its_axis() -> None:
    along = lambda axis: cost(lambda x: lax.sort(x, dimension=axis), "f32[16,100]").other_flops
    assert along(0) == 100 * sort_comparisons(16)
    assert along(1) == 16 * sort_comparisons(100)


def test_sort_compares_every_key() -> None:
    f = lambda x, i, v: lax.sort((x, i, v), num_keys=2)
    got = cost(f, "f32[4,16]", "i32[4,16]", "f32[4,16]")
    assert got.other_flops == got.int_ops == 4 * sort_comparisons(16)


def test_top_k_selects_along_its_axis() -> None:
    got = cost(lambda x: lax.top_k(x, 1), "f32[4,100]")
    assert got.other_flops == 4 * 99
    got = cost(lambda x: lax.top_k(x, 5), "i32[4,100]")
    assert (got.other_flops, got.int_ops) == (0, 4 * selection_comparisons(100, 5))


def test_approximate_top_k_is_counted_as_exact_and_says_so() -> None:
    analysis = jf.analyze(lambda x: lax.approx_max_k(x, 5))(jnp.zeros((4, 100)))
    assert analysis.total.other_flops == 4 * selection_comparisons(100, 5)
    assert "approx_top_k: counted as an exact top_k" in analysis.caveats


def test_a_symbolic_line_is_an_exact_function_of_its_length() -> None:
    found = cost(lambda x: lax.sort(x, dimension=1), "f32[B,N]").other_flops
    assert str(found) == "B·N·ceil_log2(N) - B·(2^ceil_log2(N)) + B"
    assert found.symbols == {"B", "N"}
    for n in range(1, 40):
        expected = 3 * worst_merge_sort(n)
        assert found.at(B=3, N=n) == expected
        assert eval(found.to_python(), {"B": 3, "N": n}) == expected
    again = from_json(to_json(found))
    assert again == found
    assert again.at(B=1, N=5) == worst_merge_sort(5)
