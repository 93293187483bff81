"""The U-Net for segmentation (Ronneberger et al. 2015, arXiv:1505.04597), with padded convolutions.

The paper's convolutions are unpadded, so that its 572 pixels in are 388 out; here both are equal,
as in most implementations since. Parameters are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from jaxflops.errors import JaxflopsError
from jaxflops.models._model import Model, configured
from jaxflops.models._sizes import Dim, DType
from jaxflops.models.layers import Params, abstract, add, conv, cross_entropy, max_pool

conv_transpose = partial(lax.conv_transpose, dimension_numbers=("NHWC", "HWIO", "NHWC"))


@dataclass(frozen=True)
class Config:
    """Sizes; `levels` halvings of the image, channels doubling at each."""

    batch: Dim = 1
    image: int = 512
    channels: int = 1
    classes: int = 2
    width: int = 64
    levels: int = 4
    dtype: DType = "f32"

    def __post_init__(self) -> None:
        if self.image % 2**self.levels:
            raise JaxflopsError(
                f"image={self.image}: write a multiple of {2**self.levels}, "
                f"which levels={self.levels} halvings divide"
            )


PRESETS = {"default": Config(), "tiny": Config(batch=2, image=16, width=4, levels=2)}


def init(config: Config) -> Params:
    """Abstract parameters: pairs of 3x3 convolutions down and up, 2x2 ones that enlarge."""
    widths = [config.width * 2**level for level in range(config.levels + 1)]
    return {
        "down": [
            init_pair(i, o, config)
            for i, o in zip([config.channels, *widths[:-1]], widths, strict=True)
        ],
        "up": [
            {
                **init_pair(2 * width, width, config),
                "enlarge": init_conv(2, 2 * width, width, config),
            }
            for width in reversed(widths[:-1])
        ],
        "classify": init_conv(1, config.width, config.classes, config),
    }


def init_pair(inputs: int, outputs: int, config: Config) -> Params:
    """Two 3x3 convolutions."""
    return {
        "conv1": init_conv(3, inputs, outputs, config),
        "conv2": init_conv(3, outputs, outputs, config),
    }


def init_conv(size: int, inputs: int, outputs: int, config: Config) -> Params:
    """A square kernel and its bias."""
    new = partial(abstract, config.dtype)
    return {"kernel": new(size, size, inputs, outputs), "bias": new(outputs)}


def args(config: Config) -> tuple[Any, ...]:
    """Abstract parameters, images [batch, image, image, channels], labels [batch, image, image]."""
    shape = (config.batch, config.image, config.image)
    return init(config), abstract(config.dtype, *shape, config.channels), abstract("i32", *shape)


def pair(x: Array, p: Params) -> Array:
    """Two rectified 3x3 convolutions that keep the image's size."""
    for q in (p["conv1"], p["conv2"]):
        y = conv(x, q["kernel"], (1, 1), ((1, 1), (1, 1)))
        x = jax.nn.relu(y + q["bias"])
    return x


def apply(params: Params, images: Array, config: Config) -> Array:
    """Class logits of every pixel: [batch, image, image, classes]."""
    x, skips = images, []
    for level, p in enumerate(params["down"]):
        with jax.named_scope(f"down{level}"):
            if level:
                skips.append(x)
                x = max_pool(x, window=2, stride=2, padding=0)
            x = pair(x, p)
    for level, p in zip(reversed(range(config.levels)), params["up"], strict=True):
        with jax.named_scope(f"up{level}"):
            up = conv_transpose(x, p["enlarge"]["kernel"], (2, 2), "VALID") + p["enlarge"]["bias"]
            x = pair(jnp.concatenate([skips.pop(), up], axis=-1), p)
    with jax.named_scope("classify"):
        logits = conv(x, params["classify"]["kernel"], (1, 1), "VALID")
        return add(logits, params["classify"]["bias"])


def loss(params: Params, images: Array, labels: Array, config: Config) -> Array:
    """Mean cross-entropy over pixels."""
    return cross_entropy(apply(params, images, config), labels)


unet = Model(
    "unet",
    PRESETS["default"],
    PRESETS,
    make_loss=configured(loss),
    make_forward=configured(apply),
    make_args=args,
    labels="classes",
)
