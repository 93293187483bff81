"""Fused attention against the same function unfused; the fused one needs a GPU even to trace."""

import jax
import jax.numpy as jnp
import pytest

import jaxflops as jf
from jaxflops.jaxpr.op import Array, Op
from jaxflops.jaxpr.registry import COST_RULES

B, T, S, N, K, H = 2, 5, 7, 4, 2, 8


def arrays(*shapes):
    return tuple(Array(shape, "bfloat16", 2, "float") for shape in shapes)


def fused(name: str, layout: int) -> jf.Cost:
    q, k = ((B, T, N, H), (B, S, K, H)) if layout == 0 else ((B, N, T, H), (B, K, S, H))
    op = Op(name, arrays(q, k, k), arrays(q))
    return COST_RULES[name].formula(op, layout=layout, scale=0.5)


def attend(q, k, v):
    """Each query head on its group's keys, written out."""
    k, v = (jnp.repeat(x, N // K, axis=2) for x in (k, v))
    p = jax.nn.softmax(jnp.einsum("btnh,bsnh->bnts", q, k) * 0.5, axis=-1)
    return jnp.einsum("bnts,bsnh->btnh", p, v)


def unfused(mode: str) -> jf.Analysis:
    return jf.analyze(attend, mode=mode, argnums=(0, 1, 2))(
        jnp.zeros((B, T, N, H)), jnp.zeros((B, S, K, H)), jnp.zeros((B, S, K, H))
    )


@pytest.mark.parametrize("layout", [0, 1])
@pytest.mark.parametrize("suffix", ["", "_wrapper"])
def test_forward_products_are_those_of_the_unfused_program(layout, suffix) -> None:
    got = fused(f"dot_product_attention_fwd{suffix}", layout)
    plain = unfused("call").total
    assert got.matmul_flops == plain.matmul_flops == 2 * 2 * B * N * T * S * H
    assert got.transcendentals == B * N * T * S


@pytest.mark.parametrize("layout", [0, 1])
def test_backward_products_are_the_unfused_ones_and_the_scores_again(layout) -> None:
    got = fused("dot_product_attention_bwd", layout).matmul_flops
    scores = 2 * B * N * T * S * H
    assert got == unfused("vjp").backward.matmul_flops + scores == 5 * scores


def softmax_flops(scores: list[list[float]]) -> int:
    """Scale, the largest, subtract, sum, divide, element by element."""
    steps = 0
    for row in scores:
        for i, _ in enumerate(row):
            steps += 1 + (i > 0) + 1 + (i > 0) + 1
    return steps


def test_the_softmax_is_counted_beside_the_products() -> None:
    rows = [[0.0] * S] * (B * N * T)
    assert fused("dot_product_attention_fwd", 0).other_flops == softmax_flops(rows)


def test_a_mask_leaves_the_product_whole() -> None:
    causal = lambda q, k, v: jax.nn.dot_product_attention(q, k, v, is_causal=True)
    plain = jax.nn.dot_product_attention
    args = (jnp.zeros((B, T, N, H)), jnp.zeros((B, T, K, H)), jnp.zeros((B, T, K, H)))
    masked, whole = (jf.analyze(f)(*args).total for f in (causal, plain))
    assert masked.matmul_flops == whole.matmul_flops == 2 * 2 * B * N * T * T * H


@pytest.fixture
def without_gpu(monkeypatch) -> None:
    """Let JAX trace cuDNN's attention where there is neither cuDNN nor a GPU."""
    from jax._src.cudnn import fused_attention_stablehlo as fused_attention

    monkeypatch.setattr(fused_attention, "check_cudnn_version", lambda: 91500)
    monkeypatch.setattr(fused_attention, "check_compute_capability", lambda *_: True)


@pytest.mark.usefixtures("without_gpu")
def test_the_cudnn_path_costs_what_the_plain_path_costs() -> None:
    args = [jax.ShapeDtypeStruct((2, 64, 4, 64), jnp.bfloat16)] * 3
    by = lambda implementation: (
        lambda q, k, v: jax.nn.dot_product_attention(q, k, v, implementation=implementation)
    )
    cudnn, plain = (jf.analyze(by(name))(*args) for name in ("cudnn", "xla"))
    assert cudnn.matmul_flops == plain.matmul_flops
    assert not cudnn.unknown
    gradient = jf.analyze(by("cudnn"), mode="vjp", argnums=(0, 1, 2))(*args)
    assert gradient.forward.matmul_flops == plain.matmul_flops
    assert 2 * gradient.backward.matmul_flops == 5 * plain.matmul_flops
    assert not gradient.unknown


def test_8_bit_attention_is_counted_alike() -> None:
    name = "dot_product_attention_fp8_fwd"
    assert fused(name, 0) == fused("dot_product_attention_fwd", 0)
