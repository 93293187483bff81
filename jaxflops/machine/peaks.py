"""Which peak a contraction is measured against: by its dtypes and precision, on each platform."""

from __future__ import annotations

import re
from typing import NamedTuple

from jaxflops.machine.device import Device
from jaxflops.tree import TIMES, Kind


class Peak(NamedTuple):
    """The peak of a kind: FLOP/s in format `fmt`, which runs `passes` times for one product."""

    flops_per_second: float
    fmt: str
    passes: int = 1

    def __str__(self) -> str:
        return self.fmt if self.passes == 1 else f"{self.fmt}/{self.passes}"


class Arithmetic(NamedTuple):
    """In which format, and in how many passes, a product is done."""

    fmt: str
    passes: int = 1


# jax.lax.DotAlgorithmPreset: operands_accumulator, and how many products emulate one.
_ALGORITHM = re.compile(
    r"(?:DOT_)?(BF16|F16|TF32|F32|F64|ANY_F8)_\w+?_\w+?(?:_X(\d))?(_FAST_ACCUM)?"
)
_ALGORITHM_FORMAT = {
    "BF16": "bf16",
    "F16": "fp16",
    "TF32": "tf32",
    "F32": "fp32",
    "F64": "fp64",
    "ANY_F8": "fp8",
}
# How XLA:TPU multiplies float32 on a bf16 unit (jax.lax.Precision).
_TPU_PASSES = {"": 1, "HIGH": 3, "HIGHEST": 6}
_DTYPE = re.compile(
    r"(?P<bf>bf|bfloat)16|(?:f|float)(?P<f>64|32|16)|(?:f|float)(?P<small>8|6|4)_?\w+"
    r"|(?:s|u|i|int|uint)(?P<i>8|4)|(?:c|complex)(?P<c>64|128)"
)


def peak_for(kind: Kind, device: Device) -> Peak | None:
    """The dense peak of the unit that does `kind` on `device`; None when no source gives it.

    NVIDIA: float32 at DEFAULT or HIGH is TF32 from Ampere on, at HIGHEST true float32. AMD: float32
    is float32. TPU: float32 is 1 bf16 pass at DEFAULT, 3 at HIGH, 6 at HIGHEST. CPU: formats that
    the units lack are computed in float32. Complex products are counted, and run, in real ones.
    Mixed operands are held to the slower one's peak.
    """
    peaks = [_peak(dtype, kind, device) for dtype in kind.operands]
    if not peaks or any(peak is None for peak in peaks):
        return None
    return min((peak for peak in peaks if peak is not None), key=lambda peak: peak.flops_per_second)


def vector_peak(kind: Kind, device: Device) -> float | None:
    """FLOP/s of elementwise work in the kind's dtype; None when no source gives it."""
    fmt = format_of(kind.operands[0]) if kind.operands else None
    units = device.vector or (device.peak if device.platform == "cpu" else {})
    return units.get(fmt) if fmt else None


def format_of(dtype: str) -> str | None:
    """`bfloat16`, `bf16` -> bf16; `float8_e4m3fn` -> fp8; `complex64` -> fp32; else None."""
    found = _DTYPE.fullmatch(dtype)
    if found is None:
        return None
    if found["bf"]:
        return "bf16"
    if found["c"]:
        return f"fp{int(found['c']) // 2}"
    if found["i"]:
        return f"int{found['i']}"
    return f"fp{found['f'] or found['small']}"


def _peak(dtype: str, kind: Kind, device: Device) -> Peak | None:
    fmt = format_of(dtype)
    way = _arithmetic(fmt, _precision(kind.precision), device) if fmt else None
    rate = device.best(way.fmt) if way else None
    return Peak(rate / way.passes, way.fmt, way.passes) if way and rate else None


def _precision(text: str) -> str:
    """The precision that counts: of two operands the higher, which XLA uses for both."""
    asked = set(text.upper().replace("DEFAULT", "").split("/")) - {""}
    for level in ("HIGHEST", "HIGH"):
        if level in asked:
            return level
    return asked.pop() if len(asked) == 1 else "/".join(sorted(asked))


def _arithmetic(fmt: str, precision: str, device: Device) -> Arithmetic | None:
    if precision not in _TPU_PASSES:
        return _algorithm(precision, device)
    if device.platform == "tpu":
        return Arithmetic("bf16", _TPU_PASSES[precision]) if fmt == "fp32" else _on_tpu(fmt)
    if device.platform == "cpu":
        return Arithmetic("fp32" if fmt in ("bf16", "fp16") and fmt not in device.peak else fmt)
    # XLA, GetBlasComputationType: TF32 on CUDA only, unless the precision is HIGHEST.
    if fmt == "fp32" and precision != "HIGHEST" and device.platform == "cuda":
        return Arithmetic("tf32" if "tf32" in device.peak else "fp32")
    return Arithmetic(fmt)


def _on_tpu(fmt: str) -> Arithmetic | None:
    """A TPU emulates float64, and float16 on some generations: no peak is known for them."""
    return Arithmetic(fmt) if fmt in ("bf16", "fp8", "int8", "int4") else None


def _algorithm(name: str, device: Device) -> Arithmetic | None:
    found = _ALGORITHM.fullmatch(name)
    if found is None:
        return None
    fmt = _ALGORITHM_FORMAT[found[1]]
    narrow = name.endswith("F16_F16_F16") or found[3] is not None
    if narrow and f"{fmt}_acc16" in device.peak:
        fmt = f"{fmt}_acc16"
    if device.platform == "tpu" and fmt != "bf16":
        return None
    return Arithmetic(fmt, int(found[2] or 1))


def ceiling_key(kind: Kind) -> str | None:
    """Under which name a measured ceiling is kept: `bf16`, `fp32 HIGHEST`, `int8×bf16`.

    None for a dtype without a known format.
    """
    formats = [format_of(dtype) for dtype in kind.operands]
    if not formats or None in formats:
        return None
    alike = formats[:1] if len(set(formats)) == 1 else sorted(map(str, formats))
    return f"{TIMES.join(map(str, alike))} {_precision(kind.precision)}".strip()
