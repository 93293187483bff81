"""Values of small constants, equal whether they come from a proto or from decimal text."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterable

Value = int | float | bool
Values = tuple[Value, ...]

SMALL = 10  # XLA prints `{...}` for constants of more elements than that

_COMMENT = re.compile(r"/\*.*?\*/")
_TOKENS = re.compile(r"[^\s,{}]+")
_INTEGER = re.compile(r"[su](\d+)$")
_PACKED = {"f32": "<f", "f64": "<d", "f16": "<e"}


def parse_literal(text: str, dtype: str, size: int) -> Values | None:
    """The values in `constant(text)`; None if elided, large, or of a dtype that is not kept.

    Raises ValueError where there are not `size` values, or one is not of that dtype.
    """
    convert = _converter(dtype)
    if size > SMALL or convert is None or "..." in text:
        return None
    found = _TOKENS.findall(_COMMENT.sub("", text))
    if len(found) != size:
        raise ValueError(f"{len(found)} values where the shape has {size}")
    return tuple(convert(token) for token in found)


def normalize(values: Iterable[Value]) -> Values:
    """`values` with one NaN object, so that equal literals compare equal."""
    return tuple(math.nan if value != value else value for value in values)  # noqa: PLR0124


def unpack(data: bytes, dtype: str) -> Values | None:
    """Values of the dtypes that a proto stores as little-endian bytes."""
    if dtype == "bf16":
        words = struct.unpack(f"<{len(data) // 2}H", data)
        return normalize(_bf16_value(word) for word in words)
    form = {"f16": "e", "s16": "h", "u16": "H", "s8": "b", "u8": "B"}.get(dtype)
    if form is None:
        return None
    return normalize(struct.unpack(f"<{len(data) // struct.calcsize(form)}{form}", data))


def _converter(dtype: str) -> Callable[[str], Value] | None:
    if dtype == "pred":
        return _boolean
    integer = _INTEGER.match(dtype)
    if integer:
        return int if int(integer[1]) >= 8 else None  # noqa: PLR2004 - packed below a byte
    return (lambda text: _round(text, dtype)) if dtype in (*_PACKED, "bf16") else None


def _boolean(text: str) -> bool:
    if text not in ("true", "false", "0", "1"):
        raise ValueError(f"{text!r} is not a truth value")
    return text in ("true", "1")


def _round(text: str, dtype: str) -> float:
    """Decimal text as the nearest value of `dtype`."""
    value = math.nan if "nan" in text else float(text)
    if math.isnan(value):
        return math.nan
    if dtype == "bf16":
        return _bf16_value(_bf16_word(value))
    form = _PACKED[dtype]
    try:
        rounded: float = struct.unpack(form, struct.pack(form, value))[0]
    except OverflowError:
        rounded = math.copysign(math.inf, value)
    return rounded


def _bf16_word(value: float) -> int:
    bits: int = struct.unpack("<I", struct.pack("<f", value))[0]
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16


def _bf16_value(word: int) -> float:
    value: float = struct.unpack("<f", struct.pack("<I", word << 16))[0]
    return value
