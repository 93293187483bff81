"""Run a program under JAX's profiler and hand back what it recorded."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import jax

from jaxflops.errors import JaxflopsError
from jaxflops.machine.sampling import Work

# A result can be there before the thread that made it has written the event of its end.
_SETTLE = 0.05
_NOTABLE = 1.25  # times slower

RUN = "jaxflops.run"
"""The annotation around each call, by which a device's events are told apart into runs."""


class Recorded(NamedTuple):
    """trace: a `jax.profiler.ProfileData`. walls, free: seconds of each call, with it and without.

    The difference between the two is what recording costs.
    """

    trace: Any
    walls: tuple[float, ...]
    free: tuple[float, ...]

    @property
    def caveats(self) -> tuple[str, ...]:
        """Whether recording took so long that the seconds of short instructions are mostly that."""
        ratio = median(self.walls) / median(self.free)
        if ratio < _NOTABLE:
            return ()
        told = (
            f"recording made a call {ratio:.1f} times slower: seconds of short instructions are "
            "mostly the profiler's, and shares and rates only what they are under it"
        )
        return (told,)


def record(work: Work, times: int) -> Recorded:
    """Run `work` `times` times without the profiler, and as often under it; once before both.

    Raises JaxflopsError when another profile is being taken, or when none is written.
    """
    _timed(work)
    free = tuple(_timed(work) for _ in range(times))
    with TemporaryDirectory() as folder:
        with _tracing(folder):
            walls = [_timed(work) for _ in range(times)]
            time.sleep(_SETTLE)
        files = sorted(Path(folder).rglob("*.xplane.pb"))
        if not files:
            raise JaxflopsError(
                "the profiler wrote no trace: this backend has no profiler; time the whole call "
                "with jf.measure instead"
            )
        return Recorded(jax.profiler.ProfileData.from_file(str(files[-1])), tuple(walls), free)


def _timed(work: Work) -> float:
    work.prepare(1)  # copies of what the call uses up; the profile leaves other programs out
    start = time.perf_counter()
    with jax.profiler.TraceAnnotation(RUN):
        work.run(1)
    return time.perf_counter() - start


@contextmanager
def _tracing(folder: str) -> Iterator[None]:
    options = jax.profiler.ProfileOptions()
    options.host_tracer_level = 2  # a CPU's instructions are host events of this level
    options.python_tracer_level = 0  # an event for each Python call would fill the buffers
    try:
        jax.profiler.start_trace(folder, profiler_options=options)
    except RuntimeError as error:
        raise JaxflopsError(
            f"the profiler cannot start ({error}): end the profile that is being taken, "
            "jax.profiler.stop_trace() or its `with` block, before jf.profile"
        ) from error
    try:
        yield
    finally:
        jax.profiler.stop_trace()  # type: ignore[no-untyped-call]


@contextmanager
def quiet() -> Iterator[None]:
    """While a trace is read: on Python 3.13 its types are made with a DeprecationWarning.

    (`builtin type event_stats has no __module__ attribute`, jaxlib 0.12, at the first use of each;
    where warnings are errors it ends the process.)
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
