"""The models by name, and a suite of cases that tests and scripts share."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, Literal, NamedTuple

from jaxflops.errors import JaxflopsError
from jaxflops.models._model import Model
from jaxflops.models.lstm import lstm
from jaxflops.models.mlp import mlp
from jaxflops.models.moe import moe
from jaxflops.models.resnet import resnet, resnet18, resnet50
from jaxflops.models.ssm import ssm
from jaxflops.models.transformer import transformer
from jaxflops.models.two_layer import two_layer
from jaxflops.models.unet import unet
from jaxflops.models.vit import vit

MODELS: Mapping[str, Model[Any]] = {
    model.name: model
    for model in (
        two_layer, mlp, resnet, resnet18, resnet50, transformer, moe, lstm, vit, unet, ssm
    )
}  # fmt: skip

SMALL = tuple(
    model.with_preset("tiny")
    for model in (two_layer, mlp, resnet, transformer, moe, lstm, vit, unet, ssm)
)
DECODER = {"seq": 128, "vocab": 4096, "width": 256, "layers": 4, "hidden": 1024}
MEDIUM = (
    two_layer.with_preset("small"),
    mlp.with_config(width=512),
    resnet18.with_config(batch=2, image=64),
    transformer.with_preset("tiny").with_config(heads=8, **DECODER),
    moe.with_preset("tiny").with_config(heads=8, **DECODER),
    lstm.with_config(seq=20, width=256),
    vit.with_config(image=64, width=256, layers=4, heads=4, hidden=1024),
    unet.with_config(image=64, width=16),
    ssm.with_config(seq=64, vocab=4096, width=256, layers=4, inner=512, rank=16),
)
SIZES = {"small": SMALL, "medium": MEDIUM}


class Case(NamedTuple):
    """A model in one variant, as a loss function, and its abstract arguments."""

    name: str
    loss: Model[Any]
    args: tuple[Any, ...]


def suite(size: Literal["small", "medium"] = "small") -> Iterator[Case]:
    """Every model, scanned and unrolled, with and without rematerialisation where it can be.

    small: compiles in a second or two each; medium: runs in about a second on a few cores.
    """
    if size not in SIZES:
        raise JaxflopsError(f"suite({size!r}): write one of {', '.join(SIZES)}")
    for model in SIZES[size]:
        yield from variants(model)
    if size == "small":
        yield case("resnet-basic", resnet.with_preset("tiny-basic"))
        yield case("transformer-gpt2", transformer.with_preset("tiny-gpt2"))


def variants(model: Model[Any]) -> Iterator[Case]:
    """The settings `scan` and `remat`, as far as the model has them, both ways."""
    switches = [f.name for f in fields(model.config) if f.name in ("scan", "remat")]
    for values in itertools.product((True, False), repeat=len(switches)):
        chosen = dict(zip(switches, values, strict=True))
        marks = [name for name, on in chosen.items() if on]
        if not chosen.get("scan", True):
            marks.insert(0, "unrolled")
        yield case("-".join([model.name, *marks]), model.with_config(**chosen))


def case(name: str, model: Model[Any]) -> Case:
    """`model` with its own example arguments."""
    return Case(name, model, model.example_args())
