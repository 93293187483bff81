"""What reading and walking a compiled module costs, against compiling it, in one run.

    python scripts/hlo_cost.py [--layers 12] [--rounds 5]

Compiles the gradient of the transformer as it ships (GPT-2 small, its layers in a scan), then those
of small ones with their layers written out, for growth; then reads (proto) and walks each module
several times, the least counting. A share is

    (seconds of read_module(compiled) + seconds of walk(module)) / seconds of lowered.compile()

of one program in one run; tracing and lowering are in neither. It is given twice: in seconds on the
clock, and in processor seconds, which other programs on the machine disturb less. Growth is that of
processor seconds for a kilobyte of the module's text. Exit code 1 when either share of the
transformer as it ships is 5 % or more, or when a kilobyte of the longest text costs over 1.5 times
one of the shortest. XLA compiles written-out layers in less time for their text: their shares show.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from jaxflops.hlo.module import read_module
from jaxflops.hlo.walk import walk
from jaxflops.models import transformer

SIZES = {"batch": 1, "seq": 16, "width": 32, "heads": 2, "kv_heads": 1, "hidden": 64, "vocab": 64}
MOST, GROWTH = 0.05, 1.5


class Seconds(NamedTuple):
    """On the clock, and of processors."""

    clock: float
    processor: float


class Cost(NamedTuple):
    """Of compiling, reading and walking; kilobytes of text; instructions."""

    compiling: Seconds
    reading: Seconds
    walking: Seconds
    kilobytes: float
    instructions: int

    @property
    def shares(self) -> Seconds:
        """Reading and walking over compiling."""
        parts = zip(self.reading, self.walking, self.compiling, strict=True)
        return Seconds(*((read + walked) / whole for read, walked, whole in parts))

    @property
    def each(self) -> float:
        """Processor seconds of reading and walking a kilobyte of text."""
        return (self.reading.processor + self.walking.processor) / self.kilobytes


def timed(run: Callable[[], Any]) -> tuple[Seconds, Any]:
    clock, processor = time.perf_counter(), time.process_time()
    found = run()
    return Seconds(time.perf_counter() - clock, time.process_time() - processor), found


def least(run: Callable[[], Any], rounds: int) -> Seconds:
    samples = [timed(run)[0] for _ in range(rounds)]
    return Seconds(*map(min, zip(*samples, strict=True)))


def cost(loss: Any, rounds: int) -> Cost:
    gradient = jax.grad(loss, argnums=loss.argnums)
    lowered = jax.jit(gradient).lower(*loss.example_args())
    compiling, compiled = timed(lowered.compile)
    module = read_module(compiled)
    return Cost(
        compiling,
        least(lambda: read_module(compiled), rounds),
        least(lambda: walk(module), rounds),
        len(compiled.as_text()) / 1000,
        sum(len(each.instructions) for each in module.computations.values()),
    )


def row(name: str, found: Cost) -> str:
    return (
        f"{name:<24}{found.kilobytes:8,.0f}{found.instructions:14,}{found.compiling.clock:11.2f}"
        f"{found.compiling.processor:13.2f}"
        f"{found.reading.clock * 1e3:10.1f}{found.walking.clock * 1e3:10.1f}"
        f"{found.shares.clock:14.2%}{found.shares.processor:11.2%}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=12, help="of the deepest written out")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    depths = sorted({max(given.layers // 4, 1), max(given.layers // 2, 1), given.layers})
    print(f"gradient of a transformer, jax {jax.__version__}")
    print(f"load of the machine {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
    print(
        "layers                   text kB  instructions  compile s  processor s   read ms   walk ms"
        "  share, clock  processor"
    )
    shipped = cost(transformer, given.rounds)
    print(row("12 in a scan, as shipped", shipped), flush=True)
    costs = []
    for layers in depths:
        loss = transformer.with_config(layers=layers, scan=False, **SIZES)
        costs.append(cost(loss, given.rounds))
        print(row(f"{layers} written out, small", costs[-1]), flush=True)
    first, last = costs[0], costs[-1]
    growth = last.each / first.each
    longer = last.kilobytes / first.kilobytes
    print(f"text {longer:.1f} times as long: {growth:.2f} times the cost of a kilobyte")
    return 0 if max(shipped.shares) < MOST and growth < GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
