"""Timing of real, tiny programs by a clock that ticks once a reading: nothing depends on speed."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxflops.errors import JaxflopsError, TraceError
from jaxflops.machine.inputs import Inputs
from jaxflops.machine.sampling import Plan
from jaxflops.machine.timing import time_call

X = jax.ShapeDtypeStruct((4,), jnp.float32)
FEW = Plan(samples=3, inner=1, warm_up_seconds=99)


def ticking():
    """Every reading is one second after the one before."""
    return itertools.count().__next__


def timed(target, *args, plan=FEW, **options):
    return time_call(target, args, plan=plan, clock=ticking(), **options)


def double(x):
    return x * 2


def test_every_stage_is_timed_apart():
    timing = timed(double, X)
    assert timing.stage_seconds == {"trace": 1, "lower": 1, "compile": 1}
    assert timing.samples == (1.0, 1.0, 1.0)
    assert timing.median == 1
    assert timing.name == "double"
    assert (timing.platform, timing.devices) == (jax.devices()[0].platform, 1)


def test_what_is_compiled_already_is_only_run():
    jitted = jax.jit(double)
    stages = [jitted, jitted.trace(X), jitted.lower(X), jitted.lower(X).compile()]
    ran = [tuple(timed(stage, X).stage_seconds) for stage in stages]
    assert ran == [("trace", "lower", "compile"), ("lower", "compile"), ("compile",), ()]
    assert timed(stages[3]).samples == (1.0,) * 3  # its own shapes, no arguments given
    assert any("remembered its trace" in note for note in timed(jitted, X).notes)


def test_a_plain_function_is_traced_anew_each_time():
    traces = []

    def spied(x):
        traces.append(1)
        return x + 1

    timed(spied, X)
    timed(spied, X)
    assert len(traces) == 2


def test_results_are_waited_for(monkeypatch):
    waited = []
    real = jax.block_until_ready
    monkeypatch.setattr(jax, "block_until_ready", lambda tree: waited.append(tree) or real(tree))
    timing = timed(lambda x: {"a": x + 1, "b": (x * 2, x * 3)}, X)
    assert len(waited) == len(timing.warm_up) + 3
    assert all(len(jax.tree.leaves(tree)) == 3 for tree in waited)


def test_static_arguments_are_left_out():
    jitted = jax.jit(lambda x, n, *, mode: x * n if mode == "up" else x, static_argnums=1,
                     static_argnames="mode")  # fmt: skip
    timing = time_call(jitted, (X, 2), {"mode": "up"}, plan=FEW, clock=ticking())
    assert not timing.failure
    assert not timed(lambda x, n: x[:n], X, 2, static_argnums=1).failure


def test_static_arguments_that_cannot_be_told_are_asked_for():
    jitted = jax.jit(lambda x, n, y: x * n + y, static_argnums=1)
    with pytest.raises(JaxflopsError, match=r"takes 2 arguments that are not static.*pass static_"):
        timed(jitted, X, 2, 3.0)


def test_abstract_arguments_are_drawn_and_said():
    timing = timed(lambda x, i: x[i], X, jax.ShapeDtypeStruct((3,), jnp.int32))
    assert (
        "random arguments, seed 0: 1 float from a normal distribution; 1 integer uniform in "
        "[0, 128) as far as the dtype reaches" in timing.notes
    )
    assert not any("random" in note for note in timed(double, jnp.ones(4)).notes)


def adds(state, x):
    return jax.tree.map(lambda leaf: leaf + x, state), x.sum()


def test_donated_arguments_are_copied_and_survive():
    state = {"w": jnp.arange(4.0)}
    timing = timed(jax.jit(adds, donate_argnums=0), state, jnp.ones(4), plan=Plan(samples=3))
    assert timing.inner == 1
    assert "donated arguments were copied before each call" in timing.notes[0]
    np.testing.assert_array_equal(state["w"], np.arange(4.0))


def test_feed_chains_the_results():
    seen = []

    def feed(outputs, args):
        seen.append(float(outputs[0]["w"][0]))
        return outputs[0], args[1]

    state = {"w": jnp.zeros(4)}
    timing = timed(jax.jit(adds, donate_argnums=0), state, jnp.ones(4), feed=feed,
                   plan=Plan(samples=2, inner=3))  # fmt: skip
    assert timing.inner == 3
    assert seen == [float(i + 1) for i in range(len(timing.warm_up) + 2 * 3)]
    assert "fed" in timing.notes[0]


@pytest.mark.parametrize(
    ("feed", "got"), [(lambda o, a: o[0], "dict"), (lambda o, a: (o[0],), "a tuple of 1")]
)
def test_a_wrong_feed_is_told(feed, got):
    timing = timed(adds, {"w": X}, X, feed=feed)
    assert timing.failure == (
        f"adds: failed before its first call: feed(outputs, args) returned {got}; return a tuple "
        "of the next 2 arguments, such as feed=lambda outputs, args: (outputs[0], *args[1:])"
    )


class Fuse:
    """Runs `calls` times, then raises."""

    def __init__(self, calls, error):
        self.left, self.error = calls, error

    def __call__(self, outputs, args):
        self.left -= 1
        if self.left < 0:
            raise self.error
        return args


def test_a_failure_keeps_the_samples_and_is_raised_on_demand():
    timing = timed(double, X, feed=Fuse(8, RuntimeError("INTERNAL: it broke\nin the middle")))
    assert (len(timing.warm_up), len(timing.samples)) == (6, 2)
    assert timing.failure == (
        "double: failed after 6 warm-up calls and 2 samples (median 1 s): "
        "RuntimeError: INTERNAL: it broke ... in the middle"
    )
    assert timing.warnings[0] == timing.failure
    with pytest.raises(JaxflopsError, match="it broke") as raised:
        timing.check()
    assert isinstance(raised.value.__cause__, RuntimeError)


def test_out_of_memory_says_what_to_do():
    timing = timed(double, X, feed=Fuse(0, RuntimeError("RESOURCE_EXHAUSTED: Out of memory.")))
    assert timing.failure == (
        "double: failed before its first call: RuntimeError: RESOURCE_EXHAUSTED: Out of memory. "
        "Out of memory: the program plans 32 bytes a device; make it smaller"
    )
    with pytest.raises(JaxflopsError, match="RESOURCE_EXHAUSTED"):
        _ = timing.median


def test_out_of_memory_of_donated_copies_points_to_feed(monkeypatch):
    def full(array):
        raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    monkeypatch.setattr(jnp, "copy", full)
    timing = timed(jax.jit(adds, donate_argnums=0), {"w": X}, X)
    assert "pass feed= so that donated state is not copied" in timing.failure


def test_arguments_that_do_not_fit_are_a_failure_too(monkeypatch):
    def full(leaf, sharding):
        raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    monkeypatch.setattr(jax, "device_put", full)
    assert "double: failed before its first call" in timed(double, X).failure


def test_what_does_not_trace_or_compile_is_raised_at_once():
    with pytest.raises(TraceError, match="double: trace failed: TypeError"):
        timed(double, "text")
    with pytest.raises(JaxflopsError, match="got int; pass a function"):
        timed(3)


def test_a_cold_warm_up_is_a_warning():
    assert timed(double, X, plan=Plan(samples=8, inner=1, warm_up_seconds=1)).warnings == (
        "the warm-up ended before the time was stable (calls: 1)",
    )
    assert timed(double, X, plan=Plan(samples=8, inner=1, warm_up_seconds=99)).warnings == ()


def test_planned_memory_is_the_compilers():
    timing = timed(lambda x: x @ x, jax.ShapeDtypeStruct((8, 8), jnp.float32))
    assert timing.memory.planned >= 2 * 8 * 8 * 4


def test_donated_memory_is_planned_once():
    state = jax.ShapeDtypeStruct((256,), jnp.float32)
    kept, donated = (
        timed(jax.jit(lambda x: x + 1, donate_argnums=nums), state) for nums in ((), (0,))
    )
    assert kept.memory.planned - donated.memory.planned == 256 * 4


def test_inputs_are_the_same_for_the_same_seed_and_of_every_kind():
    key = jax.eval_shape(lambda: jax.random.key(0, impl="rbg")).dtype
    dtypes = [jnp.float32, jnp.bfloat16, jnp.float8_e4m3fn, jnp.int8, jnp.uint4, jnp.bool_]
    dtypes += [jnp.complex64, key]
    leaves = [jax.ShapeDtypeStruct((6,), dtype) for dtype in dtypes]
    one, two = (Inputs(seed=3).concrete(leaves, [None] * len(leaves)) for _ in range(2))
    for leaf, again, dtype in zip(one, two, dtypes, strict=True):
        assert leaf.dtype == dtype
        bits = [jax.random.key_data(v) if dtype is key else v for v in (leaf, again)]
        np.testing.assert_array_equal(*(np.asarray(v).astype(complex) for v in bits))
        assert len(np.unique(np.asarray(bits[0]).astype(complex))) > 1  # random, not zero
    other = Inputs(seed=4).concrete(leaves[:1], [None])
    assert not np.array_equal(one[0], other[0])


def test_integers_stay_in_their_range():
    leaf = jax.ShapeDtypeStruct((1000,), jnp.int8)
    (drawn,) = Inputs(integers=(-3, 1000)).concrete([leaf], [None])
    assert (int(drawn.min()), int(drawn.max())) == (-3, 127)


def test_large_arrays_repeat_a_random_block(monkeypatch):
    monkeypatch.setattr("jaxflops.machine.inputs._BLOCK", 8)
    (drawn,) = Inputs().concrete([jax.ShapeDtypeStruct((4, 4), jnp.float32)], [None])
    np.testing.assert_array_equal(drawn[:2], drawn[2:])
    assert len(np.unique(drawn)) == 8


def test_given_arrays_and_numbers_are_kept():
    array = np.arange(3.0, dtype=np.float32)
    kept = Inputs().concrete([array, 2.0, 3], [None, None, None])
    np.testing.assert_array_equal(kept[0], array)
    assert isinstance(kept[0], jax.Array)
    assert kept[1:] == [2.0, 3]
