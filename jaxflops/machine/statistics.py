"""What samples of a time say, and do not say: pure functions, robust against outliers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from statistics import median
from typing import NamedTuple

LEVEL = 0.95
# Fewer samples have no interval of that level: 1 - 2 / 2**5 < 0.95.
ENOUGH = 6
# Median absolute deviation -> standard deviation of a normal distribution.
_NORMAL = 1.4826
NOISY = 0.05
DRIFTING = 0.02


class Interval(NamedTuple):
    """The median lies in [low, high] with probability `coverage`, whatever the distribution."""

    low: float
    high: float
    coverage: float

    def overlaps(self, other: Interval) -> bool:
        """Whether the two have a point in common."""
        return self.low <= other.high and other.low <= self.high


@dataclass(frozen=True)
class Summary:
    """Samples in a few numbers, in the samples' unit.

    spread: median absolute deviation x 1.4826 (a standard deviation, were the samples normal).
    interval: of the median, from order statistics.
    drift: median of the second half over that of the first, minus 1; None when the samples are
      too few to tell it from noise.
    warnings: why the median should not be trusted, one sentence each.
    """

    number: int
    median: float
    spread: float
    interval: Interval
    least: float
    most: float
    drift: float | None
    warnings: tuple[str, ...]


def summarize(samples: Sequence[float]) -> Summary:
    """The summary of at least one sample, in the order in which they were taken."""
    middle, width, drifted = median(samples), spread(samples), drift(samples)
    return Summary(
        number=len(samples),
        median=middle,
        spread=width,
        interval=median_interval(samples),
        least=min(samples),
        most=max(samples),
        drift=drifted,
        warnings=tuple(_warnings(samples, width / middle if middle else 0.0, drifted)),
    )


def spread(samples: Sequence[float]) -> float:
    """Median absolute deviation from the median, scaled to a normal's standard deviation."""
    middle = median(samples)
    return _NORMAL * median([abs(sample - middle) for sample in samples])


def median_interval(samples: Sequence[float], level: float = LEVEL) -> Interval:
    """The narrowest pair of order statistics, symmetric in rank, that covers with `level`.

    [x(k), x(n+1-k)] misses the median with probability 2 P(Binomial(n, 1/2) < k). With fewer than
    six samples nothing covers at 95 %: then it is the whole range, and its own coverage.
    """
    ordered = sorted(samples)
    rank, missed = _rank(len(ordered), (1 - level) / 2)
    return Interval(ordered[rank - 1], ordered[-rank], max(0.0, 1 - 2 * missed))


def drift(samples: Sequence[float]) -> float | None:
    """By how much the second half's median differs from the first's, relative to the first's.

    None with fewer than six samples a half; 0 when their intervals overlap.
    """
    half = len(samples) // 2
    first, second = samples[:half], samples[len(samples) - half :]
    if half < ENOUGH:
        return None
    if median_interval(first).overlaps(median_interval(second)):
        return 0.0
    return median(second) / median(first) - 1 if median(first) else 0.0


def is_stable(samples: Sequence[float], window: int = 3, tolerance: float = 0.1) -> bool:
    """Whether the last `window` samples are no faster than those before: the warm-up is over."""
    if len(samples) < 2 * window:
        return False
    before, last = median(samples[-2 * window : -window]), median(samples[-window:])
    return last >= before * (1 - tolerance)


def _rank(number: int, tail: float) -> tuple[int, float]:
    """The largest rank k with P(Binomial(number, 1/2) < k) <= tail, at least 1; and that P."""
    outcomes = 2**number
    rank, ways = 1, 1
    while (more := ways + comb(number, rank)) / outcomes <= tail:
        rank, ways = rank + 1, more
    return rank, ways / outcomes


def _warnings(samples: Sequence[float], relative: float, drifted: float | None) -> list[str]:
    found = []
    if len(samples) < ENOUGH:
        found.append(f"only {len(samples)} samples: no 95 % interval of the median")
    if relative > NOISY:
        found.append(f"noisy: the spread is {relative:.0%} of the median")
    if drifted is not None and abs(drifted) > DRIFTING:
        found.append(f"drifting: the second half is {drifted:+.0%} against the first")
    return found
