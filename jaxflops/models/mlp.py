"""N equal layers, scanned or unrolled."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jaxflops.models._model import Model, configured
from jaxflops.models._sizes import Dim, DType
from jaxflops.models.layers import Params, abstract, fold, repeat


@dataclass(frozen=True)
class Config:
    """Sizes: numbers, or names of symbolic sizes (of `layers` only under scan)."""

    batch: Dim = 128
    width: Dim = 1024
    layers: Dim = 4
    dtype: DType = "f32"
    scan: bool = False
    remat: bool = False


PRESETS = {
    "default": Config(),
    "tiny": Config(8, 16, 3),
    "symbolic": Config("B", "D", "L", scan=True),
}


def init(config: Config) -> Params:
    """Abstract parameters: `layers` times w [width, width] and bias [width]."""
    new = partial(abstract, config.dtype)
    layer = {"w": new(config.width, config.width), "bias": new(config.width)}
    return {"layers": repeat(layer, config.layers, stacked=config.scan)}


def args(config: Config) -> tuple[Any, ...]:
    """Abstract parameters, inputs and targets [batch, width]."""
    rows = abstract(config.dtype, config.batch, config.width)
    return init(config), rows, rows


def layer(x: Array, p: Params) -> Array:
    """One dense layer with a rectifier."""
    h = x @ p["w"]
    return jax.nn.relu(h + p["bias"])


def apply(params: Params, x: Array, config: Config) -> Array:
    """Outputs [batch, width]."""
    return fold(layer, x, params["layers"], scan=config.scan, remat=config.remat)


def loss(params: Params, x: Array, targets: Array, config: Config) -> Array:
    """Mean squared error."""
    return jnp.mean((apply(params, x, config) - targets) ** 2)


mlp = Model(
    "mlp",
    PRESETS["default"],
    PRESETS,
    make_loss=configured(loss),
    make_forward=configured(apply),
    make_args=args,
)
