"""What lowering knows of variables: arrays of one value, from literals alone; and which are one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from jax.extend import core
from jax.sharding import AxisType

from jaxflops.jaxpr._jax import jaxprs_in, open_jaxpr

# Of real operands that are one value everywhere they make one; of any constants, a constant.
_COMPUTED: dict[str, Callable[..., Any]] = {
    "neg": np.negative,
    "abs": np.abs,
    "sign": np.sign,
    "square": np.square,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "tanh": np.tanh,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "cosh": np.cosh,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "max": np.maximum,
    "min": np.minimum,
    "rem": np.fmod,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "select_n": lambda which, *cases: cases[int(which)],
}
_FOLDED = {*_COMPUTED, "integer_pow", "exp2", "round", "logistic", "clamp"}
_OF_POSITIVE: dict[str, Callable[..., Any]] = {"log": np.log, "rsqrt": lambda x: 1 / np.sqrt(x)}
"""Folded where the operand is known to be positive: zeros are left to run."""
_SAME = """broadcast_in_dim reshape squeeze expand_dims transpose copy slice rev
convert_element_type""".split()  # noqa: SIM905
# What lowers to its operand itself where neither shape nor type changes; `split` into one piece.
_IDENTITY = ("stop_gradient", "split", *_SAME)


class _Known(NamedTuple):
    """variable: kept, for its id is the key. value: None where only that it is a constant."""

    variable: Any
    value: Any


class Constants:
    """What is known in a jaxpr whose equations are seen in order."""

    def __init__(self, closed_over: Iterable[tuple[Any, Any]] = ()) -> None:
        """closed_over: (variable, array) of what the program has from outside."""
        self._known = {id(v): _Known(v, _one_value(array)) for v, array in closed_over}
        self._stands_for: dict[int, tuple[Any, Any]] = {}  # id -> variable, what it is

    def folds(self, eqn: Any) -> bool:
        """Whether lowering computes the equation itself; its results are constants then."""
        folded = bool(eqn.invars) and all(map(self._is_known, eqn.invars)) and self._folds(eqn)
        value = self._result(eqn) if folded else _iota(eqn)
        for v in eqn.outvars:
            self._known.pop(id(v), None)
            self._stands_for.pop(id(v), None)
            if folded or value is not None:
                self._known[id(v)] = _Known(v, value)
            if _is_identity(eqn):
                self._stands_for[id(v)] = (v, self._root(eqn.invars[0]))
        return folded

    def _folds(self, eqn: Any) -> bool:
        """Whether lowering folds it, all its operands being constants."""
        name, operands = eqn.primitive.name, [v.aval for v in eqn.invars]
        if _is_identity(eqn) or name == "pvary":
            return True
        if name in _SAME:
            return self.value(eqn.invars[0]) is not None or _moves_nothing(eqn)
        if name == "pad":  # of nothing
            return 0 in operands[0].shape
        if any(np.issubdtype(aval.dtype, np.complexfloating) for aval in operands):
            return False
        value = self.value(eqn.invars[0])
        return name in _FOLDED or (name in _OF_POSITIVE and value is not None and value > 0)

    def value(self, v: Any) -> Any:
        """The one value of an operand; None where it is not known."""
        if isinstance(v, core.Literal):
            return v.val
        return self._known[id(v)].value if id(v) in self._known else None

    def equal(self, operands: list[Any]) -> list[int]:
        """For each operand the first that is the same array, itself as a rule."""
        roots = [id(self._root(v)) for v in operands]
        return [roots.index(root) for root in roots]

    def _root(self, v: Any) -> Any:
        return self._stands_for[id(v)][1] if id(v) in self._stands_for else v

    def _result(self, eqn: Any) -> Any:
        """The one value of what is computed from constants, where it is known."""
        name, values = eqn.primitive.name, [self.value(v) for v in eqn.invars]
        if name in (*_SAME, "split") or _is_identity(eqn):
            return values[0]
        if name == "pad":
            return values[-1]
        compute = _COMPUTED.get(name) or _OF_POSITIVE.get(name)
        if compute is None or any(value is None for value in values):
            return None
        typed = [np.asarray(x, v.aval.dtype) for x, v in zip(values, eqn.invars, strict=True)]
        with np.errstate(all="ignore"):
            return np.asarray(compute(*typed), eqn.outvars[0].aval.dtype)[()]

    def _is_known(self, v: Any) -> bool:
        """Literals, what was computed from them, and arrays without elements (a pad of one)."""
        empty = 0 in getattr(v.aval, "shape", ())
        return empty or isinstance(v, core.Literal) or id(v) in self._known


def closed_over(jaxpr: Any) -> Iterator[tuple[Any, Any]]:
    """(variable, array) of what the jaxprs in an open jaxpr have from outside: its calls' too."""
    for eqn in jaxpr.eqns:
        for _, inner in jaxprs_in(eqn.params):
            opened = open_jaxpr(inner)
            yield from zip(opened.constvars, getattr(inner, "consts", ()), strict=False)
            yield from closed_over(opened)


def _one_value(array: Any) -> Any:
    """The value of which all elements of an array are; None where they differ."""
    whole = np.asarray(array)
    first = whole.reshape(-1)[:1]
    return first[0] if whole.size and (whole == first).all() else None


def _moves_nothing(eqn: Any) -> bool:
    """Whether it is of one element, or elements stay as they are, in order."""
    before, after = eqn.invars[0].aval, eqn.outvars[0].aval
    moves = eqn.primitive.name in ("transpose", "slice", "rev")
    return bool(before.size == 1 or (before.size == after.size and not moves))


def _is_identity(eqn: Any) -> bool:
    if (
        not (eqn.primitive.name in _IDENTITY or _leaves_to_the_compiler(eqn))
        or len(eqn.outvars) != 1
    ):
        return False
    before, after = eqn.invars[0].aval, eqn.outvars[0].aval
    return bool(before.shape == after.shape and before.dtype == after.dtype)


def _leaves_to_the_compiler(eqn: Any) -> bool:
    """Whether it is a `reshard` that asks for nothing: no axis of its mesh is explicit."""
    mesh = getattr(eqn.params.get("dst_sharding"), "mesh", None)
    axes = getattr(mesh, "axis_types", ())
    return eqn.primitive.name == "reshard" and all(axis == AxisType.Auto for axis in axes)


def _iota(eqn: Any) -> int | None:
    """0, of an `iota` along a dimension of size 1."""
    params = eqn.params
    one = eqn.primitive.name == "iota" and params["shape"][params["dimension"]] == 1
    return 0 if one else None
