"""cuDNN's LSTM against the equations written out."""

import jax
import jax.numpy as jnp
import pytest

import jaxflops as jf
from jaxflops.jaxpr.op import Array, Op
from jaxflops.jaxpr.registry import COST_RULES

B, T, IN, H = 2, 3, 5, 4


def fused(name: str, layers: int, bidirectional: bool) -> jf.Cost:
    x = Array((B, T, IN), "float32", 4, "float")
    return COST_RULES[name].formula(
        Op(name, (x,), (x,)),
        input_size=IN,
        hidden_size=H,
        num_layers=layers,
        bidirectional=bidirectional,
        dropout=0.0,
    )


def lstm(layers: int, bidirectional: bool):
    """One step of every layer and direction, by the equations; weights as zeros."""

    def cell(x, h, c):
        wx, wh = jnp.ones((x.shape[-1], 4 * H)), jnp.ones((H, 4 * H))
        gates = x @ wx + h @ wh + jnp.ones(4 * H) + jnp.ones(4 * H)
        i, f, g, o = jnp.split(gates, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return jax.nn.sigmoid(o) * jnp.tanh(c)

    def step(x):
        for _ in range(layers):
            directions = 2 if bidirectional else 1
            x = jnp.concatenate(
                [cell(x, jnp.ones((B, H)), jnp.ones((B, H))) for _ in range(directions)], axis=-1
            )
        return x

    return step


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_a_step_is_the_equations_written_out(layers, bidirectional) -> None:
    got = fused("rnn_fwd", layers, bidirectional)
    step = jf.analyze(lstm(layers, bidirectional))(jnp.zeros((B, IN))).total
    assert got.matmul_flops == T * step.matmul_flops
    assert got.other_flops == T * step.other_flops
    assert got.transcendentals == T * step.transcendentals


def test_the_gradient_has_twice_the_products() -> None:
    forward, backward = (fused(name, 2, True) for name in ("rnn_fwd", "rnn_bwd"))
    assert backward.matmul_flops == 2 * forward.matmul_flops
