"""`jf.roofline`: the ideal seconds of each operation and of the step, under a device's roofs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from jaxflops.contractions import closed, of_every_phase
from jaxflops.errors import JaxflopsError
from jaxflops.machine.device import Device
from jaxflops.machine.devices import device as find_device
from jaxflops.machine.roofline import Ideal, Roofs, datasheet, ideal, intensity
from jaxflops.report import plot
from jaxflops.report import roofline as report
from jaxflops.results import Analysis
from jaxflops.tree import Kind, Leaf, Phase
from jaxflops.views import show_source

_WHAT = "the roofline"


class Place(NamedTuple):
    """Where an operation stands; a site is a scope and a phase, and names no more."""

    scope: str
    phase: Phase
    source: str = ""
    primitive: str = ""
    kind: str = ""

    @property
    def site(self) -> Place:
        """Without line, primitive and kind."""
        return Place(self.scope, self.phase)

    def __str__(self) -> str:
        return " ".join(part for part in (self.scope, *self[1:]) if part)


@dataclass(frozen=True)
class Work:
    """All executions of some operations, of all devices, and the ideal seconds they can take.

    flops: of contractions, by kind. other_flops: elementwise work and reductions.
    traffic: bytes that each operation reads and writes by itself (`bytes_unfused`).
    compute_seconds: contractions at their own kinds' peaks. memory_seconds: traffic at the
      bandwidth. seconds: each operation at the higher of its two, one after another.
    missing: kinds without a known peak, whose seconds are in none of these; memory_seconds is None
      where the bandwidth is unknown.
    """

    place: Place
    flops: Mapping[Kind, int]
    other_flops: int
    traffic: int
    compute_seconds: float
    memory_seconds: float | None
    seconds: float
    missing: tuple[Kind, ...] = ()

    @property
    def total_flops(self) -> int:
        """Contractions and other."""
        return sum(self.flops.values()) + self.other_flops

    @property
    def intensity(self) -> float:
        """FLOP per byte of unfused traffic; infinite without traffic."""
        return intensity(self.total_flops, self.traffic)

    @property
    def bound(self) -> str:
        """Which roof is the nearer one; unknown where a peak or the bandwidth is."""
        if self.missing or self.memory_seconds is None:
            return "unknown"
        return "compute" if self.compute_seconds >= self.memory_seconds else "memory"

    def __add__(self, other: Work) -> Work:
        kinds = [*self.flops, *(kind for kind in other.flops if kind not in self.flops)]
        return Work(
            self.place.site,
            {kind: self.flops.get(kind, 0) + other.flops.get(kind, 0) for kind in kinds},
            self.other_flops + other.other_flops,
            self.traffic + other.traffic,
            self.compute_seconds + other.compute_seconds,
            _both(self.memory_seconds, other.memory_seconds),
            self.seconds + other.seconds,
            tuple(dict.fromkeys((*self.missing, *other.missing))),
        )


@dataclass(frozen=True)
class Roofline:
    """What `jf.roofline` returns: work under roofs, and two ideal times of the whole step.

    operations: by scope, phase, source line, primitive and kind; the longest ideal time first.
    unfused_seconds: every operation reads and writes alone, one after another.
    compulsory: the step as one piece that moves `bytes_compulsory`; None where they are unknown.
    Both are assumptions about traffic, and neither is an upper bound: arithmetic other than
    contractions is taken to hide behind the traffic.
    seconds: measured, of the step; None when it was not.
    """

    name: str
    roofs: Roofs = field(repr=False)
    devices: int
    operations: tuple[Work, ...] = field(repr=False)
    unfused_seconds: float
    arithmetic: Ideal
    compulsory: Ideal | None
    compulsory_bytes: int | None
    seconds: float | None = None

    @cached_property
    def sites(self) -> tuple[Work, ...]:
        """The operations of a scope and phase as one, the longest ideal time first."""
        return _merged(self.operations, lambda work: work.place.site)

    @property
    def intensity(self) -> float:
        """Of the whole step: FLOP per byte of unfused traffic; infinite without traffic."""
        flops = sum(work.total_flops for work in self.operations)
        return intensity(flops, sum(work.traffic for work in self.operations))

    @property
    def compulsory_seconds(self) -> float | None:
        """The ideal seconds of the step under compulsory traffic."""
        return self.compulsory.seconds if self.compulsory else None

    @property
    def ideal_seconds(self) -> float:
        """The ideal seconds of the step, as far as they are known."""
        return (self.compulsory or self.arithmetic).seconds

    @property
    def missing(self) -> tuple[Kind, ...]:
        """Kinds of contractions whose peak is not known."""
        return self.arithmetic.missing

    @property
    def impossible(self) -> bool:
        """Whether the step was measured to be faster than its ideal seconds."""
        return self.seconds is not None and self.seconds < self.ideal_seconds

    def plot(self, path: str | Path | None = None, profile: Any = None) -> Any:
        """Sites as points under the roofs, a matplotlib Figure; written to `path` when given.

        profile: a `jf.profile` of the same program: its sites at the rates that they reached.
          Without one every site stands where its roofs allow it to be.
        """
        return plot.roofline(self, path, profile)

    def __repr__(self) -> str:
        return f"<Roofline of {self.name}: {self.ideal_seconds:.4g} s ideally>"

    def __str__(self) -> str:
        return report.text(self)


def roofline(
    analysis: Analysis,
    *,
    device: str | Device | None = None,
    roofs: Roofs | None = None,
    devices: int = 1,
    seconds: float | None = None,
) -> Roofline:
    """The least time that counted work can take: `jf.roofline(analysis, device="h100-sxm5")`.

    device: whose datasheet peaks to use; the attached one's if left out.
    roofs: other roofs, as `machine.roofline.measured(ceilings)`. devices: that share the work.
    seconds: what the step took, to be held against it.

    Raises JaxflopsError for an unknown device, and naming an open size or trip count.
    """
    if not isinstance(analysis, Analysis):
        raise JaxflopsError(
            f"jf.roofline got {type(analysis).__name__}; pass what jf.analyze(fn)(*args) returns "
            "(jf.profile(fn)(*args) holds what was compiled against its roofs)"
        )
    if devices < 1:
        raise JaxflopsError(f"devices={devices}: write how many share the work, 1 or more")
    roofs = roofs or _datasheet(device)
    leaves = [leaf for leaf in analysis.tree.leaves() if leaf.times != 0]
    each = [_work(leaf, roofs, devices) for leaf in leaves]
    operations = _merged(each, lambda work: work.place)
    flops = {k: closed(n, _WHAT) for k, n in of_every_phase(analysis.tree).items()}
    known = analysis.remember is not None  # a result put together elsewhere may not know
    moved = closed(analysis.bytes_compulsory, _WHAT) if known else None
    return Roofline(
        name=analysis.provenance.function,
        roofs=roofs,
        devices=devices,
        operations=operations,
        unfused_seconds=sum(work.seconds for work in operations),
        arithmetic=ideal(flops, 0, roofs, devices),
        compulsory=None if moved is None else ideal(flops, moved, roofs, devices),
        compulsory_bytes=moved,
        seconds=seconds,
    )


def _datasheet(device: str | Device | None) -> Roofs:
    found = device if isinstance(device, Device) else find_device(device)
    if found is None:
        named = f"device={device!r}" if device else "the attached device"
        raise JaxflopsError(
            f"no peaks are known for {named}: pass device= one of `jaxflops devices`, or roofs="
        )
    return datasheet(found)


def _work(leaf: Leaf, roofs: Roofs, devices: int) -> Work:
    node, site, _ = leaf
    times = closed(leaf.times, _WHAT)
    contracted = closed(node.own.matmul_flops, _WHAT)
    flops = {node.kind: contracted} if contracted and node.kind else {}
    traffic = closed(node.own.bytes, _WHAT)
    least = ideal(flops, traffic, roofs, devices)
    phase, source = site.phase or "forward", show_source(site.source)
    return Work(
        Place("/".join(site.scope), phase, source, node.label, str(node.kind or "")),
        {kind: number * times for kind, number in flops.items()},
        closed(node.own.other_flops, _WHAT) * times,
        traffic * times,
        least.compute_seconds * times,
        None if least.memory_seconds is None else least.memory_seconds * times,
        least.seconds * times,
        least.missing,
    )


def _both(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _merged(works: Iterable[Work], key: Callable[[Work], Place]) -> tuple[Work, ...]:
    found: dict[Place, Work] = {}
    for work in works:
        place = key(work)
        found[place] = found[place] + work if place in found else work
    named = [replace(work, place=place) for place, work in found.items()]
    return tuple(sorted(named, key=lambda work: -work.seconds))
