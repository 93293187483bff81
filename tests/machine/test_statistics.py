"""The statistics on made-up samples, against hand and brute-force calculation."""

from itertools import product
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxflops.machine.statistics import (
    Interval,
    drift,
    is_stable,
    median_interval,
    spread,
    summarize,
)

FEW = settings(max_examples=60, deadline=None)
times = st.lists(st.floats(0.001, 100), min_size=1, max_size=40)


def test_spread_is_the_scaled_median_deviation():
    assert spread([1, 1, 2, 2, 4, 6, 9]) == pytest.approx(1.4826)  # deviations 1 1 0 0 2 4 7
    assert spread([5.0]) == 0


def test_spread_of_a_normal_is_its_standard_deviation():
    quantiles = [NormalDist(10, 2).inv_cdf((i + 0.5) / 999) for i in range(999)]
    assert spread(quantiles) == pytest.approx(2, rel=0.01)


def test_one_outlier_moves_nothing():
    quiet = [10.0, 10.1, 10.2, 10.1, 10.0, 10.1, 10.2, 10.0, 10.1, 10.2]
    shaken = [*quiet[:-1], 1000.0]
    assert summarize(shaken).median == summarize(quiet).median
    assert summarize(shaken).interval.high < 1000


# number of samples -> rank of the lower end (tables of the sign test at 5 %, two-sided)
RANKS = {6: 1, 7: 1, 8: 1, 9: 2, 10: 2, 12: 3, 15: 4, 17: 5, 20: 6, 25: 8, 30: 10, 40: 14}


@pytest.mark.parametrize("number", RANKS)
def test_interval_ranks_are_those_of_the_sign_test(number):
    interval = median_interval(list(range(1, number + 1)))
    assert (interval.low, interval.high) == (RANKS[number], number + 1 - RANKS[number])
    assert interval.coverage >= 0.95


@pytest.mark.parametrize("number", [1, 2, 3, 5, 6, 9, 10])
def test_coverage_is_exact(number):
    """Every sample lies below or above the true median with equal chance: enumerate."""
    interval = median_interval(list(range(number)))
    rank = int(interval.low) + 1
    hits = sum(rank <= sum(signs) <= number - rank for signs in product((0, 1), repeat=number))
    assert interval.coverage == hits / 2**number


def test_few_samples_say_so():
    summary = summarize([1.0, 2.0, 3.0])
    assert summary.interval == Interval(1.0, 3.0, 0.75)
    assert summary.drift is None
    assert summary.warnings[0] == "only 3 samples: no 95 % interval of the median"
    assert summarize([1.0]).interval == Interval(1.0, 1.0, 0.0)


@FEW
@given(times)
def test_interval_holds_the_median(samples):
    interval = median_interval(samples)
    assert interval.low <= summarize(samples).median <= interval.high


@FEW
@given(times, st.floats(0.1, 10))
def test_units_do_not_matter(samples, unit):
    one, other = summarize(samples), summarize([sample * unit for sample in samples])
    assert other.median == pytest.approx(one.median * unit)
    assert other.spread == pytest.approx(one.spread * unit, abs=1e-9)
    assert other.interval.coverage == one.interval.coverage


def test_drift_is_seen_and_noise_is_not_drift():
    steady = [1.0, 1.01, 0.99, 1.0, 1.02, 0.98] * 4
    assert drift(steady) == 0
    slowing = [1 + i / 100 for i in range(24)]
    assert drift(slowing) == pytest.approx((1.175 / 1.055) - 1)
    assert drift(slowing[::-1]) < 0
    assert summarize(slowing).warnings[-1] == "drifting: the second half is +11% against the first"


def test_drift_needs_six_samples_a_half():
    assert drift([1.0] * 6 + [2.0] * 5) is None
    assert drift([1.0] * 6 + [2.0] * 6) == 1.0


def test_an_odd_sample_in_the_middle_belongs_to_neither_half():
    assert drift([1.0] * 6 + [50.0] + [2.0] * 3 + [4.0] * 3) == 2.0


def test_a_small_drift_is_kept_but_not_warned_of():
    summary = summarize([1.0] * 10 + [1.01] * 10)
    assert summary.drift == pytest.approx(0.01)
    assert not summary.warnings


def test_noise_is_named():
    assert summarize([1.0, 1.2] * 10).warnings == ("noisy: the spread is 13% of the median",)
    assert not summarize([1.0, 1.02] * 10).warnings


def test_warm_up_is_over_when_it_no_longer_gets_faster():
    assert not is_stable([9.0, 5.0, 3.0])
    assert not is_stable([9.0, 8.0, 7.0, 3.0, 3.0, 3.0])
    assert is_stable([9.0, 3.0, 3.1, 3.0, 3.0, 2.9, 3.0])
    assert is_stable([3.0, 3.0, 3.0, 2.8, 2.8, 2.8])  # within the tolerance
    assert is_stable([3.0, 3.0, 3.0, 4.0, 4.0, 4.0])  # slower is not warming up


def test_no_samples_is_an_error_of_the_caller():
    with pytest.raises(ValueError, match="no median"):
        summarize([])
