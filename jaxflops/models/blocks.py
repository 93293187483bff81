"""Transformer layers: abstract parameters and the functions that use them."""

from __future__ import annotations

from functools import partial

import jax
from jax import Array

from jaxflops.models._transformer_config import Config
from jaxflops.models.layers import Params, abstract, add, attention, norm, rope


def init_layer(config: Config) -> Params:
    """Abstract parameters of one layer."""
    return {
        "norm1": init_norm(config),
        "attention": init_attention(config),
        "norm2": init_norm(config),
        "mlp": init_mlp(config),
    }


def init_norm(config: Config) -> Params:
    """Scale, and bias for layer norm: [width]."""
    names = ("scale", "bias") if config.norm == "layer" else ("scale",)
    return {name: abstract(config.dtype, config.width) for name in names}


def init_attention(config: Config) -> Params:
    """wq, wo [width, width]; wk, wv [width, kv_heads * head]; biases when configured."""
    new, width = partial(abstract, config.dtype), config.width
    kv_width = width // config.heads * config.kv_heads
    outputs = {"q": width, "k": kv_width, "v": kv_width, "o": width}
    params = {f"w{name}": new(width, size) for name, size in outputs.items()}
    biases = {f"bias_{name}": new(size) for name, size in outputs.items()}
    return params | (biases if config.bias else {})


def init_mlp(config: Config) -> Params:
    """Matrices up and, for SwiGLU, gate [width, hidden]; down [hidden, width]; biases."""
    new, width, hidden = partial(abstract, config.dtype), config.width, config.hidden
    params = {"up": new(width, hidden), "down": new(hidden, width)}
    if config.mlp == "swiglu":
        params["gate"] = new(width, hidden)
    return params | ({"bias_up": new(hidden), "bias_down": new(width)} if config.bias else {})


@jax.named_scope("self_attention")
def self_attention(x: Array, p: Params, config: Config) -> Array:
    """Project, attend, project; [batch, seq, width] to the same."""
    q = split(x @ p["wq"], p.get("bias_q"), config.heads)
    k = split(x @ p["wk"], p.get("bias_k"), config.kv_heads)
    v = split(x @ p["wv"], p.get("bias_v"), config.kv_heads)
    if config.positions == "rope":
        q, k = rope(q, config.rope_theta), rope(k, config.rope_theta)
    context = attention(q, k, v, causal=config.causal).reshape(x.shape)
    out = context @ p["wo"]
    return add(out, p.get("bias_o"))


def split(x: Array, bias: Array | None, heads: int) -> Array:
    """[batch, seq, heads * head] to [batch, seq, heads, head], the bias added."""
    batch, seq, width = x.shape
    return add(x, bias).reshape(batch, seq, heads, width // heads)


@jax.named_scope("mlp")
def mlp(x: Array, p: Params) -> Array:
    """SwiGLU (arXiv:2002.05202) where `p` has a gate, GELU (tanh form, as GPT-2) otherwise."""
    up = add(x @ p["up"], p.get("bias_up"))
    if "gate" in p:
        gate = x @ p["gate"]
        h = jax.nn.silu(gate) * up
    else:
        h = jax.nn.gelu(up)
    down = h @ p["down"]
    return add(down, p.get("bias_down"))


def block(x: Array, p: Params, config: Config) -> Array:
    """One pre-norm layer: attention and feed-forward, each added to its input."""
    x = x + self_attention(norm(x, p["norm1"]), p["attention"], config)
    return x + mlp(norm(x, p["norm2"]), p["mlp"])
