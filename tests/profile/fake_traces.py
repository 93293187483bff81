"""Planes as `jax.profiler.ProfileData` has them, made by hand; times are nanoseconds."""

import itertools
from typing import Any, NamedTuple


class FakeEvent(NamedTuple):
    name: str
    start_ns: float
    duration_ns: float
    pairs: tuple[tuple[str, Any], ...]

    @property
    def stats(self):
        return iter(self.pairs)


class FakeLine(NamedTuple):
    name: str
    events: list[FakeEvent]


class FakePlane(NamedTuple):
    name: str
    lines: list[FakeLine]


class FakeTrace(NamedTuple):
    planes: list[FakePlane]


_numbers = itertools.count(1)


def op(name, start, end, *, module="jit_f", run=1, device=0, until=None, program=0, ends=True):
    """A CPU's instruction, launched in [start, end] and done at `until`: its events."""
    number = next(_numbers)
    stats = (("hlo_op", name), ("hlo_module", module), ("program_id", program))
    stats += (("run_id", run), ("device_ordinal", device), ("_pt", 0), ("_p", number))
    events = [FakeEvent(name, start, end - start, stats)]
    if ends:
        done = until if until is not None else end
        events.append(FakeEvent(f"end: {name}", done, 1, (("_ct", 0), ("_c", number))))
    return events


def cpu(*threads):
    """A trace of a CPU: each thread is a list of what `op` returns."""
    lines = [FakeLine(f"thread {i}", list(itertools.chain(*t))) for i, t in enumerate(threads)]
    return FakeTrace([FakePlane("/host:CPU", lines)])


def kernel(name, start, end, *, module="jit_f", **stats):
    """A GPU's kernel, with what the compiler's annotation says of it."""
    pairs = (("hlo_op", name), ("hlo_module", module), *stats.items())
    return FakeEvent(f"kernel of {name}", start, end - start, pairs)


def gpu(streams):
    """A trace of a GPU: (name of a stream, its kernels) each."""
    lines = [FakeLine(name, events) for name, events in streams]
    return FakeTrace([FakePlane("/device:GPU:0", lines), FakePlane("/host:CPU", [])])
