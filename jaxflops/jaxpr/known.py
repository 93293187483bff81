"""Integers that flow into the jaxprs of a program, followed only where a `while` may need them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jaxflops.formulas.scalar_steps import OpenLoopError, Step
from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.context import Known
from jaxflops.jaxpr.op import Body
from jaxflops.jaxpr.registry import BODY_RULES
from jaxflops.jaxpr.scalars import Frame, Slice, keeps, value, xla_dtype


class Holds:
    """Which jaxprs hold an equation of a kind, each looked through once."""

    def __init__(self, wanted: Callable[[Any], bool]) -> None:
        self._wanted = wanted
        self._holds: dict[int, bool] = {}
        self._alive: list[Any] = []  # keeps jaxprs alive while their ids are keys

    def inside(self, jaxpr: Any) -> bool:
        """Whether one stands anywhere in the jaxpr."""
        opened = _jax.open_jaxpr(jaxpr)
        if id(opened) not in self._holds:
            self._alive.append(opened)
            self._holds[id(opened)] = any(map(self.at, opened.eqns))
        return self._holds[id(opened)]

    def at(self, eqn: Any) -> bool:
        """Whether the equation is one, or runs a jaxpr that holds one."""
        if self._wanted(eqn):
            return True
        if eqn.primitive.name not in BODY_RULES:
            return False
        return any(self.inside(jaxpr) for _, jaxpr in _jax.jaxprs_in(eqn.params))


def is_loop(eqn: Any) -> bool:
    """Whether the equation is a `while`."""
    return bool(eqn.primitive.name == "while")


def is_unplaced(eqn: Any) -> bool:
    """Whether it is a loop or a choice without a line of the user's.

    JAX cuts the tracebacks of functions that it traces once and keeps (`jax.random.poisson`).
    """
    if eqn.primitive.name not in ("while", "cond"):
        return False
    return not _jax.TracebackSource(eqn.source_info.traceback).file


def enter(jaxpr: Any, known: Known) -> Frame:
    """The frame of a jaxpr whose inputs are known in part."""

    def argument(part: Slice, number: int) -> int:
        found = known[number] if number < len(known) else None
        if found is None:
            name = _jax.arg_names(frame.jaxpr)[number]
            raise OpenLoopError(f"the argument {name!r}" if name else "a value from outside")
        dtype = xla_dtype(frame.jaxpr.invars[number].aval)
        return part.add(Step("constant", dtype, value=found))

    frame = Frame(jaxpr, argument)
    return frame


def inputs_of(body: Body, frame: Frame, eqn: Any) -> Known:
    """What is known of a body's inputs in every iteration, seen from the frame of its equation."""
    carried = {operand: result for result, operand in body.feedback}
    known: list[Any] = []
    for number, position in enumerate(body.inputs):
        moves = number in carried and not keeps(body, carried[number])
        atom = None if position is None or moves else eqn.invars[position]
        known.append(None if atom is None else value(frame, atom))
    return tuple(known)
