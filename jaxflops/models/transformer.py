"""A decoder transformer: GPT-2 and Llama 3 from the same blocks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from jax import Array

from jaxflops.models._model import Model, configured
from jaxflops.models._transformer_config import PRESETS, Config
from jaxflops.models.blocks import block, init_layer, init_norm
from jaxflops.models.layers import Params, abstract, cross_entropy, fold, norm, repeat


def init(config: Config, make_layer: Callable[[Any], Params] = init_layer) -> Params:
    """Abstract parameters; `layers` stacked under scan, a list otherwise."""
    new = partial(abstract, config.dtype)
    params = {
        "embedding": new(config.vocab, config.width),
        "layers": repeat(make_layer(config), config.layers, stacked=config.scan),
        "norm": init_norm(config),
    }
    if config.positions == "learned":
        params["embedding_position"] = new(config.context, config.width)
    if not config.tied:
        params["unembedding"] = new(config.width, config.vocab)
    return params


def args(config: Config) -> tuple[Any, ...]:
    """Abstract parameters, tokens and next tokens [batch, seq]."""
    tokens = abstract("i32", config.batch, config.seq)
    return init(config), tokens, tokens


@jax.named_scope("embed")
def embed(params: Params, tokens: Array, config: Config) -> Array:
    """Rows of the embedding, with learned positions added: [batch, seq, width]."""
    x: Array = params["embedding"][tokens]
    if config.positions == "learned":
        x = x + params["embedding_position"][: tokens.shape[1]]
    return x


@jax.named_scope("unembed")
def unembed(params: Params, x: Array, config: Config) -> Array:
    """Logits [batch, seq, vocab]."""
    x = norm(x, params["norm"])
    matrix = params["embedding"].T if config.tied else params["unembedding"]
    logits: Array = x @ matrix
    return logits


def apply(params: Params, tokens: Array, config: Config) -> Array:
    """Logits [batch, seq, vocab]."""
    step = partial(block, config=config)
    x = embed(params, tokens, config)
    x = fold(step, x, params["layers"], scan=config.scan, remat=config.remat)
    return unembed(params, x, config)


def loss(params: Params, tokens: Array, targets: Array, config: Config) -> Array:
    """Mean cross-entropy of the next tokens."""
    return cross_entropy(apply(params, tokens, config), targets)


transformer = Model(
    "transformer",
    PRESETS["gpt2"],
    PRESETS,
    make_loss=configured(loss),
    make_forward=configured(apply),
    make_args=args,
    labels="vocab",
)
