"""Where a transformer's train step spends its device time, and how much of it has a site.

    .venv/bin/python scripts/time_per_layer.py [--quick] [--json PATH]

Profiles value_and_grad and an SGD update, donated, scanned with and without rematerialisation, and
unrolled. Exits 1 when less than 95 % of a scanned step's device time, not counting what it is idle,
is at sites, when a trip count that was observed is not the one inferred, when the FLOPs of what ran
are not those of the compiled program, or when a site is above its peak. Unrolled, XLA:CPU copies
every donated parameter under no name (nothing says for whom), so that share is printed and not
required. A GPU is given a larger model: in a small one it waits for launches most of the time.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import jax

import jaxflops as jf
from jaxflops.models import transformer
from jaxflops.models._suite import DECODER

WANTED = 0.95
QUICK = {"batch": 4, "seq": 64, "vocab": 512, "width": 128, "layers": 4, "hidden": 512}
LARGE: dict[str, Any] = {"batch": 8, "seq": 1024, "vocab": 32000, "width": 2048, "layers": 8}
LARGE |= {"hidden": 8192, "dtype": "bf16"}
VARIANTS = {
    "scan": {"scan": True, "remat": False},
    "scan, remat": {"scan": True, "remat": True},
    "unrolled": {"scan": False, "remat": False},
}
FIELDS = ("variant", "device s", "device/wall", "named", "inferred", "at sites", "idle", "trips")
LINE = "{:12} {:>9} {:>12} {:>8} {:>9} {:>9} {:>7}  {}"


def on_gpu() -> bool:
    return jax.default_backend() == "gpu"


def train_step(loss: Any, params: Any, *batch: Any) -> tuple[Any, Any]:
    value, gradients = jax.value_and_grad(loss)(params, *batch)
    with jax.named_scope("update"):
        return jax.tree.map(lambda p, g: p - 1e-3 * g, params, gradients), value


def step_of(sizes: dict[str, Any], **variant: bool) -> tuple[Any, tuple[Any, ...]]:
    model = transformer.with_preset("tiny").with_config(heads=8, **{**sizes, **variant})
    return jax.jit(partial(train_step, model), donate_argnums=0), model.example_args()


def problems(profile: jf.Profile, compiled: jf.CompiledAnalysis) -> list[str]:
    found = [f"IMPOSSIBLE: {row.key}" for row in profile.impossible]
    if profile.loops and at_sites(profile) < WANTED:
        found.append(f"only {at_sites(profile):.1%} at sites of the time that the device works")
    found += [f"{loop.name}: {loop.inferred} inferred" for loop in profile.loops if not loop.agrees]
    if profile.total.cost is None or profile.total.cost.flops != compiled.flops:
        found.append("the FLOPs of what ran are not those of the compiled program")
    return found


def at_sites(profile: jf.Profile) -> float:
    """Share of the time in which any instruction is active."""
    idle = profile.between / profile.device_seconds
    return (profile.explained + profile.inferred) / (1 - idle)


def row(name: str, profile: jf.Profile) -> str:
    shares = (profile.explained, profile.inferred, at_sites(profile))
    trips = ", ".join(f"{loop.observed}/{loop.inferred}" for loop in profile.loops) or "no loops"
    return LINE.format(
        name,
        f"{profile.device_seconds:.4f}",
        f"{median(profile.spans) / median(profile.walls):.1%}",
        *(f"{share:.2%}" for share in shares),
        f"{profile.between / profile.device_seconds:.2%}",
        trips,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--quick", action="store_true", help="a small transformer")
    parser.add_argument("--json", metavar="PATH", help="write all three profiles")
    given = parser.parse_args()
    sizes = QUICK if given.quick else LARGE if on_gpu() else DECODER
    print(f"jax {jax.__version__}, {jax.devices()[0].device_kind}; trips: observed/inferred")
    print(LINE.format(*FIELDS))
    written, failures = {}, []
    for name, variant in VARIANTS.items():
        step, args = step_of(sizes, **variant)
        profile = jf.profile(step)(*args)
        print(row(name, profile), flush=True)
        failures += [
            f"{name}: {each}" for each in problems(profile, jf.analyze_compiled(step)(*args))
        ]
        written[name] = profile.to_json()
    print(f"\n{profile}")
    if given.json:
        Path(given.json).write_text(json.dumps(written, indent=1), encoding="utf-8")
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
