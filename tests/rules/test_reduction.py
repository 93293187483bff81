"""Reductions against the lowered module and against loops that count their steps."""

import itertools

import jax.numpy as jnp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax
from rule_oracles import abstract, arithmetic, cost, lowered

import jaxflops as jf

SHAPE = (3, 5, 4)
X = "f32[3,5,4]"


def combinations(shape, axes) -> int:
    """Reduce by a loop over all elements: the first of each result is taken, the rest combined."""
    seen, steps = set(), 0
    for index in itertools.product(*map(range, shape)):
        result = tuple(i for axis, i in enumerate(index) if axis not in axes)
        steps += result in seen
        seen.add(result)
    return steps


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 2), (0, 1, 2), ()])
@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
def test_reductions(name, axes) -> None:
    f = lambda x: getattr(jnp, name)(x, axis=axes)
    got = cost(f, X)
    assert got.other_flops == combinations(SHAPE, axes)
    assert arithmetic(got) == lowered(f, X)


def test_integer_and_boolean_reductions_are_integer_work() -> None:
    assert cost(lambda x: lax.reduce_xor(x, (0,)), "i32[6,7]").int_ops == 5 * 7
    assert cost(lambda x: x.sum(dtype=x.dtype), "i32[6,7]").int_ops == 41
    assert cost(jnp.all, "bool[6,7]").int_ops == 41
    assert cost(lambda x: lax.argmax(x, 1, jnp.int32), "i32[6,7]").int_ops == 6 * 6


def test_an_axis_of_length_one_takes_no_work() -> None:
    assert cost(lambda x: jnp.sum(x, 1), "f32[6,1]").flops == 0


def test_complex_reductions_are_counted_in_real_operations() -> None:
    assert cost(lambda x: lax.reduce_sum(x, (0,)), "c64[6,7]").other_flops == 2 * 5 * 7
    assert cost(lambda x: lax.reduce_prod(x, (0,)), "c64[6,7]").other_flops == 6 * 5 * 7


def test_argmax_compares_each_element_but_the_first() -> None:
    for f in (lax.argmax, lax.argmin):
        got = cost(lambda x, f=f: f(x, 1, jnp.int32), X)
        assert got.other_flops == combinations(SHAPE, (1,))


def test_a_reduction_by_a_function_costs_the_function() -> None:
    f = lambda x: lax.reduce(x, 0.0, lambda a, b: jnp.sin(a) * b + 1.0, (1,))
    got = cost(f, X)
    steps = combinations(SHAPE, (1,))
    assert (got.other_flops, got.transcendentals) == (2 * steps, steps)
    assert arithmetic(got) == lowered(f, X)


def test_a_reduction_through_calls_counts_what_they_hold() -> None:
    def larger_magnitude(a, b):
        return jnp.where(jnp.abs(a) > jnp.abs(b), a, b)

    got = cost(lambda x: lax.reduce(x, 0.0, larger_magnitude, (0,)), "f32[6,7]")
    assert got.other_flops == (2 + 1 + 1) * 5 * 7  # two abs, compare, select


def test_a_reduction_of_several_arrays_applies_the_function_once() -> None:
    def best(a, b):
        take = a[0] > b[0]
        return jnp.where(take, a[0], b[0]), jnp.where(take, a[1], b[1])

    f = lambda x, i: lax.reduce((x, i), (0.0, 0), best, (0,))
    got = cost(f, "f32[6,7]", "i32[6,7]")
    assert (got.other_flops, got.int_ops) == (2 * 5 * 7, 5 * 7)
    assert arithmetic(got) == lowered(f, "f32[6,7]", "i32[6,7]")


def test_a_reduction_whose_function_loops_is_unknown_not_zero() -> None:
    def slow(a, b):
        return lax.while_loop(lambda x: x < b, lambda x: x + 1.0, a)

    f = lambda x: lax.reduce(x, 0.0, slow, (0,))
    analysis = jf.analyze(f)(*jf.specs("f32[6,7]"))
    assert [entry.name for entry in analysis.unknown] == ["reduce"]
    assert any("the cost of while inside its function is not known" in c for c in analysis.caveats)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=3), st.data())
def test_running_reductions_take_a_step_an_element_but_the_first(shape, data) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    steps = sum(index[axis] > 0 for index in itertools.product(*map(range, shape)))
    for name in ("cumsum", "cumprod", "cummax", "cummin"):
        got = jf.analyze(lambda x, name=name: getattr(lax, name)(x, axis))(abstract(shape)).total
        assert got.other_flops == steps
    got = jf.analyze(lambda x: lax.cumlogsumexp(x, axis))(abstract(shape)).total
    assert (got.other_flops, got.transcendentals) == (5 * steps, 2 * steps)


def test_running_sums_of_nothing_and_of_integers() -> None:
    assert cost(lambda x: lax.cumsum(x, 0), "f32[0,3]").flops == 0
    assert cost(lambda x: lax.cumsum(x, 1), "i32[4,3]").int_ops == 8
    assert str(cost(lambda x: lax.cumsum(x, 1), "f32[B,T]").other_flops) == "B·T - B"
