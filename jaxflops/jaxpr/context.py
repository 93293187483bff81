"""What a walk carries into a jaxpr, and what it brings out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from jaxflops.jaxpr import _jax
from jaxflops.polynomial import Count
from jaxflops.tree import Frame, Node, Phase

Flags = tuple[bool, ...]
Known = tuple[Count | None, ...]
SETTLED = ("backward", "recompute")


class Context(NamedTuple):
    """What a jaxpr's own equations cannot tell about where it is called.

    phase: of the call so far; an equation without a mark inherits it.
    tainted: which inputs depend on a backward value, so that unmarked equations that read them
      are `update`; empty when the phase settles it.
    scope: the absolute path, kept only while trip counts are given by it.
    known: the integers that inputs always are, kept only where a `while` may need them.
    place: the line of the call, kept only where a loop or a choice has none of its own.
    """

    phase: Phase | None = None
    tainted: Flags = ()
    scope: tuple[str, ...] = ()
    known: Known = ()
    place: Frame | None = None

    @property
    def settled(self) -> bool:
        """Whether everything inside depends on a backward value."""
        return self.phase in SETTLED


class Walked(NamedTuple):
    """The nodes of a jaxpr, and which of its results depend on a backward value."""

    nodes: tuple[Node, ...]
    tainted: Flags


WalkJaxpr = Callable[[Any, Context], Walked]


def any_in(atoms: Iterable[Any], tainted: set[Any]) -> bool:
    """Whether any operand is in the set (literals are not hashable, and never are)."""
    literal = _jax.Literal
    return any(type(v) is not literal and v in tainted for v in atoms)


def flags_of(atoms: Iterable[Any], tainted: set[Any]) -> Flags:
    """For each operand, whether it is in the set."""
    literal = _jax.Literal
    return tuple(type(v) is not literal and v in tainted for v in atoms)
