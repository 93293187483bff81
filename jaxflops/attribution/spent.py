"""`Spent`: seconds of some instructions with what they did meanwhile; adds up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from jaxflops.attribution.executions import Placed, is_named
from jaxflops.contractions import by_phase_and_kind
from jaxflops.cost import ZERO, Cost
from jaxflops.machine import trace_runs
from jaxflops.machine.roofline import Roofs, ideal
from jaxflops.tree import Kind, Site

How = Literal["scope", "line", "inferred", "none"]
"""What explains an instruction's seconds.

scope: the program named it, under a scope. line: the program named it, outside every scope.
inferred: it has no name, and the data flow says whose it is: it makes a loop's buffer, or its
  result is one that the program named.
none: nothing: the compiler's own, or a fusion across scopes that have only the root in common.
"""


class Item(NamedTuple):
    """One instruction's seconds of a run, at its site.

    runs, cost: of one run of the module; None where it is not known how often it ran.
    flops: its contractions by kind. active: seconds in which it was active, alone or not.
    kernels: what an accelerator ran for it, by name; of a CPU nothing.
    copies: the argument that an unnamed copy copies.
    """

    name: str
    opcode: str
    site: Site
    how: How
    shared: bool
    runs: int | None
    seconds: float
    active: float
    cost: Cost | None
    flops: Mapping[Kind, int]
    kernels: tuple[str, ...] = ()
    copies: str = ""


def item(name: str, placed: Placed, took: trace_runs.Spent, flow: Site | None) -> Item:
    """The instruction `name`; `flow` is the site that the data flow gives it, if it needs one."""
    node, site, runs = placed.node, placed.site, placed.runs
    how: How = _explained(site, shared=placed.shared)
    if how == "none" and flow is not None:
        site, how = flow, "inferred"
    cost = node.total * runs if runs is not None else None
    flops: dict[Kind, int] = {}
    for (_, kind), number in by_phase_and_kind(node).items():
        assert isinstance(number, int), f"{name}: {number} FLOPs"
        flops[kind] = flops.get(kind, 0) + number * (runs or 0)
    opcode = "fusion" if node.label == "shared fusion" else node.label
    seconds, active, _, kernels = took
    return Item(name, opcode, site, how, placed.shared, runs, seconds, active, cost, flops, kernels)


def _explained(site: Site, *, shared: bool) -> How:
    if not is_named(site):
        return "none"
    if site.scope:
        return "scope"
    return "none" if shared or site.source is None else "line"


@dataclass(frozen=True)
class Spent:
    """Device seconds of one run, of some of its instructions, with what they did meanwhile.

    seconds: each instant belongs in equal parts to all instructions active in it.
    active: seconds in which they were active, one by one: overlaps are in it more than once.
    whole: seconds of the whole run. inferred: seconds that are given to a loop by inference.
    shared: seconds of fused code that comes from more than one site.
    cost: of what ran; None when it is not known how often that was.
    peak_seconds: what its contractions take at their kinds' peaks; None without a known peak.
    ideal_seconds: the least seconds, each instruction at its own roof; None without known roofs.
    """

    key: str
    seconds: float
    active: float
    whole: float
    inferred: float = 0.0
    shared: float = 0.0
    cost: Cost | None = ZERO
    peak_seconds: float | None = None
    ideal_seconds: float | None = None
    instructions: tuple[str, ...] = field(default=(), repr=False)

    @property
    def share(self) -> float:
        """Of the run's seconds."""
        return self.seconds / self.whole if self.whole else 0.0

    @property
    def flops_per_second(self) -> float | None:
        """FLOPs of the compiled program, as often as they ran, over seconds."""
        return self._rate(int(self.cost.flops)) if self.cost is not None else None

    @property
    def bytes_per_second(self) -> float | None:
        """Bytes that the instructions read and write by themselves, over seconds."""
        return self._rate(int(self.cost.bytes)) if self.cost is not None else None

    @property
    def of_peak(self) -> float | None:
        """Seconds at the peaks of its contractions' kinds over seconds; None without either."""
        if not self.peak_seconds or not self.seconds:
            return None
        return self.peak_seconds / self.seconds

    @property
    def above_ideal(self) -> float | None:
        """Seconds beyond the least that the roofs allow; None without known roofs."""
        return None if self.ideal_seconds is None else self.seconds - self.ideal_seconds

    @property
    def impossible(self) -> bool:
        """Faster than its kinds' peaks all the time that it was active: some number is wrong."""
        return self.peak_seconds is not None and self.peak_seconds > self.active

    def _rate(self, number: int) -> float | None:
        return number / self.seconds if self.seconds else None


def gather(key: str, items: Iterable[Item], whole: float, roofs: Roofs | None) -> Spent:
    """The sum of some instructions."""
    items = list(items)
    costs = [each.cost for each in items]
    cost = None if None in costs else sum(filter(None, costs), ZERO)
    return Spent(
        key,
        sum(each.seconds for each in items),
        sum(each.active for each in items),
        whole,
        sum(each.seconds for each in items if each.how == "inferred"),
        sum(each.seconds for each in items if each.shared),
        cost,
        _peak_seconds(items, roofs),
        _ideal_seconds(items, roofs),
        tuple(each.name for each in items),
    )


def _peak_seconds(items: list[Item], roofs: Roofs | None) -> float | None:
    if roofs is None:
        return None
    total = 0.0
    for each in items:
        if each.runs is None:
            return None
        for kind, number in each.flops.items():
            peak = roofs.peak(kind)
            if peak is None:
                return None
            total += number / peak
    return total


def _ideal_seconds(items: list[Item], roofs: Roofs | None) -> float | None:
    """Each instruction's least seconds; traffic counts where the bandwidth is known."""
    total = 0.0
    for each in items:
        if roofs is None or each.cost is None or each.runs is None:
            return None
        if each.runs == 0:
            continue
        once = {kind: number // each.runs for kind, number in each.flops.items()}
        least = ideal(once, int(each.cost.bytes) // each.runs, roofs)
        if least.missing:
            return None
        total += least.seconds * each.runs
    return total
