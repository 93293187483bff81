"""What lowering knows of variables: arrays of one value, from literals alone; and which are one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jax.extend import core
from jax.sharding import AxisType

# Of operands that are one value everywhere they make one; of the second kind, the same one.
_COMPUTED = {
    "neg": np.negative,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "max": np.maximum,
    "min": np.minimum,
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}
_FOLDED = (*_COMPUTED, "div")
_SAME = """broadcast_in_dim reshape squeeze expand_dims transpose copy
convert_element_type""".split()  # noqa: SIM905
# What lowers to its operand itself where neither shape nor type changes; `split` into one piece.
_IDENTITY = ("stop_gradient", "split", *_SAME)


class _Known(NamedTuple):
    """variable: kept, for its id is the key. value: None where only that it is a constant."""

    variable: Any
    value: Any


class Constants:
    """What is known in a jaxpr whose equations are seen in order."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}
        self._stands_for: dict[int, tuple[Any, Any]] = {}  # id -> variable, what it is

    def folds(self, eqn: Any) -> bool:
        """Whether lowering computes the equation itself; its results are constants then."""
        name = eqn.primitive.name
        scalars = all(getattr(v.aval, "shape", None) == () for v in eqn.outvars)
        folded = bool(eqn.invars) and all(map(self._is_known, eqn.invars))
        folded = folded and (scalars or name in (*_FOLDED, *_SAME, "pad") or _is_identity(eqn))
        value = self._result(eqn) if folded else _iota(eqn)
        for v in eqn.outvars:
            self._known.pop(id(v), None)
            self._stands_for.pop(id(v), None)
            if folded or value is not None:
                self._known[id(v)] = _Known(v, value)
            if _is_identity(eqn):
                self._stands_for[id(v)] = (v, self._root(eqn.invars[0]))
        return folded

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
        if name not in _COMPUTED or any(value is None for value in values):
            return None
        typed = [np.asarray(x, v.aval.dtype) for x, v in zip(values, eqn.invars, strict=True)]
        with np.errstate(all="ignore"):
            return _COMPUTED[name](*typed)[()]

    def _is_known(self, v: Any) -> bool:
        """Literals, what was computed from them, and arrays without elements (a pad of one)."""
        empty = 0 in getattr(v.aval, "shape", ())
        return empty or isinstance(v, core.Literal) or id(v) in self._known


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
