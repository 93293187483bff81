"""Seconds per instruction from events made by hand, every number known beforehand."""

import pytest
from fake_traces import cpu, op

from jaxflops.machine.trace_events import read
from jaxflops.machine.trace_runs import attribute

NS = 1e-9


def seconds(trace, *containers):
    return attribute(read(trace, "jit_f"), set(containers))


def shares(result):
    return {name: spent.seconds / NS for name, spent in result.spent.items()}


def test_one_after_another():
    result = seconds(cpu([op("a", 0, 10), op("b", 10, 40)]))
    assert shares(result) == pytest.approx({"a": 10, "b": 30})
    assert result.span == pytest.approx(40 * NS)
    assert result.between == 0


def test_a_loop_does_not_take_its_bodys_time_again():
    """Naively summed: 100 of the loop and 80 of its body. The loop keeps what is its alone."""
    body = [op("dot", 10, 50), op("dot", 55, 95)]
    result = seconds(cpu([op("while", 0, 100), *body]), "while")
    assert shares(result) == pytest.approx({"while": 20, "dot": 80})
    assert result.spent["dot"].events == 2


def test_a_body_on_another_thread_is_still_the_loops():
    result = seconds(cpu([op("while", 0, 100)], [op("dot", 0, 100)]), "while")
    assert shares(result) == pytest.approx({"while": 0, "dot": 100})


def test_of_two_loops_the_inner_one_takes_what_is_left():
    nested = [op("outer", 0, 100), op("inner", 20, 80), op("dot", 30, 70)]
    assert shares(seconds(cpu(nested), "outer", "inner")) == pytest.approx(
        {"outer": 40, "inner": 20, "dot": 40}
    )


def test_an_instant_is_split_among_what_is_active():
    """a alone 0-10, both 10-30, b alone 30-40; the sum of the events is 60, the span 40."""
    result = seconds(cpu([op("a", 0, 30)], [op("b", 10, 40)]))
    assert shares(result) == pytest.approx({"a": 20, "b": 20})
    assert result.spent["a"].active == pytest.approx(30 * NS)
    assert result.span == pytest.approx(40 * NS)


def test_a_launch_counts_until_its_end():
    """The union of the events themselves is 4 ns of 100."""
    result = seconds(cpu([op("a", 0, 2, until=60), op("b", 60, 62, until=100)]))
    assert shares(result) == pytest.approx({"a": 60, "b": 40})


def test_time_between_instructions_is_no_instructions():
    result = seconds(cpu([op("a", 0, 10), op("b", 25, 40)]))
    assert result.between == pytest.approx(15 * NS)
    assert sum(shares(result).values()) + result.between / NS == pytest.approx(result.span / NS)


def test_repeated_runs_are_averaged():
    runs = [op("a", 0, 10, run=1), op("a", 100, 130, run=2)]
    result = seconds(cpu(runs))
    assert shares(result) == pytest.approx({"a": 20})
    assert result.spans == pytest.approx((10 * NS, 30 * NS))
    assert result.spent["a"].events == 1


def test_runs_that_overlap_do_not_share_their_instants():
    """Two devices, or two calls in flight: each run has its own clock."""
    result = seconds(cpu([op("a", 0, 10, device=0)], [op("a", 0, 10, device=1)]))
    assert shares(result) == pytest.approx({"a": 10})


def test_a_run_whose_begin_is_missing_is_left_out():
    whole = [op("a", 0, 10, run=1), op("b", 10, 20, run=1)]
    result = seconds(cpu([*whole, op("b", 100, 900, run=2)]))
    assert shares(result) == pytest.approx({"a": 10, "b": 10})
    assert result.cut == 1


def test_a_run_whose_end_is_missing_is_left_out():
    whole = [op("a", 0, 10, run=1), op("b", 10, 20, run=1)]
    cut = [op("a", 100, 110, run=2), op("b", 110, 112, run=2, ends=False)]
    result = seconds(cpu([*whole, *cut]))
    assert result.spans == pytest.approx((20 * NS,))
    assert result.cut == 1


def test_events_without_duration_take_nothing():
    result = seconds(cpu([op("a", 5, 5), op("b", 0, 10)]))
    assert shares(result) == pytest.approx({"a": 0, "b": 10})


def test_nothing_seen_is_nothing_spent():
    result = attribute([], set())
    assert (result.span, result.spans, result.spent) == (0, (), {})
