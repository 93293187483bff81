"""Trip counts of the jaxpr lane: inferred where integers decide, open where data does."""

import operator

import jax
import jax.numpy as jnp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

import jaxflops as jf
from jaxflops.hlo.module import read_module
from jaxflops.hlo.walk import walk as walk_hlo
from jaxflops.polynomial import symbol

PRODUCT = 2 * 3**3
X = jf.spec("f32[3,3]")
COMPARE = {
    operator.lt: lax.lt,
    operator.le: lax.le,
    operator.gt: lax.gt,
    operator.ge: lax.ge,
    operator.ne: lax.ne,
    operator.eq: lax.eq,
}
STEP = {operator.add: lax.add, operator.sub: lax.sub, operator.mul: lax.mul}


def counting(start, bound, step, compare=lax.lt, advance=lax.add, dtype=jnp.int32):
    """A product in every iteration of `while compare(i, bound): i = advance(i, step)`."""

    def fn(x):
        bounded = lambda c: compare(c[0], dtype(bound))
        carry = lambda c: (advance(c[0], dtype(step)), c[1] @ c[1])
        return lax.while_loop(bounded, carry, (dtype(start), x))[1]

    return fn


def trips(analysis, product=PRODUCT):
    return jf.ratio(analysis.matmul_flops, product)


def note(analysis):
    (found,) = (c for c in analysis.caveats if c.startswith("while at "))
    return found.split(": ", 1)[1]


@pytest.mark.parametrize(
    ("loop", "count", "reason"),
    [
        (counting(0, 10, 1), 10, "i from 0 by 1 while i < 10"),
        (counting(0, 10, 3), 4, "i from 0 by 3 while i < 10"),  # the bound is not the count
        (counting(20, -5, -3, lax.ge), 9, "i from 20 by -3 while i >= -5"),
        (counting(0, 7, 1, lax.ne), 7, "i from 0 by 1 while i != 7"),
        (counting(5, 4, 1), 0, "i from 5 by 1 while i < 4"),
        (counting(0, 10**9, 1), 10**9, "i from 0 by 1 while i < 1000000000"),
        (counting(1, 1000, 2, advance=lax.mul), 10, "its scalars, evaluated 10 times"),
        (counting(100, 0, 1, lax.gt, dtype=jnp.int8), 28, "its scalars, evaluated 28 times"),
    ],
)
def test_inferred_counts_say_from_what(loop, count, reason):
    analysis = jf.analyze(loop)(X)
    assert trips(analysis) == count
    assert note(analysis) == f"{count} trips, inferred: {reason}"


def python(start, bound, step, compare, advance):
    """The loop itself; None when it does not end within what int8 arithmetic allows."""
    i, wrap = start, lambda v: (v + 128) % 256 - 128
    for done in range(600):
        if not compare(i, bound):
            return done
        i = wrap(advance(i, step))
    return None


numbers = st.integers(-128, 127)


@given(numbers, numbers, numbers, st.sampled_from(list(COMPARE)), st.sampled_from(list(STEP)))
@settings(max_examples=60, deadline=None)
def test_counts_equal_the_loop_that_is_run(start, bound, step, compare, advance):
    loop = counting(start, bound, step, COMPARE[compare], STEP[advance], jnp.int8)
    expected = python(start, bound, step, compare, advance)
    analysis = jf.analyze(loop)(X)
    if expected is None:
        assert "it never ends" in note(analysis)
    else:
        assert trips(analysis) == expected, note(analysis)


def power(x, n):
    return lax.fori_loop(0, n, lambda i, c: c @ c, x)


def test_sizes_in_symbols_bound_loops():
    N = symbol("N")
    product = 2 * N**3
    for fn, count in [
        (lambda x: power(x, x.shape[0]), N),
        (lambda x: power(x, x.shape[0] // 2), N // 2),
        (lambda x: lax.fori_loop(2, 2 * x.shape[0], lambda i, c: c @ c, x), 2 * N - 2),
        (lambda x: power(x, jnp.minimum(x.shape[0], 5)), jf.ratio),
    ]:
        analysis = jf.analyze(fn)(jf.spec("f32[N,N]"))
        if count is not jf.ratio:
            assert analysis.matmul_flops == product * count
        for size in (1, 2, 3, 8):
            concrete = jf.analyze(fn)(jf.spec(f"f32[{size},{size}]"))
            assert analysis.at(N=size).matmul_flops == concrete.matmul_flops


def sized_loop(bound, step):
    def loop(x, sizes):
        n = bound(sizes.shape[0])
        return lax.while_loop(
            lambda s: s[0] != n, lambda s: (s[0] + n.dtype.type(step), s[1] @ s[1]), (n * 0, x)
        )[1]

    return loop


@pytest.mark.parametrize("dtype", [jnp.uint8, jnp.int8, jnp.int16])
def test_a_size_that_a_narrow_integer_may_not_hold_leaves_a_loop_open(dtype):
    """300 as a uint8 is 44."""
    loop = sized_loop(lambda size: lax.convert_element_type(size, dtype), 1)
    analysis = jf.analyze(loop)(*jf.specs("f32[3,3]", "f32[T]"))
    assert any(symbol.startswith("trips(") for symbol in analysis.symbols)
    assert any("which may not hold it" in caveat for caveat in analysis.caveats)
    known = jf.analyze(loop)(*jf.specs("f32[3,3]", "f32[300]"))
    if dtype == jnp.uint8:
        assert known.matmul_flops == 44 * PRODUCT


def test_an_open_loop_over_sizes_is_not_told_to_give_them_later():
    """Whether steps of 2 meet T is a matter of T."""
    loop = sized_loop(lambda size: jnp.int32(size), 2)
    (caveat,) = jf.analyze(loop)(*jf.specs("f32[3,3]", "f32[T]")).caveats
    assert "sizes for which no one formula holds (cannot order 2 and T for all sizes" in caveat
    assert ".at(" not in caveat
    assert jf.analyze(loop)(*jf.specs("f32[3,3]", "f32[8]")).matmul_flops == 4 * PRODUCT


def test_a_bound_flows_through_calls_and_loops():
    inner = jax.jit(power)
    outer = lambda x: lax.while_loop(
        lambda c: c[0] < 4, lambda c: (c[0] + 1, inner(c[1], 3)), (0, x)
    )
    for fn, count in [
        (lambda x: inner(x, 3) + inner(x, 5), 3 + 5),  # one jaxpr, two calls, two bounds
        (lambda x: lax.scan(lambda c, _: (inner(c, 3), None), x, length=4)[0], 4 * 3),
        (outer, 4 * 3),
        (jax.checkpoint(lambda x: inner(x, 3)), 3),
        (lambda x: lax.cond(x[0, 0] > 0, lambda x: inner(x, 3), lambda x: inner(x, 5), x), 5),
    ]:
        assert trips(jf.analyze(fn)(X)) == count


def test_vmap_and_jvp_keep_an_inferred_count():
    loop = counting(0, 10, 1)
    assert trips(jf.analyze(jax.vmap(loop))(jf.spec("f32[2,3,3]"))) == 2 * 10
    assert trips(jf.analyze(lambda x: jax.jvp(loop, (x,), (x,)))(X)) == 3 * 10


LIMIT = jnp.array([7])


def test_a_constant_of_the_closure_bounds_a_loop():
    def fn(x):
        return lax.while_loop(lambda c: c[0] < LIMIT[0], lambda c: (c[0] + 1, c[1] @ c[1]), (0, x))

    assert trips(jf.analyze(fn)(X)) == 7


@pytest.mark.parametrize(
    ("fn", "args", "reason"),
    [
        (power, (X, jf.spec("i32[]")), "the argument 'n'"),
        (
            lambda x: lax.while_loop(lambda c: jnp.sum(c) > 0, lambda c: c @ c, x),
            (X,),
            "float32[], which is not an integer",
        ),
        (counting(0.0, 5.0, 1.0, dtype=jnp.float32), (X,), "which is not an integer"),
        (counting(0, 1, 0), (X,), "it never ends"),
        (
            lambda x: lax.scan(lambda c, i: (power(c, i), None), x, jnp.arange(4))[0],
            (X,),
            "the argument 'i'",
        ),
        (  # the bound is another one in every iteration
            lambda x: lax.scan(lambda c, _: ((power(*c), c[1] + 1), None), (x, 3), length=4)[0],
            (X,),
            "the argument",
        ),
        (jax.vmap(power), (jf.spec("f32[2,3,3]"), jf.spec("i32[2]")), "which is an array"),
    ],
)
def test_data_leaves_a_loop_open_and_the_caveat_says_why(fn, args, reason):
    analysis = jf.analyze(fn)(*args)
    assert any(name.startswith("trips(") for name in analysis.symbols)
    assert reason in note(analysis)
    assert "trip_counts={'test_trip_inference.py:" in note(analysis)


def test_a_loop_too_long_to_evaluate_is_open(monkeypatch):
    monkeypatch.setattr("jaxflops.formulas.induction.MOST_ITERATIONS", 5)
    analysis = jf.analyze(counting(1, 1000, 2, advance=lax.mul))(X)
    assert "still go on after 5 iterations" in note(analysis)


def place(analysis):
    (found,) = (c for c in analysis.caveats if c.startswith("while at "))
    return found.removeprefix("while at ").split(": ")[0]


def test_open_loops_are_closed_by_scope_or_line():
    def fn(x, n):
        with jax.named_scope("solve"):
            return power(x, n)

    args = X, jf.spec("i32[]")
    line = place(jf.analyze(fn)(*args))
    for hint in (line, "solve"):
        analysis = jf.analyze(fn, trip_counts={hint: 6})(*args)
        assert trips(analysis) == 6
        assert note(analysis) == f"trip count given for {hint!r}"


def test_a_hint_may_repeat_what_is_inferred_but_not_contradict_it():
    loop = counting(0, 10, 3)
    line = place(jf.analyze(loop)(X))
    assert trips(jf.analyze(loop, trip_counts={line: 4})(X)) == 4
    with pytest.raises(jf.JaxflopsError, match="runs 4 times by its own start"):
        jf.analyze(loop, trip_counts={line: 5})(X)


def test_loops_of_both_kinds_nest():
    """Open in inferred in scanned: the counts multiply, and the open one is closed by its line."""

    def fn(x, n):
        middle = lambda c: lax.while_loop(
            lambda s: s[0] < 5, lambda s: (s[0] + 1, power(s[1], n)), (0, c)
        )
        return lax.scan(lambda c, _: (middle(c)[1], None), x, length=2)[0]

    args = X, jf.spec("i32[]")
    analysis = jf.analyze(fn)(*args)
    (open_trips,) = analysis.symbols
    assert trips(analysis) == 2 * 5 * symbol(open_trips)
    line = open_trips.removeprefix("trips(").removesuffix(")")
    assert trips(jf.analyze(fn, trip_counts={line: 7})(*args)) == 2 * 5 * 7


LOOPS = {
    "by threes": counting(0, 10, 3),
    "down": counting(20, -5, -3, lax.ge),
    "doubling": counting(1, 1000, 2, advance=lax.mul),
    "wrapping": counting(100, 0, 1, lax.gt, dtype=jnp.int8),
    "nested": lambda x: lax.while_loop(
        lambda c: c[0] < 4, lambda c: (c[0] + 1, counting(0, 10, 3)(c[1])), (0, x)
    )[1],
    "in a call": lambda x: jax.jit(power)(x, 3),
    "not once": counting(5, 4, 1),
}


@pytest.mark.parametrize("name", LOOPS)
def test_both_lanes_infer_the_same(name):
    comparison = jf.compare(LOOPS[name], compiled=False)(jnp.ones((3, 3)))
    assert comparison.counted.matmul_flops == comparison.lowered.tree.total.matmul_flops
    assert comparison.ok
    assert not comparison.counted.symbols


def test_both_lanes_leave_data_open():
    fn = lambda x: lax.while_loop(lambda c: jnp.sum(c) > 0, lambda c: c @ c, x)
    x = jnp.ones((3, 3))
    counted = jf.analyze(fn)(x)
    lowered = walk_hlo(read_module(jax.jit(fn).lower(x)))
    assert counted.symbols == lowered.total.matmul_flops.symbols != frozenset()
