"""Shapes in HLO text: `f32[8,<=128]{1,0:T(8,128)S(1)}`, nested tuples, tokens, buffers."""

from __future__ import annotations

import re
from functools import lru_cache

from jaxflops.hlo.shape import Shape

_ARRAY = re.compile(r"([a-z]\w*)\[([\d,<=\s]*)\](\{[^{}]*\})?")
_SPACE = re.compile(r"S\((\d+)\)")
_COMMENT = re.compile(r"/\*.*?\*/")
_TOP_COMMA = re.compile(r"[(){}\[\],]")


@lru_cache(maxsize=16384)
def parse_shape(text: str) -> Shape:
    """The shape that `text` writes, all of it; raises ValueError where it is not one."""
    text = _COMMENT.sub("", text).strip()
    if text.startswith("("):
        if not text.endswith(")"):
            raise ValueError(f"{text!r} is not a shape")
        return Shape("tuple", parts=tuple(parse_shape(part) for part in split_top(text[1:-1])))
    if text.startswith("b(") and text.endswith(")"):
        return Shape("buffer", parts=(parse_shape(text[2:-1]),))
    found = _ARRAY.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a shape")
    return _array(found[1], found[2], found[3] or "")


def split_top(text: str) -> list[str]:
    """`text` cut at the commas outside brackets; [] for blank text."""
    parts, depth, start = [], 0, 0
    for token in _TOP_COMMA.finditer(text):
        if token[0] in "({[":
            depth += 1
        elif token[0] in ")}]":
            depth -= 1
        elif depth == 0:
            parts.append(text[start : token.start()])
            start = token.end()
    parts.append(text[start:])
    return parts if len(parts) > 1 or text.strip() else []


def _array(dtype: str, sizes: str, layout: str) -> Shape:
    dims, dynamic = [], []
    for size in sizes.split(",") if sizes else ():
        bound = size.strip().removeprefix("<=")
        dynamic.append(bound != size.strip())
        dims.append(int(bound))
    space = _SPACE.search(layout)
    return Shape(
        dtype,
        tuple(dims),
        dynamic=tuple(dynamic) if any(dynamic) else (),
        space=int(space[1]) if space else 0,
    )


@lru_cache(maxsize=16384)
def plain(shape: Shape) -> Shape:
    """The shape without memory spaces, which headers and operands leave out."""
    return shape._replace(space=0, parts=tuple(plain(part) for part in shape.parts))
