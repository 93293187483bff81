"""Static indexing: `ws[0]`, `x[:, 2:4]`, as the slice of another array."""

from __future__ import annotations

from typing import Any, NamedTuple

from jaxflops.jaxpr.derivation.values import Value
from jaxflops.jaxpr.derivation.views_of import show_sizes


class Indexed(NamedTuple):
    """What is indexed, and the index as Python writes it."""

    source: Value
    text: str


def indexed(value: Value) -> Indexed | None:
    """The array that a value is a slice of; None where it is none, or one at a computed place."""
    if value.kind != "equation":
        return None
    if value.eqn.primitive.name == "slice":
        return Indexed(value.inputs[0], _index(value, ()))
    if value.eqn.primitive.name != "squeeze":
        return None
    inner = value.inputs[0]
    if inner.kind != "equation" or inner.eqn.primitive.name != "slice":
        return None
    return Indexed(inner.inputs[0], _index(inner, value.eqn.params["dimensions"]))


def _index(value: Value, single: tuple[int, ...]) -> str:
    """`[0]`, `[:, 1:3]`; the axes in `single` are taken away."""
    params, shape = value.eqn.params, value.inputs[0].shape
    steps = params["strides"] or (1,) * len(shape)
    limits = zip(params["start_indices"], params["limit_indices"], steps, shape, strict=True)
    texts = [
        show_sizes((start,)) if axis in single else _range(start, stop, step, size)
        for axis, (start, stop, step, size) in enumerate(limits)
    ]
    while len(texts) > 1 and texts[-1] == ":":
        texts.pop()
    return f"[{', '.join(texts)}]"


def _range(start: Any, stop: Any, step: Any, size: Any) -> str:
    first = "" if _is(start, 0) else show_sizes((start,))
    last = "" if stop is size or stop == size else show_sizes((stop,))
    return f"{first}:{last}" + ("" if _is(step, 1) else f":{step}")


def _is(size: Any, number: int) -> bool:
    return isinstance(size, int) and size == number
