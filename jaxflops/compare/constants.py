"""Which variables lowering knows: arrays of one value, computed from literals alone."""

from __future__ import annotations

from typing import Any, NamedTuple

from jax.extend import core

# Of operands that are one value everywhere they make one; of the second kind, the same one.
_FOLDED = ("neg", "add", "sub", "mul", "div", "max", "min")
_SAME = """broadcast_in_dim reshape squeeze expand_dims transpose copy
convert_element_type""".split()  # noqa: SIM905


class _Known(NamedTuple):
    """variable: kept, for its id is the key. value: None where only that it is a constant."""

    variable: Any
    value: Any


class Constants:
    """What is known in a jaxpr whose equations are seen in order."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}

    def folds(self, eqn: Any) -> bool:
        """Whether lowering computes the equation itself; its results are constants then."""
        name = eqn.primitive.name
        scalars = all(getattr(v.aval, "shape", None) == () for v in eqn.outvars)
        folded = bool(eqn.invars) and all(map(self._is_known, eqn.invars))
        folded = folded and (scalars or name in (*_FOLDED, *_SAME, "pad"))
        same = {"pad": -1} | dict.fromkeys(_SAME, 0)  # the operand whose value the result has
        value = self.value(eqn.invars[same[name]]) if folded and name in same else None
        for v in eqn.outvars:
            self._known.pop(id(v), None)
            if folded:
                self._known[id(v)] = _Known(v, value)
        return folded

    def value(self, v: Any) -> Any:
        """The one value of an operand; None where it is not known."""
        if isinstance(v, core.Literal):
            return v.val
        return self._known[id(v)].value if id(v) in self._known else None

    def _is_known(self, v: Any) -> bool:
        """Literals, what was computed from them, and arrays without elements (a pad of one)."""
        empty = 0 in getattr(v.aval, "shape", ())
        return empty or isinstance(v, core.Literal) or id(v) in self._known
