"""Values of attributes in HLO text; each parser raises ValueError for what it cannot read."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from jaxflops.hlo import attributes as a
from jaxflops.hlo.attributes import Pairs
from jaxflops.hlo.scanner import unquote
from jaxflops.hlo.text_shapes import split_top

_DIMS = re.compile(r"\{\s*(?:\d+\s*(?:,\s*\d+\s*)*)?\}$")
_SLICE = re.compile(r"\[(\d+):(\d+)(?::(\d+))?\]$")
_LABELS = re.compile(r"([?\w]+)_([?\w]+)->([?\w]+)$")
_SHARDING_NOTES = re.compile(r"\s*metadata=\{(?:[^{}\"]|\"(?:[^\"\\]|\\.)*\")*\}|\s*shard_\w+ \d+")


@lru_cache(maxsize=4096)
def parse_dims(text: str) -> a.Dims:
    """`{0,2}` as a tuple."""
    if not _DIMS.match(text):
        raise ValueError("expected numbers in braces")
    return tuple(int(number) for number in text[1:-1].split(",") if number.strip())


@lru_cache(maxsize=4096)
def parse_window(text: str) -> tuple[a.WindowDim, ...]:
    """`{size=3x3 stride=2x2 pad=0_1x0_1}` as window dimensions."""
    said = dict(part.split("=") for part in text[1:-1].split())
    sizes = [int(size) for size in said.pop("size", "").split("x") if size]
    columns: dict[str, list[Any]] = {"size": sizes}
    for key, value in said.items():
        values = value.split("x")
        if key == "pad":
            low_high = [tuple(map(int, pair.split("_"))) for pair in values]
            columns["padding_low"], columns["padding_high"] = map(list, zip(*low_high, strict=True))
        elif key == "rhs_reversal":
            columns["reversal"] = [parse_boolean(each) for each in values]
        else:
            columns[_WINDOW[key]] = [int(each) for each in values]
    rows = zip(*columns.values(), strict=True)
    return tuple(a.WindowDim(**dict(zip(columns, row, strict=True))) for row in rows)


_WINDOW = {"stride": "stride", "lhs_dilate": "base_dilation", "rhs_dilate": "window_dilation"}


@lru_cache(maxsize=1024)
def parse_labels(text: str) -> a.ConvDims:
    """`b01f_01io->b01f` as dimension numbers."""
    found = _LABELS.match(text)
    if not found:
        raise ValueError("expected labels like b01f_01io->b01f")
    lhs, rhs, out = found.groups()
    return a.ConvDims(
        lhs.index("b"),
        lhs.index("f"),
        _spatial(lhs),
        rhs.index("i"),
        rhs.index("o"),
        _spatial(rhs),
        out.index("b"),
        out.index("f"),
        _spatial(out),
    )


def _spatial(labels: str) -> a.Dims:
    return tuple(labels.index(str(axis)) for axis in range(sum(map(str.isdigit, labels))))


def parse_slices(text: str) -> tuple[tuple[int, int, int], ...]:
    """`{[0:8], [2:6:2]}` as (start, limit, stride) of each dimension."""
    found = [_SLICE.match(part.strip()) for part in split_top(text[1:-1])]
    if not all(found):
        raise ValueError("expected ranges like [0:8:2] in braces")
    return tuple((int(one[1]), int(one[2]), int(one[3] or 1)) for one in found if one)


def parse_padding(text: str) -> tuple[tuple[int, int, int], ...]:
    """`0_1x2_2_1` as (low, high, interior) of each dimension."""
    dims = [[int(number) for number in part.split("_")] for part in text.split("x")]
    if not all(len(dim) in (2, 3) for dim in dims):
        raise ValueError("expected low_high or low_high_interior for every dimension")
    return tuple((dim[0], dim[1], dim[2] if len(dim) > 2 else 0) for dim in dims)  # noqa: PLR2004


def parse_pairs(text: str) -> tuple[tuple[int, int], ...]:
    """`{{0,1},{1,0}}` as pairs."""
    pairs = [parse_dims(part.strip()) for part in split_top(text[1:-1])]
    return tuple((source, target) for source, target in pairs)


def parse_precision(text: str) -> tuple[str, ...]:
    """`{highest,default}` as names; () where all are the default."""
    said = tuple(part.strip() for part in text.strip("{}").split(","))
    return said if any(part != "default" for part in said) else ()


def parse_frontend_attributes(text: str) -> Pairs:
    """`{key="value",key={raw}}` as sorted pairs."""
    entries = [part.strip().split("=", 1) for part in _entries(text)]
    return tuple(sorted((key, unquote(value)) for key, value in entries))


def _entries(text: str) -> list[str]:
    """The entries of a braced list; commas inside brackets and strings do not count."""
    found, start, depth = [], 1, 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[(){}\[\],]', text[: len(text) - 1]):
        if token.start() == 0:
            continue
        depth += (token[0] in "({[") - (token[0] in ")}]")
        if token[0] == "," and not depth:
            found.append(text[start : token.start()])
            start = token.end()
    found.append(text[start:-1])
    return [entry for entry in found if entry.strip()]


def parse_boolean(text: str) -> bool:
    """`true`, or `1` in a list of digits."""
    if text not in ("true", "false", "0", "1"):
        raise ValueError("expected true or false")
    return text in ("true", "1")


def parse_channel(text: str) -> int | None:
    """A channel id; None for the ids that mean there is none."""
    return int(text) if int(text) > 0 else None


def parse_sharding(text: str) -> str:
    """A sharding without its notes, under the newer of two names for one device."""
    return _SHARDING_NOTES.sub("", text).replace("maximal_mesh[", "single_device[")


def parse_one(text: str) -> a.Dims:
    """A dimension number as a tuple."""
    return (int(text),)
