"""Count, compile and time one model's training step: FLOP/s of what the program asks for.

    python scripts/benchmark.py [--model transformer-scan] [--seconds 2]

The arguments are random, a call is timed until all its results are ready, and all samples are
kept; the rate and MFU are printed with what they were computed from.
"""

import argparse
import sys

import jax

import jaxflops as jf
from jaxflops.models import suite


def main() -> int:
    programs = {case.name: case for size in ("small", "medium") for case in suite(size)}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=programs, default="transformer-scan")
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    name, loss, _ = programs[options.model]
    arguments = loss.random_args()
    step = jax.value_and_grad(loss, argnums=loss.argnums)
    measured = jf.measure(step, seconds=options.seconds)(*arguments)
    counted = jf.analyze(loss, mode="value_and_grad", argnums=loss.argnums)(*arguments)
    print(f"{name}: jax {jax.__version__}, {jax.default_backend()}")
    print(f"contractions {counted.matmul_flops:,} FLOPs, backward / forward {counted.ratio}")
    print(f"of {counted.flops:,} FLOPs, coverage {counted.coverage:.0%}")
    print(measured)
    return 0


if __name__ == "__main__":
    sys.exit(main())
