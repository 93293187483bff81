"""Hold the clock against independent ones, on this machine, now.

    python scripts/check_clock.py [--rounds 24]

1. A model's gradient, timed by what `jf.measure` times with and by a loop written here, call by
   call in turn: the ratio must lie within the spread that the same clock, run twice in the same
   rounds, has against itself.
2. The same for a large matmul.
3. Chains of 4, 8, 16 and 32 matmuls: seconds per FLOP from each to the next are those from the
   first to the last, within that spread, and the line through them meets zero matmuls at the time
   of a chain of none.
4. A training loop with `jf.MFUMeter` takes as long as one without, within that spread.
5. No program is faster than its ideal seconds under measured ceilings.

Exit code 1 when one does not hold.
"""

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxflops as jf
from jaxflops.machine import calls, sampling, stages
from jaxflops.machine.ceiling_cache import KINDS, ceilings
from jaxflops.machine.inputs import Inputs
from jaxflops.machine.roofline import measured
from jaxflops.machine.statistics import spread
from jaxflops.models import mlp, suite

CHAINS = (0, 4, 8, 16, 32)
SIZE = {"cpu": 256}
LARGE = 2048  # of any other backend, where a small matmul takes as long as its launch
ROUND_SECONDS = 0.3
STEPS = 5
TRIES = 3
FLOORS = ("two_layer", "mlp-unrolled", "resnet", "transformer-scan", "transformer-scan-remat",
          "moe-scan", "lstm-scan", "vit-scan", "unet", "ssm-scan")  # fmt: skip


def ours(jitted: Any, args: tuple[Any, ...]) -> sampling.Work:
    """What `jf.measure(jitted)(*args)` calls to take a sample."""
    staged = stages.stage(jitted, args, {}, (), time.perf_counter)
    return calls.prepare(staged, Inputs().concrete(staged.leaves, staged.shardings), None)[0]


def independent(jitted: Any, args: tuple[Any, ...]) -> Callable[[], float]:
    """Seconds of one call, by a clock of its own."""

    def once() -> float:
        start = time.perf_counter()
        jax.block_until_ready(jitted(*args))
        return time.perf_counter() - start

    return once


def in_turn(clocks: Sequence[Callable[[], float]], rounds: int) -> tuple[np.ndarray, int]:
    """[clocks, rounds]: the median of each round's calls, one call of each clock after the other.

    The order is drawn anew each time: after a long call the machine owes others the next moment,
    and none may always be the one that pays. And the calls to a round.
    """
    [clock() for clock in clocks]  # the first one warms up
    calls_each = int(np.clip(ROUND_SECONDS / sum(clock() for clock in clocks), 5, 31)) | 1
    taken, order = np.zeros((len(clocks), rounds, calls_each)), np.random.default_rng(0)
    with sampling.no_collections():
        for turn, call in itertools.product(range(rounds), range(calls_each)):
            for index in order.permutation(len(clocks)):
                taken[index, turn, call] = clocks[index]()
    return np.median(taken, axis=2), calls_each


def clock_of(work: sampling.Work) -> Callable[[], float]:
    """Seconds of one call of a work, taken as every sample of `jf.measure` is."""
    return lambda: sampling.seconds_of(work, 1, time.perf_counter)


def agrees(title: str, jitted: Any, args: tuple[Any, ...], rounds: int) -> bool:
    """Our clock and the independent one, against our clock and itself."""
    work = ours(jitted, args)
    clocks = [clock_of(work), clock_of(work), independent(jitted, args)]
    (first, again, loop), calls_each = in_turn(clocks, rounds)
    same, ratio = again / first, float(np.median(loop / first))
    middle, width = float(np.median(same)), spread(list(same))
    holds = abs(ratio - middle) <= width
    print(f"{title}: {np.median(first) * 1e3:.3f} ms a call, {rounds} rounds of {calls_each} calls")
    print(f"  ours against itself    {middle:.4f}, spread {width:.4f}")
    print(f"  independent loop/ours  {ratio:.4f}   {verdict(holds)}")
    return holds


def metered(jitted: Any, args: tuple[Any, ...], rounds: int) -> bool:
    """Loops of steps that are dispatched ahead, with the meter and without it."""

    def plain() -> float:
        start = time.perf_counter()
        for _ in range(STEPS):
            loss = jitted(*args)[0]
        jax.block_until_ready(loss)
        return time.perf_counter() - start

    meter = jf.MFUMeter(jitted)(*args)

    def watched() -> float:
        meter.pause()
        start = time.perf_counter()
        for _ in range(STEPS):
            loss = jitted(*args)[0]
            meter.step(loss)
        jax.block_until_ready(loss)
        return time.perf_counter() - start

    (first, again, loop), calls_each = in_turn([plain, plain, watched], rounds)
    same, ratio = again / first, float(np.median(loop / first))
    middle, width = float(np.median(same)), spread(list(same))
    holds = abs(ratio - middle) <= width
    print(f"{STEPS} steps of {np.median(first) / STEPS * 1e3:.3f} ms, {rounds} rounds of "
          f"{calls_each} loops: with jf.MFUMeter / without {ratio:.4f}, without / without "
          f"{middle:.4f}, spread {width:.4f}   {verdict(holds)}")  # fmt: skip
    return holds


def chain(length: int) -> Any:
    def run(x: Any, w: Any) -> Any:
        for _ in range(length):
            x = x @ w
        return x + 1

    return jax.jit(run)


def slope(rounds: int) -> bool:
    """Seconds per FLOP of chains, and what is left at none."""
    key = jax.random.key(0)
    size = SIZE.get(jax.default_backend(), LARGE)
    x = jax.random.normal(key, (size, size))
    w = jnp.linalg.qr(x)[0]  # keeps the size of what it multiplies
    programs = [chain(length) for length in CHAINS]
    works = [ours(program, (x, w)) for program in programs]
    clocks = [clock_of(work) for work in works for _ in range(2)]
    pairs, calls_each = in_turn(clocks, rounds)
    taken = pairs.reshape(len(CHAINS), 2, rounds)
    flops = np.array([2 * size**3 * length for length in CHAINS], float)
    print(f"chains of {size} x {size} matmuls, {rounds} rounds of {calls_each} calls")
    for row, length in enumerate(CHAINS):
        print(f"  {length:2d}: {np.median(taken[row, 0]) * 1e3:.3f} ms")
    whole = (taken[-1] - taken[1]) / (flops[-1] - flops[1])
    good = True
    for row in range(1, len(CHAINS) - 1):
        each = (taken[row + 1] - taken[row]) / (flops[row + 1] - flops[row])
        off = abs(float(np.median(each[0] / whole[0])) - 1)
        width = spread(list(each[1] / each[0]))
        good &= off <= width
        rate = 1 / float(np.median(each[0])) / 1e9
        print(f"  {CHAINS[row]} to {CHAINS[row + 1]}: {rate:.1f} GFLOP/s, s/FLOP off by {off:.4f} "
              f"from 4 to 32, A/A {width:.4f}  {verdict(off <= width)}")  # fmt: skip
    return intercept(flops, taken) and good


def intercept(flops: np.ndarray, taken: np.ndarray) -> bool:
    """The line through 4 to 32 matmuls, at none, against a chain of none in the same round."""
    at_none = np.array([[np.polyfit(flops[1:], round_, 1)[1] for round_ in series.T]
                        for series in np.moveaxis(taken[1:], 1, 0)])  # fmt: skip
    first, again = at_none - taken[0]
    off, width = float(np.median(first)), spread(list(first - again))
    holds = abs(off) <= width
    print(f"  intercept {np.median(at_none[0]) * 1e3:.3f} ms, a chain of none "
          f"{np.median(taken[0, 0]) * 1e3:.3f} ms: off by {off * 1e3:.3f} ms in a round, A/A "
          f"{width * 1e3:.3f} ms  {verdict(holds)}")  # fmt: skip
    return holds


def floors(seconds: float) -> bool:
    """Every small model's gradient, and matmuls, against their ideal seconds."""
    models = [(case.name, case.loss) for case in suite("small") if case.name in FLOORS]
    programs = [(name, jax.value_and_grad(loss, argnums=loss.argnums), loss.random_args())
                for name, loss in models]  # fmt: skip
    big = jnp.ones((1024, 1024)) * 0.5
    programs.append(("matmul 1024", jnp.matmul, (big, big)))
    seen = ceilings(KINDS[:1], refresh=True)
    rows = [(name, jf.measure(fn, seconds=seconds)(*args)) for name, fn, args in programs]
    for _ in range(TRIES):  # a ceiling taken while the machine did other work is too low
        seen = seen.best(ceilings(KINDS[:1], refresh=True))
        found = {name: row.against(measured(seen)).roofline() for name, row in rows}
        if not any(roofline.impossible for roofline in found.values()):
            break
    for name, row in rows:
        ideal, holds = found[name].ideal_seconds, not found[name].impossible
        print(f"  {name:26s} measured {row.median * 1e3:9.4f} ms, ideally "
              f"{ideal * 1e3:9.4f} ms  {verdict(holds)}")  # fmt: skip
    return not any(roofline.impossible for roofline in found.values())


def verdict(holds: bool) -> str:
    return "holds" if holds else "DOES NOT HOLD"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=24, help="at least 10 (24)")
    parser.add_argument("--seconds", type=float, default=0.2, help="of each program (0.2)")
    options = parser.parse_args()
    if options.rounds < 10:  # noqa: PLR2004
        parser.error("--rounds: write 10 or more; fewer have no spread to speak of")
    print(f"jax {jax.__version__}, {jax.devices()[0].device_kind}")
    gradient = jax.jit(jax.value_and_grad(mlp.with_config(batch=64, width=512, layers=2)))
    model = mlp.with_config(batch=64, width=512, layers=2).random_args()
    larger = jax.jit(jax.value_and_grad(mlp.with_config(batch=128, layers=3)))
    larger_model = mlp.with_config(batch=128, layers=3).random_args()
    matrix = jax.random.normal(jax.random.key(1), (1024, 1024))
    results = [
        agrees("gradient of an MLP", gradient, model, options.rounds),
        agrees("matmul of 1024 x 1024", jax.jit(jnp.matmul), (matrix, matrix), options.rounds),
        slope(options.rounds),
        metered(larger, larger_model, options.rounds),
    ]
    print("ideal seconds under the ceilings measured before and after:")
    results.append(floors(options.seconds))
    print("every check holds" if all(results) else "NOT EVERY CHECK HOLDS")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
