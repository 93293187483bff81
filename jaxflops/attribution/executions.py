"""How often each instruction ran in one run, as the events tell, and at which site it stands.

Every instruction of a computation runs as often as the computation does. So the events of a loop's
body tell how often it went round, and those of a branch whether it was taken: costs are then those
of what really ran, and the trip counts that were inferred can be held against it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from jaxflops.cost import ZERO
from jaxflops.hlo.containers import common_scope
from jaxflops.hlo.sites import COMPILER
from jaxflops.polynomial import Count
from jaxflops.tree import HERE, Node, Site, Source

CONTAINERS = ("while", "conditional", "call")
"""Labels of nodes that only run others."""

_RUNS = 5
_EVENTS = 100_000  # some ten seconds to write and to read
_Runs = Fraction | None


class Placed(NamedTuple):
    """An instruction of the compiled program.

    node: with the cost of one execution. runs: executions in one run; None when not known.
    loop: the name of the innermost `while` around it.
    shared: whether its work comes from several sites, of which `site` is the deepest common one.
    """

    node: Node
    site: Site
    runs: int | None
    loop: str = ""
    shared: bool = False


class Loop(NamedTuple):
    """A loop's trips: inferred from the program (a symbol where it cannot be) and observed.

    observed: mean over its executions; None where no event of its body was seen.
    """

    name: str
    site: Site
    inferred: Count
    observed: Fraction | None

    @property
    def agrees(self) -> bool:
        """Whether what was observed, if anything was, is what was inferred."""
        return self.observed is None or self.observed == self.inferred


@dataclass
class Program:
    """Every instruction of a compiled program by name, and every loop.

    containers: names of those that only run others.
    """

    placed: dict[str, Placed] = field(default_factory=dict)
    loops: list[Loop] = field(default_factory=list)
    containers: set[str] = field(default_factory=set)


def place(tree: Node, events: Mapping[str, int]) -> Program:
    """The instructions of a module's tree. events: how often each name was seen in one run."""
    walk = _Walk(events)
    walk.region(tree, HERE, Fraction(1), "")
    return walk.program


def affordable_runs(tree: Node) -> int:
    """How many runs to record: five, or as many as have few enough events, at least one.

    An execution is an event; a loop of unknown length is taken to go round once.
    """
    placed = place(tree, {}).placed.values()
    events = sum(1 if each.runs is None else each.runs for each in placed)
    return max(1, min(_RUNS, _EVENTS // max(events, 1)))


class _Walk:
    """One walk over the tree, with what was observed."""

    def __init__(self, events: Mapping[str, int]) -> None:
        self._events = events
        self._exact: dict[str, _Runs] = {}
        self.program = Program()

    def region(self, node: Node, outer: Site, runs: _Runs, loop: str) -> None:
        """The instructions of a computation that runs `runs` times."""
        site = node.site.within(outer)
        for child in node.children:
            if child.label in CONTAINERS and child.children:
                self._container(child, site, runs, loop)
            else:
                self._instruction(child, site, runs, loop)

    def _instruction(self, node: Node, outer: Site, runs: _Runs, loop: str) -> None:
        site, shared = node.site.within(outer), False
        if _is_fusion(node):
            scopes = _working_scopes(node)
            phase = node.children[0].site.phase
            line = _working_line(node) if site.source is None else None
            inner = Site(common_scope(scopes) if scopes else (), line, phase)
            site, shared = inner.within(site), len(set(scopes)) > 1
        self._add(node, site, runs, loop, shared=shared)

    def _container(self, node: Node, outer: Site, runs: _Runs, loop: str) -> None:
        self.program.containers.add(node.name)
        hollow = node._replace(children=(), total=ZERO)
        self._add(hollow, node.site.within(outer), runs, loop, shared=False)
        if node.label == "call":
            self.region(node, outer, runs, loop)
            return
        site = node.site.within(outer)
        times = self._events.get(node.name, 0) or runs
        for part in node.children:
            ratio = self._observed(part, times)
            if node.label == "while" and part.label == "body":
                inner = node.name
                self.program.loops.append(Loop(node.name, site, part.times, ratio))
            else:
                inner = loop
            if ratio is None:
                ratio = self._unseen(node, part)
            self.region(part, site, _times(runs, ratio), inner)

    def _observed(self, part: Node, times: int | _Runs) -> _Runs:
        """Executions of a region for one of its container, by most of its instructions.

        Of equally many the fewer: an instruction can make several events, and never none.
        """
        counts = Counter(filter(None, map(self._events.get, _direct(part))))
        if not counts or not times:
            return None
        most = max(counts.values())
        return Fraction(min(n for n, how_many in counts.items() if how_many == most)) / times

    def _unseen(self, node: Node, part: Node) -> _Runs:
        """Of a region without events: of a choice that was seen, not taken; else as inferred."""
        if node.label == "conditional" and any(
            self._events.get(name) for other in node.children for name in _direct(other)
        ):
            return Fraction(0)
        return Fraction(part.times) if isinstance(part.times, int) else None

    def _add(self, node: Node, site: Site, runs: _Runs, loop: str, *, shared: bool) -> None:
        """An instruction; one of a function with several calls stands at what they share."""
        before = self.program.placed.get(node.name)
        if before is not None:
            site, shared = _common(before.site, site), True
            known = self._exact[node.name]
            runs = known + runs if known is not None and runs is not None else None
        self._exact[node.name] = runs
        whole = int(runs) if runs is not None and runs.denominator == 1 else None
        self.program.placed[node.name] = Placed(node, site, whole, loop, shared)


def _is_fusion(node: Node) -> bool:
    return node.label == "fusion" and bool(node.children)


def _working_scopes(fusion: Node) -> list[tuple[str, ...]]:
    """Scopes, relative to a fusion, of the instructions in it that do anything: views do not."""
    return [part.site.scope for part in _working(fusion)]


def _working(fusion: Node) -> list[Node]:
    """Those instructions."""
    return [part for part in fusion.children[1:] if part.state != "free" and is_named(part.site)]


def _working_line(fusion: Node) -> Source | None:
    """The line that all of them are at, for a fusion that lost its own name."""
    sources = [part.site.source for part in _working(fusion)]
    lines = {(source.file, source.line) for source in sources if source is not None}
    return sources[0] if len(lines) == 1 and None not in sources else None


def _direct(region: Node) -> Iterable[str]:
    """Names of a region's own instructions, those that calls in it run among them."""
    for child in region.children:
        if child.label == "call":
            yield from _direct(child)
        yield child.name


def _times(runs: _Runs, ratio: _Runs) -> _Runs:
    return runs * ratio if runs is not None and ratio is not None else None


def _common(one: Site, other: Site) -> Site:
    """The deepest scope of both; the source and phase where they agree."""
    return Site(
        common_scope([one.scope, other.scope]),
        one.source if one.source == other.source else None,
        one.phase if one.phase == other.phase else None,
    )


def is_named(site: Site) -> bool:
    """Whether the program, not the compiler, named what stands here."""
    return site.scope[-1:] != COMPILER
