"""Straight programs over scalars, run on Python ints and on sizes in symbols."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from jaxflops.errors import JaxflopsError
from jaxflops.formulas.integers import COMPARISONS, apply, narrow
from jaxflops.polynomial import Count, Polynomial, maximum, minimum


class OpenLoopError(Exception):
    """A trip count that cannot be evaluated; the message says on what it depends."""


class Step(NamedTuple):
    """One scalar operation on the results of earlier steps."""

    opcode: str
    dtype: str
    args: tuple[int, ...] = ()
    value: Count = 0
    direction: str = ""


def values(steps: Sequence[Step], state: Mapping[int, Count]) -> list[Count]:
    """Every step's value; `state` gives the slots, by the number of their step."""
    found: list[Count] = []
    for index, step in enumerate(steps):
        if step.opcode == "slot":
            found.append(state[index])
        elif step.opcode == "constant":
            found.append(step.value)
        else:
            found.append(_apply(step, [found[arg] for arg in step.args]))
    return found


def _apply(step: Step, args: list[Any]) -> Count:
    if any(isinstance(arg, Polynomial) for arg in args):
        return _in_symbols(step, args)
    if step.opcode == "compare":
        return int(COMPARISONS[step.direction](*args))
    return apply(step.opcode, args, step.dtype)


def _in_symbols(step: Step, args: list[Any]) -> Count:
    """Sizes are taken to fit 32 bits, not fewer; what depends on them in another way stays open."""
    if narrow(step.dtype):
        raise OpenLoopError(f"a symbolic size as {step.dtype}, which may not hold it")
    try:
        if step.opcode == "compare":
            return int(_COMPARE[step.direction](*args))
        if step.opcode in _SYMBOLIC and step.dtype != "pred":
            return _SYMBOLIC[step.opcode](*args)
    except (JaxflopsError, ZeroDivisionError) as error:
        reason, _, _ = str(error).partition(";")  # sizes given later are too late for the trips
        raise OpenLoopError(
            f"sizes for which no one formula holds ({reason}; arguments of known sizes decide it)"
        ) from error
    raise OpenLoopError(f"{step.opcode} of a symbolic size")


def _divide(a: Any, b: Any) -> Any:
    """Towards zero, which is down for what is not negative."""
    if not (a >= 0 and b > 0):
        raise JaxflopsError("a division of what may be negative")
    return a // b


def _select(which: Any, one: Any, zero: Any) -> Any:
    return one if which else zero


def _equal(a: Any, b: Any) -> bool:
    """Equal, or different at every size; raises where that depends on the sizes."""
    return not (a < b or a > b)


_SYMBOLIC: dict[str, Callable[..., Count]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "negate": operator.neg,
    "convert": lambda a: a,
    "divide": _divide,
    "remainder": lambda a, b: a - b * _divide(a, b),
    "maximum": maximum,
    "minimum": minimum,
    "sign": lambda a: int(a > 0) - int(a < 0),
    "select": _select,
}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "LT": operator.lt,
    "LE": operator.le,
    "GT": operator.gt,
    "GE": operator.ge,
    "EQ": _equal,
    "NE": lambda a, b: not _equal(a, b),
}
