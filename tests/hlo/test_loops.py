"""Trip counts of the loops that JAX makes, before and after optimization."""

import jax
import jax.numpy as jnp
import pytest
from hlo_programs import DUMPS, count_of, shape

from jaxflops.hlo.module import read_module
from jaxflops.hlo.walk import walk
from jaxflops.polynomial import symbol


def loops(function, *args, stage="lowered"):
    made = jax.jit(function).lower(*args)
    return count_of(read_module(made if stage == "lowered" else made.compile()))


def nested(x):
    def inner(i, x):
        return jax.lax.fori_loop(2, 17, lambda j, x: jnp.sin(x @ x) + i, x)

    return jax.lax.fori_loop(0, 5, inner, x)


def collatz(x):
    def step(c):
        return jnp.where(c[0] % 2 == 0, c[0] // 2, 3 * c[0] + 1), c[1] @ c[1]

    return jax.lax.while_loop(lambda c: c[0] != 1, step, (jnp.int32(27), x))[1]


def carried_bound(x):
    def step(c):
        return c[0] + c[2], c[1], c[2], c[3] @ c[3]

    return jax.lax.while_loop(lambda c: c[0] < c[1], step, (0, 10, 3, x))[3]


def windowed(x):
    """A condition of two parts, as batched and windowed loops have."""
    return jax.lax.while_loop(
        lambda c: (c[0] < 20) & (c[1] > 3),
        lambda c: (c[0] + 1, c[1] - 2, jnp.sin(c[2])),
        (0, 30, x),
    )[2]


@pytest.mark.parametrize("stage", ["lowered", "compiled"])
@pytest.mark.parametrize(
    ("function", "counts"),
    [(nested, [5, 15]), (collatz, [111]), (carried_bound, [4]), (windowed, [14])],
)
def test_real_loops(function, counts, stage):
    found = loops(function, shape(4, 4), stage=stage)
    assert sorted(each.count for each in found) == sorted(counts)
    assert not any(each.disputed for each in found)


@pytest.mark.parametrize("stage", ["lowered", "compiled"])
def test_gradients_of_scans_run_both_loops(stage):
    def loss(x, ws):
        return jax.lax.scan(lambda x, w: (jnp.tanh(x @ w), None), x, ws)[0].sum()

    found = loops(jax.grad(loss, (0, 1)), shape(4, 8), shape(3, 8, 8), stage=stage)
    assert [each.count for each in found] == [3, 3]


@pytest.mark.parametrize("stage", ["lowered", "compiled"])
def test_a_bound_that_is_an_argument_stays_open_and_is_named(stage):
    def count_to(x, n):
        return jax.lax.fori_loop(0, n, lambda i, x: jnp.sin(x), x)

    (found,) = loops(count_to, shape(4), shape(dtype=jnp.int32), stage=stage)
    assert (found.count, found.provenance) == (None, "open")
    assert found.reason == "the condition depends on the argument 'n'"


def test_a_condition_on_computed_values_stays_open_and_says_on_what():
    def halve(x):
        return jax.lax.while_loop(lambda x: (x**2).sum() > 1, lambda x: x / 2, x)

    (found,) = loops(halve, shape(4))
    assert found.count is None
    assert found.reason.startswith("the condition depends on reduce 'reduce_sum")


def test_a_triangular_loop_stays_open_and_names_the_loop_around_it():
    def triangle(x):
        return jax.lax.fori_loop(
            0, 5, lambda i, x: jax.lax.fori_loop(0, i, lambda j, x: jnp.sin(x), x), x
        )

    found = loops(triangle, shape(4))
    assert sorted(each.provenance for each in found) == ["induction", "open"]
    assert any("the state of the enclosing loop 'while" in each.reason for each in found)


@pytest.mark.parametrize(
    ("name", "counts"),
    [("tpu_step_three", [9]), ("tpu_scan_grad", [3, 3]), ("cuda_fsdp", [4, 4])],
)
def test_loops_of_other_backends(name, counts):
    assert [each.count for each in count_of(read_module(DUMPS / f"{name}.pb"))] == counts


@jax.jit
def repeated(n, x, w):
    return jax.lax.fori_loop(0, n, lambda i, h: jnp.tanh(h @ w), x)


@jax.jit
def repeated_twice(n, m, x, w):
    return repeated(n, x, w) + repeated(m, x, w) + repeated(2, x, w)


def deep(x, w):
    return repeated_twice(3, 5, x, w) + repeated_twice(7, 11, x, w)


def around(x, w):
    """In a scan, in branches, and beside them."""
    x = jax.lax.scan(lambda h, _: (repeated(4, h, w), None), x, length=3)[0]
    return jax.lax.cond(x[0, 0] > 0, lambda: repeated(6, x, w), lambda: repeated(9, x, w))


@pytest.mark.parametrize(("function", "times"), [(deep, 3 + 5 + 2 + 7 + 11 + 2), (around, 12 + 9)])
def test_a_function_that_is_lowered_once_loops_as_often_as_each_caller_says(function, times):
    lowered = jax.jit(function).lower(shape(8, 8), shape(8, 8))
    tree = walk(read_module(lowered))
    tree.check()
    assert tree.total.matmul_flops == times * 2 * 8**3


def test_a_bound_that_only_one_caller_knows_is_open_for_the_other():
    both = lambda x, w, n: repeated(jnp.int32(3), x, w) + repeated(n, x, w)
    lowered = jax.jit(both).lower(shape(8, 8), shape(8, 8), shape(dtype=jnp.int32))
    found = walk(read_module(lowered)).total.matmul_flops
    (name,) = found.symbols
    assert name.startswith("trips(test_loops.py:")
    assert found - 3 * 2 * 8**3 == 2 * 8**3 * symbol(name)


def test_branches_that_are_one_computation_do_not_say_which_operand_it_has():
    text = """HloModule branches

%body (s: (s32[], s32[])) -> (s32[], s32[]) {
  %s = (s32[], s32[]) parameter(0)
  %i = s32[] get-tuple-element(%s), index=0
  %n = s32[] get-tuple-element(%s), index=1
  %one = s32[] constant(1)
  %next = s32[] add(%i, %one)
  ROOT %r = (s32[], s32[]) tuple(%next, %n)
}

%test (s: (s32[], s32[])) -> pred[] {
  %s = (s32[], s32[]) parameter(0)
  %i = s32[] get-tuple-element(%s), index=0
  %n = s32[] get-tuple-element(%s), index=1
  ROOT %r = pred[] compare(%i, %n), direction=LT
}

%branch (n: s32[]) -> (s32[], s32[]) {
  %n = s32[] parameter(0)
  %zero = s32[] constant(0)
  %s = (s32[], s32[]) tuple(%zero, %n)
  ROOT %loop = (s32[], s32[]) while(%s), condition=%test, body=%body
}

ENTRY %main (p: pred[]) -> (s32[], s32[]) {
  %p = pred[] parameter(0)
  %three = s32[] constant(3)
  %five = s32[] constant(5)
  ROOT %r = (s32[], s32[]) conditional(%p, %three, %five), \
true_computation=%branch, false_computation=%branch
}
"""
    (found,) = count_of(read_module(text))
    assert found.count is None
