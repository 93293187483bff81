"""`Site` and `Node`: the one tree into which every lane reads a program."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Literal, NamedTuple, Protocol

from jaxflops.cost import FIELDS, ZERO, Cost, total
from jaxflops.polynomial import Count, maximum

Phase = Literal["forward", "recompute", "backward", "update"]
PHASES: tuple[Phase, ...] = ("forward", "recompute", "backward", "update")
TIMES, ARROW = "\u00d7", "\u2192"
State = Literal["costed", "free", "moved", "unknown"]


class Source(Protocol):
    """A place in the user's program; lanes may resolve it lazily."""

    @property
    def file(self) -> str:
        """Path of the file; empty when unknown."""

    @property
    def line(self) -> int:
        """Line of the expression; 0 when unknown."""

    @property
    def function(self) -> str:
        """Qualified name of the function."""


class Frame(NamedTuple):
    """A resolved `Source`; false where no file is known."""

    file: str
    line: int
    function: str

    def __bool__(self) -> bool:
        return bool(self.file)


def compose_phase(outer: Phase | None, inner: Phase | None) -> Phase | None:
    """The phase of `inner` work called from `outer`: recompute wins, then backward, then inner."""
    if outer == "recompute" or inner == "recompute":
        return "recompute"
    if outer == "backward" or inner == "backward":
        return "backward"
    return inner or outer


class Site(NamedTuple):
    """Where work stands, relative to the enclosing node; `None` inherits from it."""

    scope: tuple[str, ...] = ()
    source: Source | None = None
    phase: Phase | None = None

    def within(self, outer: Site) -> Site:
        """Itself, seen from outside `outer`."""
        return Site(
            outer.scope + self.scope,
            self.source or outer.source,
            compose_phase(outer.phase, self.phase),
        )


HERE = Site()


class Kind(NamedTuple):
    """What arithmetic a leaf does; every peak is chosen by it.

    operands: dtypes of a contraction's operands; of other work, the dtype it is done in.
    accumulator: dtype of a contraction's result (its preferred element type).
    precision: as asked for; empty when the default or when there is none.
    """

    operands: tuple[str, ...]
    accumulator: str = ""
    precision: str = ""

    def __str__(self) -> str:
        arrow = f"{ARROW}{self.accumulator}" if self.accumulator else ""
        return f"{TIMES.join(self.operands)}{arrow} {self.precision}".strip()


class Node(NamedTuple):
    """One operation or call: `total = times * (own + sum of the children's totals)`.

    label: primitive, opcode or role (`body`, `branch 0`).
    site: relative to the parent.
    times: how often it runs each time its parent runs: int, symbol; 0 for a branch not taken.
    copies: how often its text stands in the lowered module (`unroll`); what XLA multiplies by.
    replicas: of how many of the `times` each does the same work on another device.
    choice: the children are alternatives of which one runs.
    kind: operand dtypes, accumulator and precision, by which a peak is chosen.
    state: of a leaf's rule; a container is `unknown` when what it does beside its children is.
    name: of the instruction in its HLO module, by which a profiler knows it; empty elsewhere
      and inside a fusion, which runs as one.
    """

    label: str
    site: Site
    own: Cost
    total: Cost
    kind: Kind | None = None
    state: State = "costed"
    times: Count = 1
    children: tuple[Node, ...] = ()
    notes: tuple[str, ...] = ()
    copies: int = 1
    choice: bool = False
    name: str = ""
    replicas: int = 1

    @property
    def is_leaf(self) -> bool:
        """Whether it is an operation: without children, or with work of its own beside them."""
        return not self.children or self.state == "unknown"

    def leaves(self, outer: Site = HERE, times: Count = 1) -> Iterator[Leaf]:
        """Every operation, with its absolute site and multiplicity."""
        site, times = self.site.within(outer), times * self.times
        if self.is_leaf:
            yield Leaf(self, site, times)
        for child in self.children:
            yield from child.leaves(site, times)

    def once(self) -> Cost:
        """The cost as XLA's analysis reports it: loop bodies once, a conditional per-field max."""
        return _once(self, {})

    def check(self) -> None:
        """Raise AssertionError unless the stored totals are conserved from the leaves up."""
        seen: set[int] = set()
        stack = [self]
        while stack:
            node = stack.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            expected = gather(node.own, node.children) * node.times
            if expected != node.total:
                raise AssertionError(f"{node.label}: stored {node.total}, children say {expected}")
            stack.extend(node.children)


class Leaf(NamedTuple):
    """An operation at its absolute site, run `times` times."""

    node: Node
    site: Site
    times: Count


def gather(own: Cost, children: tuple[Node, ...]) -> Cost:
    """What one execution costs: `own` and all that the children do."""
    return own + total([child.total for child in children])


def branch(
    label: str,
    site: Site,
    children: tuple[Node, ...],
    *,
    times: Count = 1,
    notes: tuple[str, ...] = (),
    copies: int = 1,
    choice: bool = False,
    state: State = "costed",
) -> Node:
    """A container node: a call, a loop or a choice."""
    return Node(
        label,
        site,
        ZERO,
        gather(ZERO, children) * times,
        times=times,
        children=children,
        notes=notes,
        copies=copies,
        choice=choice,
        state=state,
    )


def _once(node: Node, memo: dict[int, Cost]) -> Cost:
    known = memo.get(id(node))
    if known is None:
        parts = [_once(child, memo) for child in node.children]
        inner = _fieldwise_max(parts) if node.choice and parts else total(parts)
        known = memo[id(node)] = (node.own + inner) * node.copies
    return known


def _fieldwise_max(costs: list[Cost]) -> Cost:
    """XLA's own reading of a conditional: the largest value of each property."""
    return Cost(*(reduce(maximum, (getattr(cost, name) for cost in costs)) for name in FIELDS))
