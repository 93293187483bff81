"""Configuration of the decoder transformer, with the published sizes of GPT-2 and Llama 3."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

from jaxflops.errors import JaxflopsError
from jaxflops.models._sizes import Dim, DType


@dataclass(frozen=True)
class Config:
    """Sizes and choices; the defaults are GPT-2.

    norm, mlp: "layer" and "gelu" come with biases when `bias`, as in GPT-2; "rms" and "swiglu" as
    in Llama. positions: a learned table of `context` rows added to the embedding, or "rope".
    tied: the logits reuse the token embedding. hidden: width of the feed-forward layer.
    """

    batch: Dim = 1
    seq: Dim = 1024
    vocab: Dim = 50257
    width: Dim = 768
    layers: Dim = 12
    heads: Dim = 12
    kv_heads: Dim = 12
    hidden: Dim = 3072
    norm: Literal["layer", "rms"] = "layer"
    mlp: Literal["gelu", "swiglu"] = "gelu"
    positions: Literal["learned", "rope"] = "learned"
    context: Dim = 1024
    rope_theta: float = 500_000.0
    bias: bool = True
    causal: bool = True
    tied: bool = True
    dtype: DType = "f32"
    scan: bool = True
    remat: bool = False

    def __post_init__(self) -> None:
        sizes = (self.width, self.heads, self.kv_heads, self.seq, self.context)
        if all(isinstance(size, int) for size in sizes):
            self._check()

    def _check(self) -> None:
        if self.width % self.heads or self.heads % self.kv_heads:
            raise JaxflopsError(
                f"width={self.width}, heads={self.heads}, kv_heads={self.kv_heads}: "
                "write a width that heads divides, and heads that kv_heads divides"
            )
        if self.positions == "learned" and self.seq > self.context:
            raise JaxflopsError(
                f"seq={self.seq} is longer than the {self.context} learned positions: "
                f"set context={self.seq}, or positions=rope"
            )


LLAMA3 = partial(
    Config, batch=4, seq=8192, vocab=128_256, kv_heads=8, norm="rms", mlp="swiglu", bias=False,
    positions="rope", tied=False, dtype="bf16", remat=True,
)  # fmt: skip
PRESETS = {
    "gpt2": Config(),  # Radford et al. 2019, table 2, first row; github.com/openai/gpt-2
    # Llama Team, "The Llama 3 Herd of Models", arXiv:2407.21783, table 3.
    "llama3-8b": LLAMA3(width=4096, layers=32, heads=32, hidden=14_336),
    "llama3-70b": LLAMA3(width=8192, layers=80, heads=64, hidden=28_672),
    "llama3-405b": LLAMA3(width=16_384, layers=126, heads=128, hidden=53_248),
    # One head: contractions cost the same however many share the width.
    "symbolic": Config(
        batch="B", seq="S", vocab="V", width="D", layers="L", heads=1, kv_heads=1, hidden="F",
        norm="rms", mlp="swiglu", bias=False, context="S",
    ),
    "tiny": Config(
        batch=2, seq=8, vocab=32, width=16, layers=2, heads=4, kv_heads=2, hidden=32, norm="rms",
        mlp="swiglu", bias=False, positions="rope", tied=False,
    ),
    "tiny-gpt2": Config(
        batch=2, seq=8, vocab=32, width=16, layers=2, heads=2, kv_heads=2, hidden=32, context=8
    ),
}  # fmt: skip
