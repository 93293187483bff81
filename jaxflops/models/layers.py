"""Blocks that several models share; channels last, batch first."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import jax
import jax.numpy as jnp
from jax import Array, lax

from jaxflops.errors import JaxflopsError
from jaxflops.models._sizes import Dim, DType

Params = dict[str, Any]
Carry = TypeVar("Carry")
DTYPES = {"f32": jnp.float32, "bf16": jnp.bfloat16, "i32": jnp.int32}

# Partials, not functions: a derivation names a convolution by the line that assigns its result.
conv = functools.partial(lax.conv_general_dilated, dimension_numbers=("NHWC", "HWIO", "NHWC"))
conv1d = functools.partial(lax.conv_general_dilated, dimension_numbers=("NWC", "WIO", "NWC"))


def abstract(dtype: DType | Literal["i32"], *shape: Dim) -> jax.ShapeDtypeStruct:
    """An abstract array; sizes are ints or JAX's symbolic dimensions."""
    return jax.ShapeDtypeStruct(shape, DTYPES[dtype])  # type: ignore[no-untyped-call]


def repeat(layer: Params, count: Dim, *, stacked: bool) -> Any:
    """Parameters of `count` equal layers: one tree with a leading axis, or a list of trees."""
    if stacked:
        return jax.tree.map(lambda leaf: leaf.update(shape=(count, *leaf.shape)), layer)
    if not isinstance(count, int):
        raise JaxflopsError(f"layers={count}: unrolled layers need a number; set scan=true")
    return [layer] * count


def fold(
    step: Callable[[Carry, Params], Carry],
    carry: Carry,
    layers: Any,
    *,
    scan: bool,
    remat: bool,
) -> Carry:
    """Apply `step` layer by layer: one traced scan over stacked layers, or unrolled over a list.

    remat: keep only each layer's input, and compute the layer again in the backward pass.
    """
    if remat:
        step = jax.checkpoint(step)
    with jax.named_scope("layers"):
        if scan:
            return lax.scan(lambda c, layer: (step(c, layer), None), carry, layers)[0]
        for index, layer in enumerate(layers):
            with jax.named_scope(str(index)):
                carry = step(carry, layer)
    return carry


def add(x: Array, bias: Array | None) -> Array:
    """`x + bias`, or `x` in a layer without one."""
    return x if bias is None else x + bias


@jax.named_scope("norm")
def norm(x: Array, p: Params) -> Array:
    """Layer norm where `p` has a bias, RMS norm where it has none; over the last axis, in f32."""
    y = x.astype(jnp.float32)
    if "bias" in p:
        y = y - jnp.mean(y, axis=-1, keepdims=True)
    y = y * lax.rsqrt(jnp.mean(y * y, axis=-1, keepdims=True) + 1e-5)
    return add(y.astype(x.dtype) * p["scale"], p.get("bias"))


@jax.named_scope("batch_norm")
def batch_norm(x: Array, p: Params) -> Array:
    """Normalise each channel by the statistics of this batch, as in training."""
    axes = tuple(range(x.ndim - 1))
    centred = x - jnp.mean(x, axis=axes)
    variance = jnp.mean(centred * centred, axis=axes)
    y: Array = centred * lax.rsqrt(variance + 1e-5) * p["scale"] + p["bias"]
    return y


def rope(x: Array, theta: float) -> Array:
    """Rotary positions (arXiv:2104.09864) for `[batch, seq, heads, head]`, in two halves."""
    seq, half = x.shape[1], x.shape[3] // 2
    frequency = theta ** (-jnp.arange(half, dtype=jnp.float32) / half)
    angle = jnp.arange(seq, dtype=jnp.float32)[:, None, None] * frequency
    cos, sin = jnp.cos(angle).astype(x.dtype), jnp.sin(angle).astype(x.dtype)
    left, right = x[..., :half], x[..., half:]
    return jnp.concatenate([left * cos - right * sin, right * cos + left * sin], axis=-1)


@jax.named_scope("attention")
def attention(q: Array, k: Array, v: Array, *, causal: bool) -> Array:
    """Grouped-query attention, softmax in f32; the masked products run whole.

    q: [batch, seq, heads, head]; k, v: [batch, seq, kv_heads, head]; result as q.
    """
    batch, seq, heads, head = q.shape
    q = q / jnp.sqrt(head)
    grouped = q.reshape(batch, seq, k.shape[2], heads // k.shape[2], head)
    scores = jnp.einsum("bqhgd,bkhd->bhgqk", grouped, k)
    if causal:
        position = jnp.arange(seq)
        scores = jnp.where(position[:, None] >= position, scores, -jnp.inf)
    weights = jax.nn.softmax(scores.astype(jnp.float32), axis=-1).astype(v.dtype)
    context = jnp.einsum("bhgqk,bkhd->bqhgd", weights, v)
    return context.reshape(q.shape)


@jax.named_scope("cross_entropy")
def cross_entropy(logits: Array, labels: Array) -> Array:
    """Mean negative log-likelihood of integer `labels`, in f32."""
    logits = logits.astype(jnp.float32)
    chosen = jnp.take_along_axis(logits, labels[..., None], axis=-1)[..., 0]
    return jnp.mean(jax.nn.logsumexp(logits, axis=-1) - chosen)


def max_pool(x: Array, window: int, stride: int, padding: int) -> Array:
    """Spatial maximum of `[batch, height, width, channels]`."""
    pads = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    y: Array = lax.reduce_window(
        x, -jnp.inf, lax.max, (1, window, window, 1), (1, stride, stride, 1), pads
    )
    return y
