"""A progress bar on one line of a terminal, for measurements that take long."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

_PATIENCE = 1.0  # seconds before which nothing is shown
_WIDTH = 24


class Bar:
    """Called with (samples taken, share of the work done); silent where nobody watches.

    stream: standard error, as it is at the time of the call. clock: seconds.
    """

    def __init__(
        self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream, self._clock = stream, clock
        self._start: float | None = None

    def __call__(self, samples: int, share: float) -> None:
        """Draw the bar over itself; take it away when all is done."""
        stream = self._stream or sys.stderr
        if not stream.isatty():
            return
        now = self._clock()
        start = self._start = now if self._start is None or samples == 1 else self._start
        if now - start < _PATIENCE:
            return
        line = _line(samples, share)
        stream.write(f"\r{' ' * len(line)}\r" if share >= 1 else f"\r{line}\r")
        stream.flush()


def _line(samples: int, share: float) -> str:
    full = round(_WIDTH * min(share, 1.0))
    return f"[{'#' * full}{'.' * (_WIDTH - full)}] {min(share, 1.0):4.0%}, samples: {samples:6d}"
