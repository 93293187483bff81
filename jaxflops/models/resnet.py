"""Residual networks for images (He et al. 2015, arXiv:1512.03385), batch norm in training mode.

A bottleneck block strides in its 3x3 convolution, as torchvision does ("v1.5": 4.1e9 nominal
multiply-adds for ResNet-50 at 224 pixels); the paper strides in the first 1x1 (3.8e9).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jaxflops.models._model import Model, configured
from jaxflops.models._sizes import Dim, DType
from jaxflops.models.layers import Params, abstract, add, batch_norm, conv, cross_entropy, max_pool


@dataclass(frozen=True)
class Config:
    """Sizes; `stages` holds the number of blocks at each resolution.

    bottleneck: blocks of 1x1, 3x3, 1x1 convolutions with four times as many outputs, instead of
    two 3x3. remat: keep only each block's input for the backward pass.
    """

    batch: Dim = 1
    image: int = 224
    classes: int = 1000
    stages: tuple[int, ...] = (3, 4, 6, 3)
    width: int = 64
    bottleneck: bool = True
    dtype: DType = "f32"
    remat: bool = False


PRESETS = {
    # He et al., arXiv:1512.03385, table 1.
    "resnet18": Config(stages=(2, 2, 2, 2), bottleneck=False),
    "resnet34": Config(bottleneck=False),
    "resnet50": Config(),
    "tiny": Config(batch=2, image=32, classes=10, stages=(1, 1), width=4),
    "tiny-basic": Config(2, image=32, classes=10, stages=(1, 1), width=4, bottleneck=False),
}


def init(config: Config) -> Params:
    """Abstract parameters: stem, a list of blocks per stage, and the classifier."""
    stages, features = [], config.width
    for index, count in enumerate(config.stages):
        width = config.width * 2**index
        outputs = width * (4 if config.bottleneck else 1)
        blocks = []
        for block in range(count):
            strides = index > 0 and block == 0
            blocks.append(init_block(features, width, outputs, strides, config))
            features = outputs
        stages.append(blocks)
    return {
        "stem": init_conv(7, 3, config.width, config),
        "stages": stages,
        "w": abstract(config.dtype, features, config.classes),
        "bias": abstract(config.dtype, config.classes),
    }


def init_block(features: int, width: int, outputs: int, strides: bool, config: Config) -> Params:
    """The convolutions of one block, and a 1x1 shortcut where the shape changes."""
    if config.bottleneck:
        shapes = [(1, features, width), (3, width, width), (1, width, outputs)]
    else:
        shapes = [(3, features, width), (3, width, outputs)]
    block = {f"conv{i}": init_conv(*shape, config) for i, shape in enumerate(shapes, 1)}
    if strides or features != outputs:
        block["shortcut"] = init_conv(1, features, outputs, config)
    return block


def init_conv(size: int, features: int, outputs: int, config: Config) -> Params:
    """A square kernel without bias, and the batch norm that follows it."""
    new = partial(abstract, config.dtype)
    return {
        "kernel": new(size, size, features, outputs),
        "scale": new(outputs),
        "bias": new(outputs),
    }


def args(config: Config) -> tuple[Any, ...]:
    """Abstract parameters, images [batch, image, image, 3] and labels [batch]."""
    images = abstract(config.dtype, config.batch, config.image, config.image, 3)
    return init(config), images, abstract("i32", config.batch)


def conv_norm(x: Array, p: Params, stride: int) -> Array:
    """Convolution with the padding that keeps the image at stride 1, then batch norm."""
    pad = p["kernel"].shape[0] // 2
    y = conv(x, p["kernel"], (stride, stride), ((pad, pad), (pad, pad)))
    return batch_norm(y, p)


def block(x: Array, p: Params, stride: int) -> Array:
    """Two or three convolutions, added to the shortcut."""
    shortcut = conv_norm(x, p["shortcut"], stride) if "shortcut" in p else x
    if "conv3" in p:
        h = jax.nn.relu(conv_norm(x, p["conv1"], 1))
        h = jax.nn.relu(conv_norm(h, p["conv2"], stride))
        h = conv_norm(h, p["conv3"], 1)
    else:
        h = jax.nn.relu(conv_norm(x, p["conv1"], stride))
        h = conv_norm(h, p["conv2"], 1)
    return jax.nn.relu(h + shortcut)


def apply(params: Params, images: Array, config: Config) -> Array:
    """Class logits [batch, classes]."""
    with jax.named_scope("stem"):
        x = jax.nn.relu(conv_norm(images, params["stem"], 2))
        x = max_pool(x, window=3, stride=2, padding=1)
    for index, blocks in enumerate(params["stages"]):
        for number, p in enumerate(blocks):
            stride = 2 if index > 0 and number == 0 else 1
            run = partial(block, stride=stride)
            with jax.named_scope(f"stage{index}"), jax.named_scope(str(number)):
                x = (jax.checkpoint(run) if config.remat else run)(x, p)
    with jax.named_scope("classifier"):
        logits = jnp.mean(x, axis=(1, 2)) @ params["w"]
        return add(logits, params["bias"])


def loss(params: Params, images: Array, labels: Array, config: Config) -> Array:
    """Mean cross-entropy of the labels."""
    return cross_entropy(apply(params, images, config), labels)


resnet = Model(
    "resnet",
    PRESETS["resnet50"],
    PRESETS,
    make_loss=configured(loss),
    make_forward=configured(apply),
    make_args=args,
    labels="classes",
)
resnet18 = replace(resnet.with_preset("resnet18"), name="resnet18")
resnet50 = replace(resnet.with_preset("resnet50"), name="resnet50")
