"""A mixture-of-experts decoder: the transformer's attention, and experts for its feed-forward.

Tokens reach experts by one-hot dispatch (GShard, arXiv:2006.16668): every sequence gives each
expert `capacity` slots, further tokens skip the layer, and the dispatch and combine products are
real contractions, 2 x batch x seq x experts x capacity x width each. A ragged product does without
them, but runs dense over the experts on a CPU, so that what is asked for would not be what is run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax import Array, lax

from jaxflops.models import _transformer_config as dense
from jaxflops.models import transformer
from jaxflops.models._model import Model, configured
from jaxflops.models.blocks import init_attention, init_norm, self_attention
from jaxflops.models.layers import Params, abstract, cross_entropy, fold, norm


@dataclass(frozen=True)
class Config(dense.Config):
    """The transformer's settings, and: each token goes to `top_k` of `experts`.

    capacity_factor: slots of an expert over its even share of a sequence's tokens.
    balance: weight of the auxiliary loss that evens the load.
    """

    seq: int = 1024  # a number: the capacity follows from it
    mlp: Literal["swiglu"] = "swiglu"
    experts: int = 8
    top_k: int = 2
    capacity_factor: float = 1.25
    balance: float = 0.01

    @property
    def capacity(self) -> int:
        """Slots each expert has in a sequence."""
        return math.ceil(self.seq * self.top_k * self.capacity_factor / self.experts)


PRESETS = {
    # Jiang et al., "Mixtral of Experts", arXiv:2401.04088, table 1; capacity 1 is its even share.
    "mixtral-8x7b": Config(
        seq=4096, vocab=32_000, width=4096, layers=32, heads=32, kv_heads=8, hidden=14_336,
        norm="rms", bias=False, positions="rope", rope_theta=1e6, tied=False, dtype="bf16",
        remat=True, capacity_factor=1.0,
    ),
    "tiny": Config(
        batch=2, seq=8, vocab=32, width=16, layers=2, heads=4, kv_heads=2, hidden=32, norm="rms",
        bias=False, positions="rope", tied=False, experts=4,
    ),
}  # fmt: skip


def init_layer(config: Config) -> Params:
    """The transformer's attention; router [width, experts]; expert matrices [experts, ...]."""
    new, width, hidden = partial(abstract, config.dtype), config.width, config.hidden
    return {
        "norm1": init_norm(config),
        "attention": init_attention(config),
        "norm2": init_norm(config),
        "router": new(width, config.experts),
        "up": new(config.experts, width, hidden),
        "gate": new(config.experts, width, hidden),
        "down": new(config.experts, hidden, width),
    }


def init(config: Config) -> Params:
    """Abstract parameters; the ends are the transformer's."""
    return transformer.init(config, init_layer)


def args(config: Config) -> tuple[Any, ...]:
    """Abstract parameters, tokens and next tokens [batch, seq]."""
    tokens = abstract("i32", config.batch, config.seq)
    return init(config), tokens, tokens


@jax.named_scope("route")
def route(x: Array, router: Array, config: Config) -> tuple[Array, Array, Array]:
    """Dispatch and combine weights [batch, seq, experts, capacity], and the balancing loss.

    Slots go to first choices before second ones; the loss is that of arXiv:2101.03961, section 2.2.
    """
    scores = x @ router
    probabilities = jax.nn.softmax(scores.astype(jnp.float32))
    gates, choices = lax.top_k(probabilities, config.top_k)
    gates = gates / jnp.sum(gates, axis=-1, keepdims=True)
    chosen = jax.nn.one_hot(choices, config.experts)
    slot = jax.nn.one_hot(queue_place(chosen), config.capacity)  # zero beyond the capacity
    combine = jnp.einsum("bske,bskc->bsec", gates[..., None] * chosen, slot)
    share = jnp.mean(chosen, axis=(0, 1, 2))
    balance = config.experts * jnp.sum(share * jnp.mean(probabilities, axis=(0, 1)))
    return (combine > 0).astype(x.dtype), combine.astype(x.dtype), balance


def queue_place(chosen: Array) -> Array:
    """How many earlier claims the chosen expert has had: one-hot [b, s, k, e] to [b, s, k]."""
    batch, seq, top_k, experts = chosen.shape
    claims = chosen.swapaxes(1, 2).reshape(batch, top_k * seq, experts)
    earlier = jnp.cumsum(claims, axis=1) - claims
    earlier = earlier.reshape(batch, top_k, seq, experts).swapaxes(1, 2)
    return jnp.sum(earlier * chosen, axis=-1).astype(jnp.int32)


@jax.named_scope("experts")
def experts(x: Array, p: Params, config: Config) -> tuple[Array, Array]:
    """Each token through its experts, and the balancing loss."""
    dispatch, combine, balance = route(x, p["router"], config)
    inputs = jnp.einsum("bsec,bsd->ebcd", dispatch, x)
    up = jnp.einsum("ebcd,edf->ebcf", inputs, p["up"])
    gate = jnp.einsum("ebcd,edf->ebcf", inputs, p["gate"])
    down = jnp.einsum("ebcf,efd->ebcd", jax.nn.silu(gate) * up, p["down"])
    out = jnp.einsum("bsec,ebcd->bsd", combine, down)
    return out, balance


def block(carry: tuple[Array, Array], p: Params, config: Config) -> tuple[Array, Array]:
    """One pre-norm layer; the balancing losses add up along the layers."""
    x, total = carry
    x = x + self_attention(norm(x, p["norm1"]), p["attention"], config)
    y, balance = experts(norm(x, p["norm2"]), p, config)
    return x + y, total + balance


def run(params: Params, tokens: Array, config: Config) -> tuple[Array, Array]:
    """Logits [batch, seq, vocab] and the sum of the balancing losses."""
    start = (transformer.embed(params, tokens, config), jnp.zeros(()))
    step = partial(block, config=config)
    x, balance = fold(step, start, params["layers"], scan=config.scan, remat=config.remat)
    return transformer.unembed(params, x, config), balance


def apply(params: Params, tokens: Array, config: Config) -> Array:
    """Logits [batch, seq, vocab]."""
    return run(params, tokens, config)[0]


def loss(params: Params, tokens: Array, targets: Array, config: Config) -> Array:
    """Mean cross-entropy of the next tokens, and the weighted balancing loss."""
    logits, balance = run(params, tokens, config)
    return cross_entropy(logits, targets) + config.balance * balance


moe = Model(
    "moe",
    PRESETS["mixtral-8x7b"],
    PRESETS,
    make_loss=configured(loss),
    make_forward=configured(apply),
    make_args=args,
    labels="vocab",
)
