"""Which size of each model a device is given: the largest that fits its memory and the time."""

from collections.abc import Iterator
from itertools import takewhile
from typing import Any, NamedTuple

import jaxflops as jf
from jaxflops import models
from jaxflops.contractions import of_every_phase
from jaxflops.machine.roofline import Roofs
from jaxflops.models._model import Model

FEW = {"seq": 64, "vocab": 2048, "width": 128, "layers": 2, "hidden": 512, "heads": 4}
DECODER = {"seq": 128, "vocab": 4096, "width": 256, "layers": 4, "hidden": 1024, "heads": 8}
GPT2 = {"batch": 8, "dtype": "bf16"}
TINY_MOE = models.moe.with_preset("tiny")
VIT = {"image": 64, "width": 256, "layers": 4, "heads": 4, "hidden": 1024}
LSTM = models.lstm.with_preset("large").with_config(dtype="bf16")
# From small to large. Large ones are bfloat16 where published runs are.
LADDERS: dict[str, tuple[Model[Any], ...]] = {
    "two_layer": (
        models.two_layer.with_preset("small"),
        models.two_layer.with_config(batch=1024, width=1024, outputs=256),
        models.two_layer.with_config(batch=8192, width=8192, outputs=1024, dtype="bf16"),
    ),
    "mlp": (
        models.mlp.with_config(batch=64, width=256),
        models.mlp.with_config(width=512),
        models.mlp,
        models.mlp.with_config(batch=4096, width=8192, layers=8, dtype="bf16"),
    ),
    "resnet": (
        models.resnet18.with_config(image=32),
        models.resnet18.with_config(batch=2, image=64),
        models.resnet50.with_config(batch=8),
        models.resnet50.with_config(batch=128, dtype="bf16"),
    ),
    "transformer": (
        models.transformer.with_preset("tiny").with_config(**FEW),
        models.transformer.with_preset("tiny").with_config(**DECODER),
        models.transformer.with_config(seq=256),
        models.transformer.with_config(**GPT2),
        models.transformer.with_config(
            **GPT2, width=2048, layers=24, heads=16, kv_heads=16, hidden=8192, remat=True
        ),
    ),
    "moe": (
        TINY_MOE.with_config(**FEW),
        TINY_MOE.with_config(**DECODER),
        TINY_MOE.with_config(batch=8, seq=1024, vocab=32000, width=1024, layers=8, heads=16,
                             kv_heads=4, hidden=3584, dtype="bf16", remat=True),
    ),
    "lstm": (
        models.lstm.with_config(seq=10, width=128, vocab=2048),
        models.lstm.with_config(seq=20, width=256),
        models.lstm,
        LSTM.with_config(batch=256),
    ),
    "vit": (
        models.vit.with_config(image=32, width=128, layers=2, heads=4, hidden=512),
        models.vit.with_config(**VIT),
        models.vit.with_config(batch=4),
        models.vit.with_config(batch=64, dtype="bf16"),
    ),
    "unet": (
        models.unet.with_config(image=32, width=16),
        models.unet.with_config(image=64, width=16),
        models.unet.with_config(image=256, width=32),
        models.unet.with_config(batch=8, dtype="bf16"),
    ),
    "ssm": (
        models.ssm.with_config(seq=32, vocab=2048, width=128, layers=2, inner=256, rank=8),
        models.ssm.with_config(seq=64, vocab=4096, width=256, layers=4, inner=512, rank=16),
        models.ssm.with_config(batch=4, dtype="bf16", remat=True),
    ),
}  # fmt: skip


class Budget(NamedTuple):
    """memory_bytes: of the device. seconds: that one call may take at the device's peaks."""

    memory_bytes: float
    seconds: float


def chosen(names: list[str], budget: Budget, roofs: Roofs | None) -> Iterator[tuple[str, Any]]:
    """The largest size of each model that the budget allows, the first one at least."""
    for name in names:
        fitting = list(takewhile(lambda m: _fits(m, budget, roofs), LADDERS[name]))
        yield name, fitting[-1] if fitting else LADDERS[name][0]


def _fits(model: Model[Any], budget: Budget, roofs: Roofs | None) -> bool:
    """By what a gradient keeps alive and takes, counted and not run.

    Half of the memory is left for what the compiler lays out otherwise, and for copies.
    """
    analysis = jf.analyze(model, mode="value_and_grad", argnums=model.argnums)(
        *model.example_args()
    )
    if int(analysis.peak_bytes) > budget.memory_bytes / 2:
        return False
    return _least(analysis, roofs) <= budget.seconds


def _least(analysis: jf.Analysis, roofs: Roofs | None) -> float:
    """Seconds at the peaks; where none are known, at a hundred GFLOP/s."""
    flops = of_every_phase(analysis.tree)
    peaks = {kind: (roofs.peak(kind) if roofs else None) or 1e11 for kind in flops}
    return sum(int(number) / peaks[kind] for kind, number in flops.items())
