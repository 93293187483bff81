"""Events -> device seconds per instruction: containers dropped, each instant split among leaves."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from jaxflops.machine.trace_events import Event, Run

_NANO = 1e-9


class Spent(NamedTuple):
    """What an instruction took in one run, in seconds; means over the runs.

    seconds: its share of the run: an instant belongs in equal parts to all that are active in it.
    active: how long it was active, whatever else was.
    events: how often it was seen. kernels: what an accelerator ran for it, by name.
    """

    seconds: float
    active: float
    events: int
    kernels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seconds:
    """Device seconds of a module; over instructions and `between` they sum to the mean span.

    spent: by instruction. between: when no instruction was active.
    spans: seconds from first start to last end, of every run that is complete.
    cut: how many runs were left out because part of them is not in the trace.
    """

    spent: Mapping[str, Spent]
    between: float
    spans: tuple[float, ...]
    cut: int = 0

    @property
    def span(self) -> float:
        """Mean seconds of a run."""
        return sum(self.spans) / len(self.spans) if self.spans else 0.0


def attribute(events: Iterable[Event], containers: Collection[str]) -> Seconds:
    """Seconds per instruction of a run, the mean over all complete runs.

    containers: instructions that only run others (loops, choices, calls). They get the instants in
    which nothing that they run is active: what it takes to go round a loop.
    """
    runs = _by_run(events)
    complete = _complete(runs)
    shares: defaultdict[str, float] = defaultdict(float)
    active: defaultdict[str, float] = defaultdict(float)
    between = 0.0
    for run in complete:
        between += _split(run, containers, shares)
        for event in run:
            active[event.instruction] += event.end - event.start
    per_run = _NANO / max(len(complete), 1)
    counts = Counter(event.instruction for event in complete[0]) if complete else Counter[str]()
    kernels = _kernels(complete[0]) if complete else {}
    spent = {
        name: Spent(
            shares[name] * per_run, active[name] * per_run, number, tuple(kernels.get(name, ()))
        )
        for name, number in counts.items()
    }
    spans = tuple(_span(run) * _NANO for run in complete)
    return Seconds(spent, between * per_run, spans, len(runs) - len(complete))


def _kernels(run: list[Event]) -> dict[str, dict[str, None]]:
    """Kernels by instruction, in the order of their first launch."""
    found: dict[str, dict[str, None]] = {}
    for event in run:
        if event.kernel:
            found.setdefault(event.instruction, {})[event.kernel] = None
    return found


def whole_runs(events: Iterable[Event]) -> int:
    """How many runs are in the trace in full."""
    return len(_complete(_by_run(events)))


def _by_run(events: Iterable[Event]) -> dict[Run, list[Event]]:
    runs: dict[Run, list[Event]] = {}
    for event in events:
        runs.setdefault(event.run, []).append(event)
    return runs


def _complete(runs: Mapping[Run, list[Event]]) -> list[list[Event]]:
    """The runs in full: every run does the same, so one with fewer events was cut off."""
    whole = [run for run in runs.values() if all(event.whole for event in run)]
    most = max(map(len, whole), default=0)
    return [run for run in whole if len(run) == most]


def _span(run: list[Event]) -> float:
    return max(event.end for event in run) - min(event.start for event in run)


def _split(run: list[Event], containers: Collection[str], shares: defaultdict[str, float]) -> float:
    """Add each instant's equal parts to `shares`; the nanoseconds in which nothing was active."""
    edges: list[tuple[float, bool, int]] = []
    for i, event in enumerate(run):
        if event.end > event.start:
            edges += [(event.start, True, i), (event.end, False, i)]
    edges.sort()
    leaves: dict[int, str] = {}
    around: dict[int, str] = {}  # containers, the innermost last
    idle, last = 0.0, edges[0][0] if edges else 0.0
    for now, begins, i in edges:
        takers = leaves.values() or list(around.values())[-1:]
        for name in takers:
            shares[name] += (now - last) / len(takers)
        idle += 0.0 if takers else now - last
        last = now
        table = around if run[i].instruction in containers else leaves
        if begins:
            table[i] = run[i].instruction
        else:
            del table[i]
    return idle
