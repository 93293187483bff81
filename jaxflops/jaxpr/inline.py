"""A program as one list of steps: calls written out, loops and choices kept with their bodies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.leaf import array_of
from jaxflops.jaxpr.op import Bodies, Body
from jaxflops.jaxpr.origins import bodies_of
from jaxflops.polynomial import Count


class Value:
    """One value of the program as it runs; told apart by identity."""

    __slots__ = ("bytes",)

    def __init__(self, size: Count) -> None:
        self.bytes = size


class Step(NamedTuple):
    """One equation: what it reads and makes. Literals are left out.

    eqn: None for a slice that a loop takes of its stacked inputs, or puts among its results.
    """

    name: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    eqn: Any = None
    bodies: Bodies | None = None


class Listing(NamedTuple):
    """Steps in program order; a result that is a literal is a value that no step makes."""

    steps: list[Step]
    results: list[Value]


def value_of(var: Any) -> Value:
    """A new value of a variable's size."""
    return Value(array_of(var.aval).bytes)


def listing(jaxpr: Any, inputs: Sequence[Value | None]) -> Listing:
    """The steps of a jaxpr applied to values."""
    steps: list[Step] = []
    return Listing(steps, _write(_jax.open_jaxpr(jaxpr), inputs, steps))


def _write(jaxpr: Any, inputs: Sequence[Value | None], steps: list[Step]) -> list[Value]:
    """Append the jaxpr's steps; its results."""
    values: dict[Any, Value | None] = {v: value_of(v) for v in jaxpr.constvars}
    values.update(zip(jaxpr.invars, inputs, strict=True))

    def get(var: Any) -> Value | None:
        return None if type(var) is _jax.Literal else values[var]

    for eqn in jaxpr.eqns:
        operands = [get(v) for v in eqn.invars]
        bodies = bodies_of(eqn)
        if call := _called(eqn, bodies):
            inner = _jax.open_jaxpr(call.jaxpr)
            given = [
                value_of(v) if p is None else operands[p]
                for v, p in zip(inner.invars, call.inputs, strict=True)
            ]
            values.update(zip(eqn.outvars, _write(inner, given, steps), strict=True))
            continue
        outs = [value_of(v) for v in eqn.outvars]
        values.update(zip(eqn.outvars, outs, strict=True))
        read = tuple(v for v in operands if v is not None)
        steps.append(Step(eqn.primitive.name, read, tuple(outs), eqn, bodies))
    return [get(v) or value_of(v) for v in jaxpr.outvars]


def _called(eqn: Any, bodies: Bodies | None) -> Body | None:
    """The body of a call that runs once on its own operands: its code can stand in its place."""
    if not isinstance(bodies, tuple) or len(bodies) != 1:
        return None
    (body,) = bodies
    plain = body.times == 1 and not body.feedback
    same = plain and body.outputs == tuple(range(len(eqn.outvars)))
    return body if same and not _is_loop(eqn) else None


def _is_loop(eqn: Any) -> bool:
    return bool(eqn.primitive.name == "scan")
