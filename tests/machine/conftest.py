"""Fakes shared by the machine's tests: a clock that moves when told to."""

import pytest


class FakeClock:
    """Seconds that pass only by `advance`."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += seconds


@pytest.fixture
def clock():
    return FakeClock()
