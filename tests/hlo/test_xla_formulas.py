"""The projection onto XLA's formulas against XLA's own cost analysis, equal to the last FLOP."""

import jax
import jax.numpy as jnp
import pytest
from hlo_programs import PROGRAMS, lowered
from jax import lax

import jaxflops as jf
from jaxflops.hlo.module import read_module
from jaxflops.hlo.xla_formulas import xla_counts
from jaxflops.models import suite

SUITE = {name: (loss, args) for name, loss, args in suite("small")}


def assert_equal(program) -> None:
    said = program.cost_analysis()
    counts = xla_counts(read_module(program))
    assert counts.flops == said.get("flops", 0)  # zero-valued keys are absent
    assert counts.transcendentals == said.get("transcendentals", 0)


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str) -> None:
    assert_equal(lowered(name))


def bits(x):
    return lax.rng_bit_generator(jnp.zeros(4, jnp.uint32), (16,))


@pytest.mark.parametrize(
    "fn",
    [
        jnp.tan, lax.erf, lax.erfc, lax.lgamma, jnp.arcsinh, jnp.sinh, jnp.arctanh, jnp.cbrt,
        jnp.round, jnp.sign, lax.is_finite, jnp.cumsum, jnp.fft.fft, jnp.sort, jnp.argmax, bits,
        lambda x: jax.random.normal(jax.random.key(0), (7,)),
        lambda x: lax.associative_scan(jnp.add, x),
        lambda x: lax.complex(x, x).real,
        lambda x: lax.top_k(x, 3),
        lambda x: lax.cond(x[0] > 0, lambda x: jnp.sin(x) + 1, lambda x: x + 1 + x, x),
        lambda x: lax.ragged_dot(x.reshape(8, 4), jnp.ones((2, 4, 6)), jnp.array([3, 5])),
        lambda x: jnp.linalg.inv(x[:25].reshape(5, 5)),
    ],
)  # fmt: skip
def test_operations(fn) -> None:
    assert_equal(jax.jit(fn).lower(*jf.specs("f32[32]")))


@pytest.mark.parametrize("n", [1, 2, 4])
@pytest.mark.parametrize("others", [(), (5,), (2, 3)])
@pytest.mark.parametrize(("narrower", "stride"), [(0, 1), (1, 1), (0, 2)])
def test_windows_that_meet_a_whole_axis(n: int, others, narrower: int, stride: int) -> None:
    """XLA takes 2n - 1 over n, padded by n - 1, for a reduction; anything else it does not."""
    window, strides = (*(1 for _ in others), 2 * n - 1), (*(1 for _ in others), stride)
    pads = (*((0, 0) for _ in others), (n - 1, n - 1 - min(narrower, n - 1)))
    f = lambda x: lax.reduce_window(x, 0.0, lax.add, window, strides, pads)
    assert_equal(jax.jit(f).lower(jax.ShapeDtypeStruct((*others, n), jnp.float32)))


def test_dilations_hide_that_a_window_misses_elements() -> None:
    f = lambda x: lax.reduce_window(
        x, 0.0, lax.add, (3,), (1,), ((1, 1),), base_dilation=(3,), window_dilation=(2,)
    )
    assert_equal(jax.jit(f).lower(*jf.specs("f32[2]")))


@pytest.mark.parametrize(
    "name", ["resnet-remat", "transformer-scan-remat", "moe-scan", "lstm-unrolled"]
)
def test_gradients_of_models(name: str) -> None:
    loss, args = SUITE[name]
    assert_equal(jax.jit(jax.grad(loss, argnums=loss.argnums)).lower(*args))


def test_a_custom_call_is_minus_one() -> None:
    low = jax.jit(jnp.linalg.svd).lower(*jf.specs("f32[4,4]"))
    assert_equal(low)
    assert "custom-call" in {i.opcode for c in read_module(low).computations.values() for i in c}


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_running_sum_as_a_gpu_has_it(axis):
    """JAX 0.11 lowers it to a `scan`, of which XLA counts slices squared, whatever their number."""
    running = jax.jit(lambda x: jnp.cumsum(x, axis)).trace(jf.spec("f32[3,5,7]"))
    assert_equal(running.lower(lowering_platforms=("cuda",)))
