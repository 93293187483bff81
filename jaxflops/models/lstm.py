"""A word-level LSTM language model: stacked cells, scanned over time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from jaxflops.models._model import Model, configured
from jaxflops.models._sizes import Dim, DType
from jaxflops.models.layers import Params, abstract, add, cross_entropy

State = list[tuple[Array, Array]]


@dataclass(frozen=True)
class Config:
    """Sizes; `scan` loops over time in one traced body, otherwise the steps are unrolled."""

    batch: Dim = 20
    seq: Dim = 35
    vocab: Dim = 10_000
    width: Dim = 650
    layers: int = 2
    dtype: DType = "f32"
    scan: bool = True
    remat: bool = False


PRESETS = {
    # Zaremba et al., "Recurrent Neural Network Regularization", arXiv:1409.2329, section 4.1.
    "medium": Config(),
    "large": Config(width=1500),
    "tiny": Config(batch=2, seq=3, vocab=32, width=8),
}


def init(config: Config) -> Params:
    """Abstract parameters; gates stand side by side as input, forget, candidate, output."""
    new, width = partial(abstract, config.dtype), config.width
    cell = {
        "w_input": new(width, 4 * width),
        "w_state": new(width, 4 * width),
        "bias": new(4 * width),
    }
    return {
        "embedding": new(config.vocab, width),
        "cells": [cell] * config.layers,
        "unembedding": new(width, config.vocab),
        "bias": new(config.vocab),
    }


def args(config: Config) -> tuple[Any, ...]:
    """Abstract parameters, tokens and next tokens [batch, seq]."""
    tokens = abstract("i32", config.batch, config.seq)
    return init(config), tokens, tokens


@jax.named_scope("cell")
def cell(x: Array, state: tuple[Array, Array], p: Params) -> tuple[Array, Array]:
    """One time step of one cell (Hochreiter and Schmidhuber 1997, with a forget gate)."""
    hidden, memory = state
    from_input = x @ p["w_input"]
    from_state = hidden @ p["w_state"]
    gates = (from_input + from_state + p["bias"]).reshape(x.shape[0], 4, memory.shape[1])
    write, keep, candidate, read = (gates[:, i] for i in range(4))
    memory = jax.nn.sigmoid(keep) * memory + jax.nn.sigmoid(write) * jnp.tanh(candidate)
    return jax.nn.sigmoid(read) * jnp.tanh(memory), memory


def step(state: State, x: Array, cells: list[Params]) -> tuple[State, Array]:
    """One time step of the stack: the new state, and the top cell's output."""
    after = []
    for before, p in zip(state, cells, strict=True):
        x, memory = cell(x, before, p)
        after.append((x, memory))
    return after, x


def apply(params: Params, tokens: Array, config: Config) -> Array:
    """Logits [batch, seq, vocab]."""
    inputs = params["embedding"][tokens].swapaxes(0, 1)
    zero = jnp.zeros_like(inputs[0])
    state = [(zero, zero)] * config.layers
    advance: Callable[[State, Array], tuple[State, Array]] = partial(step, cells=params["cells"])
    advance = jax.checkpoint(advance) if config.remat else advance
    with jax.named_scope("time"):
        if config.scan:
            _, outputs = lax.scan(advance, state, inputs)
        else:
            outputs = unrolled(advance, state, inputs)
    logits = outputs @ params["unembedding"]
    return add(logits, params["bias"]).swapaxes(0, 1)


def unrolled(advance: Any, state: State, inputs: Array) -> Array:
    """The same as `lax.scan`, each step traced."""
    outputs = []
    for x in inputs:
        state, output = advance(state, x)
        outputs.append(output)
    return jnp.stack(outputs)


def loss(params: Params, tokens: Array, targets: Array, config: Config) -> Array:
    """Mean cross-entropy of the next tokens."""
    return cross_entropy(apply(params, tokens, config), targets)


lstm = Model(
    "lstm",
    PRESETS["medium"],
    PRESETS,
    make_loss=configured(loss),
    make_forward=configured(apply),
    make_args=args,
    labels="vocab",
)
