"""How long something takes: warm-up, calibration, samples; by a clock that is passed in."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Protocol

from jaxflops.machine.stages import Clock
from jaxflops.machine.statistics import ENOUGH, is_stable

# (samples taken, share of the work that is done)
Progress = Callable[[int, float], None]
_WARM_UP_CALLS = 50
_WINDOW = 3


class Work(Protocol):
    """Something to time. `prepare` is not timed, `run` is; `run` returns when all is done."""

    most_inner: int

    def prepare(self, inner: int) -> None:
        """Make ready for `inner` calls."""

    def run(self, inner: int) -> None:
        """Call `inner` times and wait for the results."""


@dataclass(frozen=True)
class Plan:
    """How much to measure; seconds are wall time.

    samples: exactly so many; else as many as fit into `seconds`, at least `least` (three when
      they take ten times as long), at most `most`.
    warm_up_seconds: give up waiting for a stable time after this long.
    sample_seconds: calls shorter than this are put together, `inner` of them to a sample.
    """

    samples: int | None = None
    seconds: float = 2.0
    least: int = 10
    most: int = 1000
    warm_up_seconds: float = 2.0
    sample_seconds: float = 2e-3
    inner: int | None = None


@dataclass(frozen=True)
class Samples:
    """Seconds per call: of each warm-up call, and of each sample, in the order taken.

    inner: calls to a sample. settled: whether the warm-up ended at a stable time.
    failure: what ended the measurement early, if anything did.
    """

    warm_up: tuple[float, ...]
    samples: tuple[float, ...]
    inner: int
    settled: bool
    failure: BaseException | None = None


def sample(work: Work, plan: Plan, clock: Clock, progress: Progress = lambda *_: None) -> Samples:
    """Warm up, choose `inner`, take samples. What fails ends it; the samples so far are kept."""
    warm_up, samples, inner = list[float](), list[float](), 1
    failure = None
    with no_collections():
        try:
            _warm_up(work, plan, clock, warm_up)
            inner = _calibrate(warm_up, plan, work.most_inner)
            _take(work, plan, clock, inner, samples, progress)
        except Exception as error:  # noqa: BLE001  # whatever the timed program raises
            failure = error
    return Samples(tuple(warm_up), tuple(samples), inner, _settled(warm_up), failure)


def interleave(works: Sequence[Work], rounds: int, clock: Clock) -> list[list[float]]:
    """Seconds of each work in each round, one call after the other, the order turned each round.

    Only this compares two works on a machine that others use: a loop after a loop does not.
    """
    taken: list[list[float]] = [[] for _ in works]
    with no_collections():
        for turn in range(rounds):
            for step in range(len(works)):
                index = (turn + step) % len(works)
                taken[index].append(seconds_of(works[index], 1, clock))
    return taken


def seconds_of(work: Work, inner: int, clock: Clock) -> float:
    """Seconds per call, of one sample of `inner` calls."""
    work.prepare(inner)
    start = clock()
    work.run(inner)
    return (clock() - start) / inner


def _warm_up(work: Work, plan: Plan, clock: Clock, times: list[float]) -> None:
    start = clock()
    while not is_stable(times, _WINDOW) and len(times) < _WARM_UP_CALLS:
        times.append(seconds_of(work, 1, clock))
        if clock() - start >= plan.warm_up_seconds:
            break


def _settled(times: Sequence[float]) -> bool:
    return is_stable(times, min(_WINDOW, len(times) // 2)) if len(times) > 1 else False


def _calibrate(times: Sequence[float], plan: Plan, most: int) -> int:
    """Calls to a sample, such that it lasts `sample_seconds`."""
    if plan.inner is not None:
        return min(plan.inner, most)
    each = median(times[-_WINDOW:])
    return max(1, min(most, ceil(plan.sample_seconds / each))) if each > 0 else most


def _take(
    work: Work, plan: Plan, clock: Clock, inner: int, samples: list[float], progress: Progress
) -> None:
    start = clock()
    done = 0.0
    while done < 1:
        samples.append(seconds_of(work, inner, clock))
        done = _done(len(samples), clock() - start, plan)
        progress(len(samples), done)


def _done(number: int, elapsed: float, plan: Plan) -> float:
    """Which share of the plan is fulfilled."""
    if plan.samples is not None:
        return number / plan.samples
    if number >= plan.most or (number * 2 >= ENOUGH and elapsed >= 10 * plan.seconds):
        return 1.0
    return min(elapsed / plan.seconds, number / plan.least)


@contextmanager
def no_collections() -> Iterator[None]:
    """Python's garbage collector runs before the measurement, not within."""
    gc.collect()
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
