"""A selective state-space language model (Mamba, arXiv:2312.00752), with an associative scan."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from jaxflops.models._model import Model, configured
from jaxflops.models._sizes import Dim, DType
from jaxflops.models.layers import Params, abstract, conv1d, cross_entropy, fold, norm, repeat


@dataclass(frozen=True)
class Config:
    """Sizes; the defaults are Mamba-130m.

    inner: channels inside a layer. state: recurrent numbers a channel. rank: of the step sizes'
    projection. taps: width of the causal convolution.
    """

    batch: Dim = 1
    seq: int = 2048
    vocab: int = 50_280
    width: int = 768
    layers: int = 24
    inner: int = 1536
    state: int = 16
    rank: int = 48
    taps: int = 4
    dtype: DType = "f32"
    scan: bool = True
    remat: bool = False


PRESETS = {
    # Gu and Dao, github.com/state-spaces/mamba: its pretrained models.
    "mamba-130m": Config(),
    "mamba-370m": Config(width=1024, layers=48, inner=2048, rank=64),
    "tiny": Config(2, seq=4, vocab=32, width=8, layers=2, inner=16, state=4, rank=2),
}


def init(config: Config) -> Params:
    """Abstract parameters; `layers` stacked under scan, a list otherwise. Embeddings are tied."""
    new, width = partial(abstract, config.dtype), config.width
    inner, state = config.inner, config.state
    layer = {
        "norm": {"scale": new(width)},
        "w_in": new(width, 2 * inner),
        "depthwise": new(config.taps, 1, inner),
        "bias_depthwise": new(inner),
        "w_select": new(inner, config.rank + 2 * state),
        "w_step": new(config.rank, inner),
        "bias_step": new(inner),
        "log_decay": new(inner, state),
        "scale_skip": new(inner),
        "w_out": new(inner, width),
    }
    return {
        "embedding": new(config.vocab, width),
        "layers": repeat(layer, config.layers, stacked=config.scan),
        "norm": {"scale": new(width)},
    }


def args(config: Config) -> tuple[Any, ...]:
    """Abstract parameters, tokens and next tokens [batch, seq]."""
    tokens = abstract("i32", config.batch, config.seq)
    return init(config), tokens, tokens


def block(x: Array, p: Params, config: Config) -> Array:
    """One pre-norm layer: convolve, select, scan, gate; added to its input."""
    inner = config.inner
    doubled = norm(x, p["norm"]) @ p["w_in"]
    u, gate = doubled[..., :inner], doubled[..., inner:]
    causal = ((config.taps - 1, 0),)
    u = conv1d(u, p["depthwise"], (1,), causal, feature_group_count=inner)
    u = jax.nn.silu(u + p["bias_depthwise"])
    y = selective_scan(u, p, config) + u * p["scale_skip"]
    out: Array = (y * jax.nn.silu(gate)) @ p["w_out"]
    return x + out


@jax.named_scope("selective_scan")
def selective_scan(u: Array, p: Params, config: Config) -> Array:
    """h[t] = decay[t] h[t-1] + drive[t], read out by a projection of the input (algorithm 2)."""
    rank, state = config.rank, config.state
    selected = u @ p["w_select"]
    write, read = selected[..., rank : rank + state], selected[..., rank + state :]
    step = selected[..., :rank] @ p["w_step"]
    step = jax.nn.softplus(step + p["bias_step"])
    decay = jnp.exp(-step[..., None] * jnp.exp(p["log_decay"]))
    drive = (step * u)[..., None] * write[..., None, :]
    _, states = lax.associative_scan(compose, (decay, drive), axis=1)
    y: Array = jnp.einsum("btcn,btn->btc", states, read)
    return y


def compose(first: tuple[Array, Array], then: tuple[Array, Array]) -> tuple[Array, Array]:
    """Two steps of `h -> decay h + drive` as one."""
    return first[0] * then[0], then[0] * first[1] + then[1]


def apply(params: Params, tokens: Array, config: Config) -> Array:
    """Logits [batch, seq, vocab]."""
    x: Array = params["embedding"][tokens]
    step = partial(block, config=config)
    x = fold(step, x, params["layers"], scan=config.scan, remat=config.remat)
    with jax.named_scope("unembed"):
        logits: Array = norm(x, params["norm"]) @ params["embedding"].T
    return logits


def loss(params: Params, tokens: Array, targets: Array, config: Config) -> Array:
    """Mean cross-entropy of the next tokens."""
    return cross_entropy(apply(params, tokens, config), targets)


ssm = Model(
    "ssm",
    PRESETS["mamba-130m"],
    PRESETS,
    make_loss=configured(loss),
    make_forward=configured(apply),
    make_args=args,
    labels="vocab",
)
