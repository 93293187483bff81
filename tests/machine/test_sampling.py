"""Warm-up, calibration and sampling against a fake clock."""

import gc

import pytest

from jaxflops.machine.sampling import Plan, interleave, sample


class FakeWork:
    """Calls that take the given seconds, the last one's for ever; preparing takes time too."""

    def __init__(self, clock, *seconds, preparing=0.0, most_inner=10_000, fails_at=None):
        self.clock, self.seconds, self.preparing = clock, list(seconds), preparing
        self.most_inner, self.fails_at = most_inner, fails_at
        self.calls, self.prepared = 0, []

    def prepare(self, inner):
        self.prepared.append(inner)
        self.clock.advance(self.preparing)

    def run(self, inner):
        for _ in range(inner):
            self.calls += 1
            if self.calls == self.fails_at:
                raise MemoryError("RESOURCE_EXHAUSTED: no more")
            self.clock.advance(self.seconds[min(self.calls, len(self.seconds)) - 1])


def test_a_steady_call_is_sampled_for_the_planned_time(clock):
    taken = sample(FakeWork(clock, 0.125), Plan(seconds=4), clock)
    assert taken.warm_up == (0.125,) * 6
    assert taken.samples == (0.125,) * 32
    assert taken.inner == 1
    assert taken.settled
    assert taken.failure is None


def test_warm_up_goes_on_while_calls_get_faster(clock):
    falling = [64.0 / 2**i for i in range(8)]
    taken = sample(FakeWork(clock, *falling), Plan(samples=1, warm_up_seconds=1e9), clock)
    # 64 32 16 8 4 2 1 0.5 0.5 0.5 | the first windows of three that are alike
    assert taken.warm_up[:8] == tuple(falling)
    assert len(taken.warm_up) == 12
    assert taken.settled


def test_warm_up_gives_up_and_says_so(clock):
    falling = [1.0 / 2**i for i in range(40)]
    taken = sample(FakeWork(clock, *falling), Plan(samples=1, warm_up_seconds=1.5), clock)
    assert taken.warm_up == (1.0, 0.5)
    assert not taken.settled
    once = sample(FakeWork(clock, 30.0), Plan(samples=1, warm_up_seconds=2), clock)
    assert len(once.warm_up) == 1
    assert not once.settled


def test_warm_up_ends_after_fifty_calls(clock):
    falling = [0.5**i for i in range(100)]
    taken = sample(FakeWork(clock, *falling), Plan(samples=1, inner=1, warm_up_seconds=99), clock)
    assert len(taken.warm_up) == 50


@pytest.mark.parametrize(("each", "inner"), [(0.25, 1), (2**-9, 2), (2**-12, 9), (2**-20, 2098)])
def test_short_calls_are_put_together(clock, each, inner):
    work = FakeWork(clock, each)
    taken = sample(work, Plan(samples=5), clock)
    assert taken.inner == inner  # ceil(2 ms / each)
    assert taken.samples == (each,) * 5  # seconds stay per call
    assert work.calls == len(taken.warm_up) + 5 * inner


def test_a_clock_that_does_not_move_ends_too(clock):
    taken = sample(FakeWork(clock, 0.0, most_inner=8), Plan(samples=3), clock)
    assert taken.inner == 8
    assert taken.samples == (0.0,) * 3


def test_calls_that_cannot_be_repeated_are_not(clock):
    work = FakeWork(clock, 1e-6, most_inner=1)
    assert sample(work, Plan(samples=5), clock).inner == 1
    assert set(work.prepared) == {1}
    assert sample(FakeWork(clock, 1e-6, most_inner=4), Plan(samples=1, inner=9), clock).inner == 4


def test_preparing_is_not_timed(clock):
    taken = sample(FakeWork(clock, 0.5, preparing=64.0), Plan(samples=4), clock)
    assert taken.samples == (0.5,) * 4


def test_slow_calls_end_after_three(clock):
    assert len(sample(FakeWork(clock, 100.0), Plan(seconds=2), clock).samples) == 3
    assert len(sample(FakeWork(clock, 1.0), Plan(seconds=2), clock).samples) == 10  # the least


def test_fast_calls_end_at_the_most(clock):
    assert len(sample(FakeWork(clock, 1.0), Plan(seconds=1e9, most=70), clock).samples) == 70


def test_progress_counts_to_one(clock):
    seen = []
    sample(FakeWork(clock, 1.0), Plan(samples=4), clock, lambda *args: seen.append(args))
    assert seen == [(1, 0.25), (2, 0.5), (3, 0.75), (4, 1.0)]


@pytest.mark.parametrize(("fails_at", "warm", "kept"), [(1, 0, 0), (4, 3, 0), (9, 6, 2)])
def test_what_fails_keeps_what_was_taken(clock, fails_at, warm, kept):
    taken = sample(
        FakeWork(clock, 1.0, fails_at=fails_at), Plan(samples=5, warm_up_seconds=99), clock
    )
    assert (len(taken.warm_up), len(taken.samples)) == (warm, kept)
    assert isinstance(taken.failure, MemoryError)
    assert gc.isenabled()


def test_the_garbage_collector_is_off_meanwhile(clock):
    class Spy(FakeWork):
        def run(self, inner):
            super().run(inner)
            states.append(gc.isenabled())

    states = []
    sample(Spy(clock, 1.0), Plan(samples=2), clock)
    assert not any(states)
    assert gc.isenabled()


def test_interleaving_turns_the_order(clock):
    order = []

    class Named(FakeWork):
        def run(self, inner):
            super().run(inner)
            order.append(self.seconds[0])

    one, two = Named(clock, 1.0), Named(clock, 2.0)
    assert interleave([one, two], 3, clock) == [[1.0] * 3, [2.0] * 3]
    assert order == [1.0, 2.0, 2.0, 1.0, 1.0, 2.0]
