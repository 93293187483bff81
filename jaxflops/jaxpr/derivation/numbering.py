"""Value numbers: the same operation on the same values, wherever it stands, has one number.

(Alpern, Wegman and Zadeck, "Detecting equality of variables in programs", POPL 1988.) What a
rematerialised region computes again gets the number of the first time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxflops.jaxpr.derivation.values import Value
from jaxflops.jaxpr.derivation.views_of import view_of


class Numbering:
    """Numbers by key; a key of None gets a number of its own."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}
        self._count = 0
        self._alive: list[Any] = []  # keeps objects alive while their ids are keys

    def of(self, key: Any) -> int:
        """The number of a key."""
        if isinstance(key, tuple) and key and key[0] == "number":
            return int(key[1])
        known = self._numbers.get(key) if key is not None else None
        if known is None:
            self._count += 1
            known = self._count
            if key is not None:
                self._numbers[key] = known
        return known

    def equation(self, eqn: Any, operands: Sequence[Value]) -> list[Any]:
        """One key for each result: its operation and its operands' numbers."""
        results = range(len(eqn.outvars))
        same = view_of(eqn) if len(operands) <= 1 or eqn.primitive.name in _MARKS else None
        if same is not None and same[0].kind == "same":
            chosen = results if eqn.primitive.name in _MARKS else (0,)
            return [("number", operands[i].number) for i in chosen]
        if eqn.effects:
            return [None] * len(eqn.outvars)
        numbers = tuple(operand.number for operand in operands)
        return [(eqn.primitive.name, self._params(eqn.params), numbers, i) for i in results]

    def literal(self, literal: Any) -> Any:
        """By value, type and shape."""
        value = np.asarray(literal.val)
        return ("literal", str(literal.aval), value.tobytes()) if value.dtype != object else None

    def _params(self, params: dict[str, Any]) -> Any:
        if not params:
            return ()
        try:
            key = tuple(params.items())
            hash(key)
        except TypeError:
            self._alive.append(params)
            return id(params)
        return key


_MARKS = frozenset(("optimization_barrier",))
