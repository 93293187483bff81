"""Time the model suite: forward pass and training step, against peaks and ideal seconds.

    python scripts/benchmark.py [--quick] [--models mlp,transformer] [--program FILE.py:FUNCTION]

The same on CPU, GPU and TPU; sizes follow the device's memory and peaks. A training step is
the gradient and an update in place, fed with its own results. Everything goes into OUT/NAME.json
after every row, and into NAME.md and NAME.png at the end. A program that fails is a row that says
why; the others run. Exit code 1 when one failed, or when a number is impossible: more than 100 % of
a peak, or less than the ideal seconds.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import benchmark_report
import jax
from benchmark_sizes import LADDERS, Budget, chosen

import jaxflops as jf
from jaxflops.cli import target
from jaxflops.cli.call import arguments
from jaxflops.contractions import of_every_phase
from jaxflops.errors import JaxflopsError
from jaxflops.machine.ceiling_cache import KINDS, ceilings
from jaxflops.machine.ceilings import Ceilings
from jaxflops.machine.environment import environment
from jaxflops.machine.roofline import datasheet, measured
from jaxflops.machine.stages import reason

RESULTS = Path(__file__).parent / "results"
RATE = 1e-4
TRIES = 3
GIB = 2**30


class Program(NamedTuple):
    """What is timed: a function, real arguments made when it is its turn, and what feeds it."""

    model: str
    what: str
    config: str
    fn: Any
    args: Callable[[], tuple[Any, ...]]
    feed: Any = None


def programs(options: argparse.Namespace) -> Iterator[Program]:
    """Forward and training step of each model; then the user's own functions."""
    device = jf.device()
    stats = jax.devices()[0].memory_stats() or {}
    memory = stats.get("bytes_limit") or (device and device.memory_bytes) or 4 * GIB
    seconds = 0.02 if options.quick else 1.0
    roofs = datasheet(device) if device else None
    for name, model in chosen(options.models, Budget(memory, seconds), roofs):
        config = ", ".join(f"{k}={v}" for k, v in vars(model.config).items())
        yield Program(name, "forward", config, model.loss, model.random_args)
        step, feed = train_step(model)
        yield Program(name, "train step", config, step, model.random_args, feed)
    for name, fn in options.program:
        yield Program(name, "program", "", fn, lambda fn=fn: example(fn))


def example(fn: Any) -> tuple[Any, ...]:
    """The arguments that a function carries; abstract ones are drawn."""
    args, kwargs = arguments(fn, None)
    if kwargs:
        raise JaxflopsError(f"example_args names {', '.join(kwargs)}: give them by position")
    return args


def train_step(model: Any) -> tuple[Any, Any]:
    """Gradient and update, the parameters donated; and how a step's results feed the next."""
    where = model.argnums
    gradient = jax.value_and_grad(model.loss, argnums=where)

    def step(*args: Any) -> tuple[Any, tuple[Any, ...]]:
        loss, gradients = gradient(*args)
        moved = [
            jax.tree.map(lambda p, g: (p - RATE * g).astype(p.dtype), args[i], g)
            for i, g in zip(where, gradients, strict=True)
        ]
        return loss, tuple(moved)

    def feed(outputs: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        new = dict(zip(where, outputs[1], strict=True))
        return tuple(new.get(i, arg) for i, arg in enumerate(args))

    step.__name__ = f"{model.name}_train_step"
    return jax.jit(step, donate_argnums=where), feed


class Results:
    """The rows so far, on disk after each; what runs now is named there too."""

    def __init__(self, path: Path, head: dict[str, Any]) -> None:
        self.path, self.head, self.rows = path, head, list[dict[str, Any]]()
        path.parent.mkdir(parents=True, exist_ok=True)

    def save(self, running: str | None = None) -> None:
        """Write everything; a reader sees the old file or the new one, never half of one."""
        data = {**self.head, "running": running, "rows": self.rows}
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(data, indent=1) + "\n", "utf-8")
        partial.replace(self.path)


class Measured(NamedTuple):
    """A row, and what it was made from, to be held against better ceilings at the end."""

    row: dict[str, Any]
    measurement: jf.Measurement
    profile: Any


def measure(program: Program, seconds: float) -> tuple[jf.Measurement, Any]:
    """Timed, then profiled; a step uses its arguments up.

    The same executable, compiled once; but on a GPU one whose launches the profiler tells apart.
    """
    measurement = jf.measure(program.fn, feed=program.feed, seconds=seconds)(*program.args())
    apart = jax.default_backend() == "gpu"
    profiled = program.fn if apart else measurement.timing.executable
    return measurement, jf.profile(profiled, runs=3)(*program.args())


def fill(found: Measured, seen: Ceilings) -> None:
    """Utilization, ideal seconds and the most wasteful layers, under ceilings."""
    row, measurement, profile = found
    held, roofs = measurement.against(measured(seen)), measured(seen)
    roofline = held.roofline()
    row |= {
        "flops_per_second": measurement.flops_per_second,
        "mfu": measurement.mfu,
        "hfu": measurement.hfu,
        "mfu_of_ceiling": held.mfu,
        "hfu_of_ceiling": held.hfu,
        "ideal_seconds_unfused": roofline.unfused_seconds,
        "ideal_seconds_compulsory": roofline.compulsory_seconds,
        "ideal_seconds": roofline.ideal_seconds,
        "intensity": roofline.intensity,
        "device_seconds": profile.device_seconds,
        "seconds_explained": profile.explained,
        "seconds_inferred": profile.inferred,
        "wasteful": [
            {"site": s.key, "seconds": s.seconds, "above_ideal": s.above_ideal}
            for s in profile.against(roofs).slowest(3)
        ],
        "measurement": measurement.to_json(),
    }
    row["impossible"] = impossible(row) + [
        f"site {s.key}: more than 100 % of its kinds' ceilings"
        for s in profile.against(roofs).impossible
    ]


def impossible(row: dict[str, Any]) -> list[str]:
    """Numbers of a row that cannot be true together."""
    names = ("mfu", "hfu", "mfu_of_ceiling", "hfu_of_ceiling")
    found = [f"{name}: {row[name]:.1%}" for name in names if (row[name] or 0) > 1]
    if row["seconds"] < row["ideal_seconds"]:
        found.append(f"{row['seconds']:.4g} s, ideally {row['ideal_seconds']:.4g} s")
    return found


def run(program: Program, seen: Ceilings, options: argparse.Namespace) -> Measured | None:
    """One row, or None after saying why there is none; what fails does not end the others."""
    row: dict[str, Any] = {"model": program.model, "program": program.what}
    row["config"] = program.config
    options.results.rows.append(row)
    try:
        measurement, profile = measure(program, options.seconds)
        row |= {"seconds": measurement.median, "compile_seconds": measurement.compile_seconds}
        found = Measured(row, measurement, profile)
        fill(found, seen)
    except Exception as error:  # noqa: BLE001 - whatever a program or a backend raises
        row["failed"] = reason(error)
        print(f"{program.model} {program.what}: FAILED: {row['failed']}", flush=True)
        return None
    print(benchmark_report.line(row), flush=True)
    return found


def main() -> int:
    options = parse()
    device = jax.devices()[0]
    print(f"{device.device_kind}, jax {jax.__version__}; ceilings first", flush=True)
    seen = ceilings(refresh=True)
    options.results = Results(options.out / f"{options.name}.json", head(device))
    done, started = list[Measured](), time.monotonic()
    for program in programs(options):
        options.results.save(running=f"{program.model} {program.what}")
        if found := run(program, seen, options):
            done.append(found)
    seen = settle(done, seen)
    options.results.head["seconds"] = round(time.monotonic() - started, 1)
    options.results.save()
    benchmark_report.write(options.results, seen)
    return verdict(options.results.rows)


def settle(done: list[Measured], seen: Ceilings) -> Ceilings:
    """The rows under ceilings that are measured again, and more than once while one is exceeded.

    A ceiling is the most that was ever seen: one that was taken while the machine did other work is
    too low, and a faster program shows it.
    """
    kinds = {k for m in done for k in of_every_phase(m.measurement.analysis.tree)}
    for _ in range(TRIES):
        seen = seen.best(ceilings({*KINDS, *kinds}, refresh=True))
        for found in done:
            fill(found, seen)
        if not any(found.row["impossible"] for found in done):
            break
    return seen


def verdict(rows: list[dict[str, Any]]) -> int:
    failed = [f"{r['model']} {r['program']}" for r in rows if "failed" in r]
    wrong = [f"{r['model']} {r['program']}: {w}" for r in rows for w in r.get("impossible", ())]
    for text in wrong:
        print(f"IMPOSSIBLE: {text}")
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed or wrong else 0


def head(device: jax.Device) -> dict[str, Any]:
    """The environment, without the machine's name."""
    described = {k: v for k, v in environment(device).items() if k != "machine"}
    known = jf.device()
    source = {"peaks": known.source, "derived": known.derived} if known else {"peaks": "unknown"}
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "jaxflops": jf.__version__,
        "environment": described,
        "load_average": [round(load, 1) for load in os.getloadavg()],
        **source,
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, two cores, 5 minutes")
    parser.add_argument("--models", default=",".join(LADDERS), help="names with commas")
    parser.add_argument("--program", action="append", default=[], metavar="FILE.py:FUNCTION",
                        help="a function of your own with the attribute example_args")  # fmt: skip
    parser.add_argument("--seconds", type=float, help="samples of each program (2; quick 0.5)")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--name", help="of the files (benchmark-PLATFORM)")
    options = parser.parse_args()
    try:
        options.program = [(x.rpartition(":")[2], target.load(x)) for x in options.program]
    except JaxflopsError as error:
        parser.error(f"--program: {error}")
    options.models = [name for name in options.models.split(",") if name]
    if unknown := sorted(set(options.models) - set(LADDERS)):
        parser.error(f"--models {','.join(unknown)}: write some of {','.join(LADDERS)}")
    options.seconds = options.seconds or (0.5 if options.quick else 2.0)
    quick = "-quick" if options.quick else ""
    options.name = options.name or f"benchmark-{jax.default_backend()}{quick}"
    return options


if __name__ == "__main__":
    sys.exit(main())
