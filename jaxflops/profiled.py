"""`Profile`: what `jf.profile` returns; seconds by site, with what was done in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from jaxflops.attribution.executions import Loop
from jaxflops.attribution.groups import Key, group
from jaxflops.attribution.spent import Item, Spent, gather
from jaxflops.machine.device import Device
from jaxflops.machine.roofline import Roofs
from jaxflops.report import profile as report

BETWEEN = "(between instructions)"
"""The key of the seconds in which no instruction was active."""


@dataclass(frozen=True)
class Profile:
    """What `jf.profile` returns: where the device seconds of one run went; means over the runs.

    device: None when no source gives its peaks; then there are no shares of the peak.
    walls, free: seconds of each call on the wall clock, under the profiler and without it.
    spans: seconds of each run on the device that is whole in the trace.
    items: the instructions that were seen. loops: trips inferred and observed.
    between: seconds in which no instruction was active.
    """

    name: str
    device_kind: str
    device: Device | None
    roofs: Roofs | None = field(repr=False)
    walls: tuple[float, ...]
    free: tuple[float, ...]
    spans: tuple[float, ...]
    items: tuple[Item, ...] = field(repr=False)
    loops: tuple[Loop, ...] = field(repr=False)
    between: float
    caveats: tuple[str, ...]

    @property
    def device_seconds(self) -> float:
        """Device seconds of one run, from its first instruction to its last; the mean."""
        return sum(self.spans) / len(self.spans)

    @cached_property
    def total(self) -> Spent:
        """The whole run: every instruction, and the time between them."""
        return self._spent("total", self.items, self.between)

    def by(self, key: Key, depth: int | None = None) -> dict[str, Spent]:
        """Seconds by scope, source line, phase, site, opcode or instruction; the largest first.

        They sum to `device_seconds`: what no site explains and the time between instructions have
        rows too.
        site: scope and phase together. depth: keep only the first so many names of a scope path.
        """
        groups = group(self.items, key, depth)
        rows = [self._spent(name, items) for name, items in groups.items()]
        rows.append(self._spent(BETWEEN, (), self.between))
        return {row.key: row for row in sorted(rows, key=lambda row: -row.seconds)}

    def slowest(self, number: int = 10, key: Key = "site") -> list[Spent]:
        """The rows that waste most: seconds above the ideal, or seconds where no roof is known."""
        rows = [row for name, row in self.by(key).items() if name != BETWEEN]
        rows.sort(key=lambda row: -(row.seconds if row.above_ideal is None else row.above_ideal))
        return rows[:number]

    @property
    def of_peak(self) -> float | None:
        """Seconds at the peaks of its contractions' kinds over seconds; None without peaks."""
        return self.total.of_peak

    @property
    def above_ideal(self) -> float | None:
        """Seconds beyond the least that the roofs allow; None without known roofs."""
        return self.total.above_ideal

    @property
    def explained(self) -> float:
        """Share of the seconds at a site that the program named, without what is inferred."""
        return self._share("scope", "line")

    @property
    def inferred(self) -> float:
        """Share of the seconds of unnamed instructions whose site the data flow tells."""
        return self._share("inferred")

    @property
    def unexplained(self) -> list[Item]:
        """Instructions that no site explains, the slowest first."""
        found = [each for each in self.items if each.how == "none"]
        return sorted(found, key=lambda each: -each.seconds)

    @property
    def impossible(self) -> list[Spent]:
        """Sites above 100 % of their own kinds' peaks: a time, a count or a peak is wrong."""
        return [row for row in self.by("site").values() if row.impossible]

    def against(self, roofs: Roofs) -> Profile:
        """The same profile held against other roofs, as measured ceilings."""
        return replace(self, roofs=roofs)

    def to_json(self, path: str | Path | None = None) -> dict[str, Any]:
        """Everything as plain data; written to `path` when given."""
        return report.dump(self, path)

    def __repr__(self) -> str:
        return f"<Profile of {self.name}: {len(self.spans)} runs of {self.device_seconds:.4g} s>"

    def __str__(self) -> str:
        return report.text(self)

    def _spent(self, key: str, items: Sequence[Item], between: float = 0.0) -> Spent:
        found = gather(key, items, self.device_seconds, self.roofs)
        return replace(found, seconds=found.seconds + between) if between else found

    def _share(self, *hows: str) -> float:
        return sum(each.seconds for each in self.items if each.how in hows) / self.device_seconds
