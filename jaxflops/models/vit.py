"""The vision transformer (Dosovitskiy et al. 2020, arXiv:2010.11929), GELU in tanh form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jaxflops.errors import JaxflopsError
from jaxflops.models import _transformer_config as decoder
from jaxflops.models._model import Model, configured
from jaxflops.models._sizes import Dim, DType
from jaxflops.models.blocks import block, init_layer, init_norm
from jaxflops.models.layers import Params, abstract, add, conv, cross_entropy, fold, norm, repeat


@dataclass(frozen=True)
class Config:
    """Sizes; the defaults are ViT-B/16."""

    batch: Dim = 1
    image: int = 224
    patch: int = 16
    classes: int = 1000
    width: int = 768
    layers: int = 12
    heads: int = 12
    hidden: int = 3072
    dtype: DType = "f32"
    scan: bool = True
    remat: bool = False

    def __post_init__(self) -> None:
        if self.image % self.patch:
            raise JaxflopsError(
                f"image={self.image}, patch={self.patch}: write an image size that patch divides"
            )

    @property
    def tokens(self) -> int:
        """Patches, and the class token."""
        return (self.image // self.patch) ** 2 + 1

    @property
    def encoder(self) -> decoder.Config:
        """The settings of the shared transformer layer."""
        return decoder.Config(
            width=self.width, heads=self.heads, kv_heads=self.heads, hidden=self.hidden,
            causal=False, dtype=self.dtype,
        )  # fmt: skip


PRESETS = {
    # Dosovitskiy et al., arXiv:2010.11929, table 1.
    "vit-b16": Config(),
    "vit-l16": Config(width=1024, layers=24, heads=16, hidden=4096),
    "tiny": Config(2, image=16, patch=8, classes=10, width=16, layers=2, heads=2, hidden=32),
}


def init(config: Config) -> Params:
    """Abstract parameters; `layers` stacked under scan, a list otherwise."""
    new, width, patch = partial(abstract, config.dtype), config.width, config.patch
    return {
        "patches": {"kernel": new(patch, patch, 3, width), "bias": new(width)},
        "embedding_class": new(width),
        "embedding_position": new(config.tokens, width),
        "layers": repeat(init_layer(config.encoder), config.layers, stacked=config.scan),
        "norm": init_norm(config.encoder),
        "head": {"w": new(width, config.classes), "bias": new(config.classes)},
    }


def args(config: Config) -> tuple[Any, ...]:
    """Abstract parameters, images [batch, image, image, 3] and labels [batch]."""
    images = abstract(config.dtype, config.batch, config.image, config.image, 3)
    return init(config), images, abstract("i32", config.batch)


@jax.named_scope("embed")
def embed(params: Params, images: Array, config: Config) -> Array:
    """Class token and projected patches, with positions added: [batch, tokens, width]."""
    stride = (config.patch, config.patch)
    patches = conv(images, params["patches"]["kernel"], stride, "VALID")
    patches = patches + params["patches"]["bias"]
    batch, width = images.shape[0], config.width
    rows = patches.reshape(batch, config.tokens - 1, width)
    first = jnp.broadcast_to(params["embedding_class"], (batch, 1, width))
    x: Array = jnp.concatenate([first, rows], axis=1) + params["embedding_position"]
    return x


def apply(params: Params, images: Array, config: Config) -> Array:
    """Class logits [batch, classes], read from the class token."""
    step = partial(block, config=config.encoder)
    x = embed(params, images, config)
    # The shared layer adds no positions of its own.
    x = fold(step, x, params["layers"], scan=config.scan, remat=config.remat)
    with jax.named_scope("head"):
        logits = norm(x[:, 0], params["norm"]) @ params["head"]["w"]
        return add(logits, params["head"]["bias"])


def loss(params: Params, images: Array, labels: Array, config: Config) -> Array:
    """Mean cross-entropy of the labels."""
    return cross_entropy(apply(params, images, config), labels)


vit = Model(
    "vit",
    PRESETS["vit-b16"],
    PRESETS,
    make_loss=configured(loss),
    make_forward=configured(apply),
    make_args=args,
    labels="classes",
)
