"""Which elements of its operands an equation needs, given those of its results that are needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.families import is_elementwise
from jaxflops.jaxpr.leaf import array_of
from jaxflops.jaxpr.origins import MARKS, UPDATES, VIEWS
from jaxflops.jaxpr.registry import BODY_RULES, COST_RULES
from jaxflops.jaxpr.touch import KEPT, NOTHING, WHOLE, Box, Key, Part, Touch
from jaxflops.polynomial import Count, minimum

_SAME_ELEMENTS = ("rev", "transpose", "copy", "real", "imag", "complex", "device_put")


def operands_touched(eqn: Any, outs: list[Touch]) -> list[Touch]:
    """For each operand, what the equation touches of it."""
    name = eqn.primitive.name
    if name in _ACCESSES:
        return _ACCESSES[name](eqn, outs)
    rule = COST_RULES.get(name)
    if rule is None or name in BODY_RULES:
        return [WHOLE._replace(unknown=frozenset({name}))] * len(eqn.invars)
    if is_elementwise(name):
        return _elementwise(eqn, outs)
    return [WHOLE] * len(eqn.invars)


def _elementwise(eqn: Any, outs: list[Touch]) -> list[Touch]:
    """The same elements of an operand of the result's shape; a scalar whole."""
    shape = eqn.outvars[0].aval.shape
    return [outs[0].reads if v.aval.shape == shape else WHOLE for v in eqn.invars]


def _marks(_eqn: Any, outs: list[Touch]) -> list[Touch]:
    return list(outs)


def _view(eqn: Any, outs: list[Touch]) -> list[Touch]:
    """As many elements; which rows they are of is not followed. Further operands are sizes."""
    return [outs[0].rekeyed((id(eqn),)), *[WHOLE] * (len(eqn.invars) - 1)]


def _order(eqn: Any, outs: list[Touch]) -> list[Touch]:
    return [outs[0].reads.rekeyed((id(eqn),))] * len(eqn.invars)


def _at_most(eqn: Any, outs: list[Touch]) -> list[Touch]:
    """Of each operand no more elements than are needed of the result (broadcast, concatenate)."""
    needed = outs[0].elements(_size(eqn.outvars[0]))
    if outs[0].whole:
        return [WHOLE] * len(eqn.invars)
    parts = [Part(minimum(_size(v), needed)) for v in eqn.invars]
    return [Touch(read={("in", id(eqn)): part}) for part in parts]


def _slice(eqn: Any, outs: list[Touch]) -> list[Touch]:
    params = eqn.params
    edges = list(zip(params["start_indices"], params["limit_indices"], strict=True))
    dense = all(stride == 1 for stride in params["strides"] or ())
    known = dense and all(isinstance(edge, int) for pair in edges for edge in pair)
    box: Box | None = tuple((a, b) for a, b in edges) if known else None
    return [_rows(outs[0], box, ("slice", str(params)), _size(eqn.outvars[0]))]


def _dynamic_slice(eqn: Any, outs: list[Touch]) -> list[Touch]:
    sizes = eqn.params["slice_sizes"]
    key = ("dynamic_slice", str(sizes), *map(_identity, eqn.invars[1:]))
    read = _rows(outs[0], None, key, _size(eqn.outvars[0]))
    return [read, *[WHOLE] * (len(eqn.invars) - 1)]


def _gather(eqn: Any, outs: list[Touch]) -> list[Touch]:
    """The elements returned; the same row looked up twice counts twice, at most the operand."""
    params = eqn.params
    key = ("gather", str(params["dimension_numbers"]), str(params["slice_sizes"]))
    rows = (*key, _identity(eqn.invars[1]))
    read = _rows(outs[0], None, rows, _size(eqn.outvars[0]))
    return [read, *[WHOLE] * (len(eqn.invars) - 1)]


def _rows(out: Touch, box: Box | None, key: Key, size: Count) -> Touch:
    """What reading part of an operand touches of it: the part, or the part of the part."""
    if out == NOTHING:
        return NOTHING
    if out.whole:
        return Touch(read={key: Part(size, box)}, unknown=out.unknown)
    read = {
        (*key, inner): Part(part.size, _shift(part.box, box)) for inner, part in out.read.items()
    }
    return Touch(read=read, unknown=out.unknown)


def _shift(inner: Box | None, outer: Box | None) -> Box | None:
    """Rows of a slice, as rows of what was sliced."""
    if inner is None or outer is None:
        return None
    return tuple((a + i, a + j) for (a, _), (i, j) in zip(outer, inner, strict=True))


def _dynamic_update_slice(eqn: Any, outs: list[Touch]) -> list[Touch]:
    """The operand but for the part that is replaced, unless it stays in place; the update whole."""
    operand, update, *indices = eqn.invars
    out, new = outs[0], _size(update)
    rest = {("all but", id(eqn)): Part(_size(operand) - new)} if out.whole else {}
    read = Touch(read={**out.read, **rest}, unknown=out.unknown)
    if out.kept:
        read = read | KEPT._replace(written={**out.written, ("update", id(eqn)): Part(new)})
    return [read, WHOLE, *[WHOLE] * len(indices)]


def _scatter(eqn: Any, outs: list[Touch]) -> list[Touch]:
    """The operand whole, unless it stays in place; combined with, the elements updated are read."""
    out, new = outs[0], _size(eqn.invars[2])
    read = out.reads
    if out.kept:
        part = {("update", id(eqn)): Part(new)}
        combined = {} if eqn.primitive.name == "scatter" else part
        read = read | Touch(read=combined, written={**out.written, **part}, kept=True)
    return [read, WHOLE, WHOLE]


def _split(eqn: Any, outs: list[Touch]) -> list[Touch]:
    """Every part that is needed."""
    if all(out.whole for out in outs):
        return [WHOLE]
    sizes = [out.elements(_size(v)) for out, v in zip(outs, eqn.outvars, strict=True)]
    return [Touch(read={("split", id(eqn), i): Part(n) for i, n in enumerate(sizes) if n != 0})]


def _identity(var: Any) -> Any:
    """What tells an index from others: a literal's value, or the variable."""
    return ("literal", str(var.val)) if type(var) is _jax.Literal else id(var)


def _size(var: Any) -> Count:
    return array_of(var.aval).size


_ACCESSES: dict[str, Callable[[Any, list[Touch]], list[Touch]]] = {
    **dict.fromkeys(MARKS, _marks),
    **dict.fromkeys(VIEWS, _view),
    **dict.fromkeys(_SAME_ELEMENTS, _order),
    **dict.fromkeys(("broadcast_in_dim", "concatenate", "pad", "tile"), _at_most),
    **dict.fromkeys(UPDATES, _scatter),
    "slice": _slice,
    "dynamic_slice": _dynamic_slice,
    "gather": _gather,
    "dynamic_update_slice": _dynamic_update_slice,
    "split": _split,
}
