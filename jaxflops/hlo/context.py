"""What a walk carries into a computation, and what it brings out."""

from __future__ import annotations

from typing import NamedTuple

from jaxflops.branches import BranchPolicy
from jaxflops.hlo.flow import Flag
from jaxflops.polynomial import Count
from jaxflops.tree import Node, Phase

SETTLED = ("backward", "recompute")


Callers = tuple[tuple[str, str, str], ...]
"""(computation, the computation that calls it, the instruction there), by the computation."""


class Context(NamedTuple):
    """What a computation's own instructions cannot tell about where it is called.

    flags: of its parameters: which parts depend on a backward value.
    phase: of the calls around it; kept only while names are relative to the call.
    relative: names in it begin at the call, as in functions that are lowered once.
    fused: bytes are the fusion's.
    callers: of computations with several callers that say how often its loops run: which it is.
    """

    flags: tuple[Flag, ...] = ()
    phase: Phase | None = None
    relative: bool = False
    fused: bool = False
    callers: Callers = ()


class Walked(NamedTuple):
    """A computation's nodes, the flag of its result, and every phase that occurs in it."""

    nodes: tuple[Node, ...]
    flag: Flag
    phases: frozenset[Phase | None]


class Options(NamedTuple):
    """branch: what a conditional costs. trip_counts: by scope or `file:line`."""

    branch: BranchPolicy | int = "max"
    trip_counts: tuple[tuple[str, Count], ...] = ()
    strict: bool = False
