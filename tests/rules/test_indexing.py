"""Indexing: arithmetic by combining, bytes by what is touched, each against a loop."""

import itertools

import jax
import jax.numpy as jnp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax
from rule_oracles import abstract, arithmetic, cost, lowered

import jaxflops as jf

F32, I32 = 4, 4
MODES = ["promise_in_bounds", "clip", "fill"]


def only(fn, *args, primitive):
    """The cost of the one equation of a kind in `fn`; lookups wrap negative indices beside it."""
    analysis = jf.analyze(fn)(*args)
    return analysis.by("primitive")[primitive]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=3),
    st.lists(st.integers(1, 4), min_size=1, max_size=2),
    st.sampled_from(MODES),
)
def test_gather_touches_what_it_returns(shape, indices, mode) -> None:
    """Rows x[i] for each i of an index array."""
    touched = sum(1 for _ in itertools.product(*map(range, (*indices, *shape[1:]))))
    looked_up = sum(1 for _ in itertools.product(*map(range, indices)))
    args = abstract(shape), abstract(indices, "int32")
    got = only(lambda x, i: x.at[i].get(mode=mode), *args, primitive="gather")
    assert got.bytes_read == touched * F32 + looked_up * I32
    assert got.bytes_written == touched * F32
    assert arithmetic(got) == (0, 0)


def test_an_embedding_lookup_does_not_read_the_table() -> None:
    got = cost(lambda table, i: table.at[i].get(mode="clip"), "f32[50000,64]", "i32[8]")
    assert got.bytes < 3 * 8 * 64 * F32


UPDATES = {"add": 1, "multiply": 1, "min": 1, "max": 1, "subtract": 1, "set": 0}


@pytest.mark.parametrize("mode", ["promise_in_bounds", "clip", "drop"])
@pytest.mark.parametrize("update", UPDATES)
def test_scatter_combines_each_update_once(update, mode) -> None:
    combine = {"add": 0, "multiply": 0, "min": 0, "max": 0, "subtract": 0, "set": 0}
    for _ in itertools.product(range(3), range(6)):  # an element of the updates after the other
        combine[update] += update != "set"
    f = lambda x, i, u: getattr(x.at[i], update)(u, mode=mode)
    args = jnp.zeros((4, 6)), jnp.zeros(3, jnp.int32), jnp.zeros((3, 6))
    costs = jf.analyze(f)(*args).by("primitive")
    (got,) = (value for name, value in costs.items() if str(name).startswith("scatter"))
    assert got.other_flops == combine[update]
    updates, indices = 18 * F32, 3 * I32
    old = 0 if update == "set" else updates
    assert (got.bytes_read, got.bytes_written) == (updates + indices + old, updates)


def test_scatter_add_equals_the_lowered_module() -> None:
    def f(x, i, u):
        return x.at[i].add(u, mode="promise_in_bounds", wrap_negative_indices=False)

    specs = ("f32[4,6]", "i32[3]", "f32[3,6]")
    assert arithmetic(cost(f, *specs)) == lowered(f, *specs) == (18, 0)


def test_scatter_of_integers_and_complex_numbers() -> None:
    f = lambda x, i, u: x.at[i].add(u)
    g = lambda x, i, u: x.at[i].multiply(u)
    integers = [jnp.zeros(n, jnp.int32) for n in (4, 3, 3)]
    assert only(f, *integers, primitive="scatter-add").int_ops == 3
    x, i, u = jnp.zeros(4, complex), jnp.zeros(3, jnp.int32), jnp.zeros(3, complex)
    assert only(f, x, i, u, primitive="scatter-add").other_flops == 2 * 3
    assert only(g, x, i, u, primitive="scatter-mul").other_flops == 6 * 3


def test_scatter_of_a_function_costs_the_function() -> None:
    f = lambda x, i: x.at[i].apply(jnp.sin)
    got = only(f, jnp.zeros((4, 6)), jnp.zeros(3, jnp.int32), primitive="scatter")
    assert got.transcendentals == 3 * 6


def test_slices_read_and_write_the_slice() -> None:
    part = 2 * 3 * F32
    got = cost(lambda x: lax.slice(x, (0, 1), (2, 4)), "f32[100,100]")
    assert (got.bytes_read, got.bytes_written) == (part, part)
    got = cost(lambda x, i: lax.dynamic_slice(x, (i, i), (2, 3)), "f32[100,100]", "i32[]")
    wrapped = jf.analyze(lambda x, i: lax.dynamic_slice(x, (i, i), (2, 3)))(
        *jf.specs("f32[100,100]", "i32[]")
    ).by("primitive")["dynamic_slice"]
    assert (wrapped.bytes_read, wrapped.bytes_written) == (part + 2 * I32, part)
    assert arithmetic(wrapped) == (0, 0)


def test_an_update_in_place_reads_and_writes_the_update() -> None:
    f = lambda cache, row: lax.dynamic_update_slice(cache, row, (0, 0))
    got = cost(f, "f32[1000,64]", "f32[1,64]")
    assert got.bytes_written == 64 * F32
    assert got.bytes_read == 64 * F32 + 2 * I32


def test_split_moves_every_part() -> None:
    got = cost(lambda x: lax.split(x, (2, 4), axis=1), "f32[4,6]")
    assert (got.bytes_read, got.bytes_written) == (24 * F32, 24 * F32)


def test_references_touch_the_indexed_part() -> None:
    def f(x, y):
        ref = jax.new_ref(x)
        ref[0] = y
        jax.ref.addupdate(ref, 1, y)
        return ref[2]

    costs = jf.analyze(f)(jnp.zeros((100, 8)), jnp.zeros(8)).by("primitive")
    row = 8 * F32
    assert (costs["swap"].bytes_read, costs["swap"].bytes_written) == (2 * row + I32, 2 * row)
    assert (costs["get"].bytes_read, costs["get"].bytes_written) == (row + I32, row)
    assert costs["addupdate"].other_flops == 8
    assert (costs["addupdate"].bytes_read, costs["addupdate"].bytes_written) == (2 * row + I32, row)
