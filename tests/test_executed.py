"""`jf.analyze_executed`: programs whose loops and branches only running them tells.

The oracle is the same program as a Python loop around the compiled body and condition.
"""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.experimental import io_callback
from jax.sharding import PartitionSpec as P

import jaxflops as jf
from jaxflops.cost import total
from jaxflops.jaxpr.counters import add, read
from jaxflops.tree import PHASES

VIEWS = ("primitive", "scope", "source", "dtype", "kind", "phase")
EYE = jnp.eye(4) * 0.9
PRODUCT = 2 * 4**3


def run(fn, *args, **options):
    """Outputs as those of `jit(fn)`, every view of the analysis conserved, JSON exact."""
    outputs, analysis = jf.analyze_executed(fn, **options)(*args)
    if not options:
        expected = jax.jit(fn)(*args)
        same = jax.tree.map(
            lambda a, b: bool(jnp.all(a == b)) and a.dtype == b.dtype, outputs, expected
        )
        assert jax.tree.all(same)
    analysis.tree.check()
    for view in VIEWS:
        assert total(analysis.by(view).values()) == analysis.total
    assert total(map(analysis.phase, PHASES)) == analysis.total
    again = jf.load(analysis.to_json())
    assert (again.total, again.executions) == (analysis.total, analysis.executions)
    assert analysis.interval == (analysis.flops, analysis.flops)
    assert not analysis.symbols
    return outputs, analysis


def loops(analysis):
    return [seen for seen in analysis.executions if seen.primitive == "while"]


def choices(analysis):
    return [seen for seen in analysis.executions if seen.primitive == "cond"]


def iterations(test, body, state):
    """How often a loop runs, one compiled step at a time."""
    test, body, done = jax.jit(test), jax.jit(body), 0
    while test(state):
        state, done = body(state), done + 1
    return done


# Programs that are real: each is a solver, a sampler or a decoder in its usual form.


def newton_test(c):
    return jnp.abs(c[0] ** 2 - c[1]) > 1e-4 * c[1]


def newton_body(c):
    return 0.5 * (c[0] + c[1] / c[0]), c[1]


def newton(a):
    """The square root of `a` by Newton's iteration."""
    return lax.while_loop(newton_test, newton_body, (a, a))[0]


@pytest.mark.parametrize("a", [2.0, 17.0, 1e6])
def test_newton_iteration(a):
    _, analysis = run(newton, a)
    (loop,) = loops(analysis)
    assert loop.executed_iterations == iterations(newton_test, newton_body, (a, a)) > 2
    assert loop.active is None


def rotate(y):
    return jnp.stack([y[1], -25.0 * y[0]])


def ode_body(c):
    """A Heun step; the step size follows from the difference to Euler's."""
    t, h, y, accepted = c
    slope = rotate(y)
    euler = y + h * slope
    heun = y + h / 2 * (slope + rotate(euler))
    error = jnp.max(jnp.abs(heun - euler))
    accept = error < 1e-2
    y, t, accepted = lax.cond(accept, lambda: (heun, t + h, accepted + 1), lambda: (y, t, accepted))
    return t, h * jnp.clip(0.9 * jnp.sqrt(1e-2 / (error + 1e-9)), 0.2, 5.0), y, accepted


def ode_test(c):
    return c[0] < 1.0


def solve(y):
    """An ODE with adaptive steps, rejected ones repeated smaller."""
    return lax.while_loop(ode_test, ode_body, (0.0, 0.5, y, 0))


def test_adaptive_ode_solver():
    y = jnp.array([1.0, 0.0])
    (_, _, _, accepted), analysis = run(solve, y)
    (loop,), (choice,) = loops(analysis), choices(analysis)
    assert loop.executed_iterations == iterations(ode_test, ode_body, (0.0, 0.5, y, 0))
    rejected, taken = choice.executed
    assert taken == accepted < loop.executed_iterations == rejected + taken == choice.entered


def decode(w, h, longest):
    """Greedy decoding that stops at the end token."""

    def body(c):
        step, h, _ = c
        h = jnp.tanh(h @ w)
        return step + 1, h, jnp.argmax(h)

    return lax.while_loop(lambda c: (c[0] < longest) & (c[2] != 3), body, (0, h, 0))


def test_early_exit_decoding():
    w = jax.random.normal(jax.random.key(3), (16, 16))
    hidden = jax.random.normal(jax.random.key(1), (16,))
    (steps, _, token), analysis = run(lambda w, h: decode(w, h, 50), w, hidden)
    assert 0 < steps < 50
    assert token == 3
    assert analysis.matmul_flops == int(steps) * 2 * 16 * 16
    static = jf.analyze(lambda w, h: decode(w, h, 50))(w, hidden)
    assert len(static.symbols) == 1  # the bound of 50 says nothing about this input


def sample(key):
    """A point of the unit disk, by rejection."""
    draw = lambda key: jax.random.uniform(key, (2,), minval=-1.0)

    def body(c):
        key, _, tries = c
        key, sub = jax.random.split(key)
        return key, draw(sub), tries + 1

    outside = lambda c: jnp.sum(c[1] ** 2) > 0.3
    return lax.while_loop(outside, body, (key, jnp.ones(2), 0))[1:]


def test_rejection_sampling_tells_executed_from_active():
    """The naive readings are wrong: 16 samples are not 16 loops, nor do all draw as often."""
    keys = jax.random.split(jax.random.key(0), 16)
    (_, tries), analysis = run(jax.vmap(sample), keys)
    (loop,) = loops(analysis)
    assert loop.executed_iterations == max(tries) > 4
    assert loop.active_iterations == sum(tries) < 16 * max(tries)
    assert loop.elements == 16
    assert "active in" in str(loop)
    assert str(loop) in analysis.caveats


# What is summed over what.


def power(x, n):
    return lax.fori_loop(0, n, lambda i, c: c @ c, x)


def test_nested_loops_are_summed_over_the_outer_iterations():
    """Not the last iteration's count, nor the first's times the outer count."""
    ns = jnp.array([3, 0, 1])
    fn = lambda x, ns: lax.scan(lambda c, n: (power(c, n), None), x, ns)[0]
    _, analysis = run(fn, EYE, ns)
    (loop,) = loops(analysis)
    assert (loop.entered, loop.executed) == (3, (3 + 0 + 1,))
    assert analysis.matmul_flops == 4 * PRODUCT
    triangle = lambda x, n: lax.fori_loop(0, n, lambda i, c: power(c, i), x)
    _, analysis = run(triangle, EYE, 5)
    assert analysis.matmul_flops == (0 + 1 + 2 + 3 + 4) * PRODUCT
    assert [loop.executed_iterations for loop in loops(analysis)] == [10, 5]


def test_a_loop_called_from_several_places_is_summed():
    inner = jax.jit(power)
    _, analysis = run(lambda x, n: inner(x, n) + inner(x, n + 2), EYE, 3)
    (loop,) = loops(analysis)
    assert (loop.entered, loop.executed) == (2, (3 + 5,))
    assert analysis.matmul_flops == 8 * PRODUCT
    per_call = [note for note in analysis.caveats if "observed" in note]
    assert [note.split(": ")[1] for note in per_call] == ["3 trips, observed", "5 trips, observed"]


def test_the_condition_runs_once_more_and_what_it_runs_is_counted():
    fn = lambda x: lax.while_loop(
        lambda c: power(c[1], c[0])[0, 0] > 0.3, lambda c: (c[0] + 1, c[1]), (0, x)
    )
    (count, _), analysis = run(fn, EYE)
    n = int(count)
    assert n > 1
    assert analysis.matmul_flops == sum(range(n + 1)) * PRODUCT
    assert [loop.executed_iterations for loop in loops(analysis)] == [sum(range(n + 1)), n]


def choose(x, flags):
    step = lambda c, flag: (lax.cond(flag, lambda c: c @ c, lambda c: c + 1.0, c), None)
    return jnp.sum(lax.scan(step, x, flags)[0])


@pytest.mark.parametrize("remat", [False, True])
def test_branches_of_a_gradient(remat):
    """The products of the taken branch, forward (again) and twice backward."""
    flags = jnp.array([True, False, True, True])
    fn = jax.checkpoint(choose) if remat else choose
    (value, gradient), analysis = run(fn, EYE, flags, mode="value_and_grad")
    expected = jax.jit(jax.value_and_grad(fn))(EYE, flags)
    np.testing.assert_array_equal(value, expected[0])
    np.testing.assert_array_equal(gradient, expected[1])
    assert {choice.executed for choice in choices(analysis)} == {(1, 3)}
    assert analysis.forward.matmul_flops == 3 * PRODUCT
    assert analysis.recompute.matmul_flops == remat * 3 * PRODUCT
    assert analysis.backward.matmul_flops == 2 * 3 * PRODUCT
    assert sum(row.flops for row in analysis.derivation) == analysis.matmul_flops


def test_vmap_of_a_cond_runs_both_branches():
    """It is a select by then: nothing is left to observe."""
    fn = jax.vmap(lambda flag, x: lax.cond(flag, lambda x: x @ x, lambda x: x @ (x + 1), x))
    _, analysis = run(fn, jnp.array([True, False, True]), jnp.stack([EYE] * 3))
    assert analysis.matmul_flops == 2 * 3 * PRODUCT
    assert analysis.executions == ()


def test_active_iterations_of_nested_loops_exclude_who_waits_outside():
    """Element e runs its inner loop 0 + 1 + ... + (e-1) times when it is alone."""
    fn = lambda n, x: lax.fori_loop(0, n, lambda i, c: power(c, i), x)
    counts = jnp.array([1, 4, 2])
    _, analysis = run(jax.vmap(fn, (0, None)), counts, EYE)
    inner, outer = loops(analysis)
    assert (outer.executed_iterations, outer.active_iterations) == (4, 1 + 4 + 2)
    assert (inner.executed_iterations, inner.active_iterations) == (0 + 1 + 2 + 3, 0 + 6 + 1)
    assert analysis.matmul_flops == inner.executed_iterations * 3 * PRODUCT


def test_forward_mode_through_a_loop():
    fn = lambda x, n: jax.jvp(lambda x: power(x, n), (x,), (x,))
    _, analysis = run(fn, EYE, 3)
    assert analysis.matmul_flops == 3 * 3 * PRODUCT


def test_custom_rules_are_run_through():
    @jax.custom_vjp
    def f(x, n):
        return power(x, n)

    f.defvjp(lambda x, n: (power(x, n), (x, n)), lambda kept, g: (power(g, kept[1] + 1), None))
    _, analysis = run(jax.grad(lambda x, n: jnp.sum(f(x, n))), EYE, 2)
    assert analysis.backward.matmul_flops == 3 * PRODUCT
    _, analysis = run(f, EYE, 2)
    assert analysis.matmul_flops == 2 * PRODUCT


def test_inferred_and_observed_counts_agree():
    fn = lambda x: lax.while_loop(lambda c: c[0] < 10, lambda c: (c[0] + 3, c[1] @ c[1]), (0, x))
    _, analysis = run(fn, EYE)
    assert analysis.total == jf.analyze(fn)(EYE).total


def test_counts_are_of_what_ran_even_where_the_compiler_is_wrong():
    """XLA of jaxlib 0.10.2 removes this loop on CPUs; the output shows it, so does the count."""
    fn = lambda x: lax.while_loop(lambda c: c[0] < 1, lambda c: (c[0] + 2, c[1] @ c[1]), (0, x))
    (i, _), analysis = run(fn, EYE)
    assert analysis.matmul_flops == int(i) // 2 * PRODUCT
    assert jf.analyze(fn)(EYE).matmul_flops == PRODUCT  # what is asked for


def test_effects_happen_once_and_in_order():
    seen = []

    def keep(x):
        seen.append(float(x))
        return x

    def fn(x):
        body = lambda x: 2 * io_callback(keep, jax.ShapeDtypeStruct((), x.dtype), x, ordered=True)
        return lax.while_loop(lambda x: x < 10, body, x)

    outputs, analysis = jf.analyze_executed(fn)(1.0)
    assert (float(outputs), seen) == (16.0, [1.0, 2.0, 4.0, 8.0])
    assert loops(analysis)[0].executed_iterations == 4


def test_arguments_are_not_donated():
    x = jnp.ones(3)
    jf.analyze_executed(jax.jit(lambda x: x * 2, donate_argnums=0))(x)
    assert not x.is_deleted()


def test_what_a_sharded_body_does_is_not_observed_and_stays_open():
    mesh = jax.make_mesh((1,), ("i",), axis_types=(jax.sharding.AxisType.Auto,))
    fn = lambda x: lax.while_loop(lambda x: jnp.max(x) < 10, lambda x: x * 2, x)
    spec = jax.sharding.PartitionSpec("i")
    fn = jax.shard_map(fn, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False)
    outputs, analysis = jf.analyze_executed(fn)(jnp.ones(4))
    assert outputs.tolist() == [16.0] * 4
    assert analysis.executions == ()
    assert len(analysis.symbols) == 1


def test_counters_go_past_32_bits():
    counts = {((0,), 0): jnp.array([2**32 - 1, 6], jnp.uint32)}
    total_ = add(counts, {((0,), 0): jnp.array([2, 1], jnp.uint32)})
    assert read(total_[(0,), 0]) == (6 << 32) + 2**32 - 1 + (1 << 32) + 2


def test_static_and_keyword_arguments_and_pytrees():
    fn = jax.jit(lambda x, n, *, y: {"a": x @ y * n, "b": (x,)}, static_argnums=1)
    outputs, analysis = jf.analyze_executed(fn)(EYE, 3, y=EYE)
    assert set(outputs) == {"a", "b"}
    np.testing.assert_array_equal(outputs["a"], EYE @ EYE * 3)
    assert analysis.matmul_flops == PRODUCT
    plain = lambda x, n: x if n == 1 else x @ x
    assert jf.analyze_executed(plain, static_argnums=1)(EYE, 2)[1].matmul_flops == PRODUCT


def test_it_says_how_it_was_counted():
    _, analysis = run(newton, 2.0)
    assert analysis.provenance.conventions["loops and branches"] == "as executed"
    assert "trips, observed" in str(analysis)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: jf.analyze_executed(power, EYE), "second call"),
        (
            lambda: jf.analyze_executed(power)(jf.spec("f32[4,4]"), 3),
            "runs the function, so argument [0] must be an array",
        ),
        (lambda: jax.vmap(jf.analyze_executed(newton))(jnp.ones(3)), "analyze_executed(jax.vmap"),
        (lambda: jf.analyze_executed(jax.jit(newton).trace(1.0))(1.0), "pass the function itself"),
        (lambda: jf.analyze_executed(3)(1.0), "pass the function itself"),
        (lambda: jf.analyze_executed(power, mode="vjp")(EYE, 3), "calls jax.vjp"),
        (lambda: jf.analyze_executed(newton, mode="grad")(2.0), "does not trace"),
    ],
)
def test_messages_say_what_to_write(call, message):
    with pytest.raises(jf.JaxflopsError, match=re.escape(message)):
        call()
    assert "real arrays" in repr(jf.analyze_executed(newton))


def test_a_loop_in_a_sharded_body_is_closed_by_a_hint():
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]), ("d",))

    def program(x, n):
        def body(x, n):
            return lax.fori_loop(0, n[0], lambda _, h: h @ h, x)  # not observed

        x = lax.fori_loop(0, n[0], lambda _, h: h @ h, x)  # observed
        return jax.shard_map(body, mesh=mesh, in_specs=(P(), P()), out_specs=P())(x, n)

    args = jnp.eye(2), jnp.array([3])
    line = program.__code__.co_firstlineno + 2
    _, left = jf.analyze_executed(program)(*args)
    name = f"trips(test_executed.py:{line})"
    assert set(left.symbols) == {name}
    assert [seen.executed for seen in left.executions] == [(3,)]
    _, closed = jf.analyze_executed(program, trip_counts={f"test_executed.py:{line}": 3})(*args)
    assert closed.matmul_flops == 6 * 16 == left.matmul_flops.at(**{name: 3})
