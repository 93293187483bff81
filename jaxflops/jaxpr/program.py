"""A traced program, what was made of the function before tracing it, and how to name it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import index
from typing import Any, Literal, get_args

from jaxflops.errors import JaxflopsError
from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.platforms import platforms_chosen

Mode = Literal["call", "grad", "value_and_grad", "vjp"]


@dataclass(frozen=True)
class Program:
    """A traced program, before dead-code removal.

    jaxpr: the closed jaxpr.
    names: the user's path of each flat input (`params['w1']`); '' where unknown.
    differentiated: for each flat output that is a gradient, the input it belongs to; else None.
    donated: for each flat input, whether its memory is given to the program; empty: none is.
    """

    jaxpr: Any
    name: str
    mode: Mode
    names: tuple[str, ...]
    differentiated: tuple[int | None, ...] = ()
    donated: tuple[bool, ...] = ()

    @property
    def arguments(self) -> tuple[str, ...]:
        """`params['w1']: float32[B,D]` for each flat input."""
        avals = [v.aval for v in _jax.open_jaxpr(self.jaxpr).invars]
        return tuple(
            f"{n or '?'}: {_jax.show_aval(a)}" for n, a in zip(self.names, avals, strict=True)
        )


@dataclass(frozen=True)
class How:
    """What to make of the function before tracing it."""

    mode: Mode = "call"
    argnums: int | Sequence[int] = 0
    has_aux: bool = False
    static_argnums: int | Sequence[int] = ()

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            choices = ", ".join(repr(mode) for mode in get_args(Mode))
            raise JaxflopsError(f"mode={self.mode!r}: write one of {choices}")

    @property
    def static(self) -> tuple[int, ...]:
        """Static positions as a tuple."""
        return as_tuple(self.static_argnums)

    def from_the_front(self, count: int) -> How:
        """The same of `count` arguments, positions from the end (-1 is the last) from 0 on."""
        return replace(
            self,
            argnums=from_the_front(self.argnums, count),
            static_argnums=from_the_front(self.static_argnums, count),
        )


def from_the_front(positions: Any, count: int) -> Any:
    """One position or several; what is out of range, or no position, stays for who checks."""
    if isinstance(positions, (tuple, list)):
        return tuple(from_the_front(position, count) for position in positions)
    counts = hasattr(positions, "__index__") and -count <= index(positions) < 0
    return index(positions) + count if counts else positions


def remove_dead_code(program: Program, *, to_run: bool = False) -> tuple[Any, list[bool]]:
    """The open jaxpr without dead equations (lowering drops them too), and which inputs are used.

    A jaxpr of `grad` keeps equations whose results nobody reads, and one with a choice by platform
    those for branches that are not counted.

    to_run: it will be run, so that every branch stays.
    """
    return _jax.dce(program.jaxpr if to_run else platforms_chosen(program.jaxpr))


def function_name(target: Any) -> str:
    """How to call the thing in a report."""
    while hasattr(target, "func") and not hasattr(target, "__name__"):  # functools.partial
        target = target.func
    info = getattr(getattr(target, "jaxpr", target), "debug_info", None)
    return str(getattr(target, "__name__", None) or getattr(info, "func_name", "program"))


def as_tuple(positions: int | Sequence[int] | None) -> tuple[int, ...]:
    """Positions as JAX takes them: one, several, or None."""
    if positions is None:
        return ()
    return (index(positions),) if hasattr(positions, "__index__") else tuple(positions)
