"""The two-layer network whose derivation is worked through in the documentation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from jaxflops.models._model import Model
from jaxflops.models._sizes import Dim, DType
from jaxflops.models.layers import abstract


@dataclass(frozen=True)
class Config:
    """Sizes: numbers, or names of symbolic sizes."""

    batch: Dim = "B"
    width: Dim = "D"
    outputs: Dim = "K"
    dtype: DType = "f32"


PRESETS = {"symbolic": Config(), "tiny": Config(8, 16, 4), "small": Config(256, 512, 128)}


def args(config: Config) -> tuple[jax.ShapeDtypeStruct, ...]:
    """Abstract x [batch, width], w1 [width, width], w2 [width, outputs]."""
    new, width = partial(abstract, config.dtype), config.width
    return new(config.batch, width), new(width, width), new(width, config.outputs)


def forward(x: Array, w1: Array, w2: Array) -> Array:
    """Outputs [batch, outputs]; no activation, so that every product is in sight."""
    h1 = x @ w1
    h2 = h1 @ w2
    return h2  # noqa: RET504 - the name is what a derivation prints


def loss(x: Array, w1: Array, w2: Array) -> Array:
    """Mean square of the outputs."""
    h1 = x @ w1
    h2 = h1 @ w2
    loss = jnp.mean(h2**2)
    return loss  # noqa: RET504


two_layer = Model(
    "two_layer",
    PRESETS["symbolic"],
    PRESETS,
    make_loss=lambda _: loss,
    make_forward=lambda _: forward,
    make_args=args,
    argnums=(1, 2),
)
