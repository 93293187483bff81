"""Count, compile and time one model's training step: FLOP/s of what the program asks for.

    python scripts/benchmark.py [--model transformer] [--rounds 20]

The arguments are random; a call is timed until all its results are ready. FLOP/s is the
contraction work of the program as counted, over the median of the wall-clock samples.
"""

import argparse
import statistics
import sys
import time

import jax

import jaxflops as jf
from jaxflops.models import suite


def main() -> int:
    programs = {name: (loss, args) for name, loss, args in suite("small")}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=programs, default=next(iter(programs)))
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    loss, args = programs[options.model]
    step = jax.value_and_grad(loss, argnums=loss.argnums)

    analysis = jf.analyze(loss, mode="value_and_grad", argnums=loss.argnums)(*args)
    arrays = loss.random_args()
    start = time.perf_counter()
    compiled = jax.jit(step).lower(*args).compile()
    compile_seconds = time.perf_counter() - start
    jax.block_until_ready(compiled(*arrays))  # warm-up

    samples = []
    for _ in range(options.rounds):
        start = time.perf_counter()
        jax.block_until_ready(compiled(*arrays))
        samples.append(time.perf_counter() - start)
    median = statistics.median(samples)
    device = jax.devices()[0]
    print(f"{options.model} value_and_grad on {device.device_kind} (jax {jax.__version__})")
    print(f"contraction FLOPs {analysis.matmul_flops:,}, backward / forward {analysis.ratio}")
    print(f"compile {compile_seconds:.2f} s")
    print(f"step    {median * 1e3:.3f} ms median of {len(samples)}")
    print(f"        {min(samples) * 1e3:.3f} ms fastest, {max(samples) * 1e3:.3f} ms slowest")
    print(
        f"rate    {analysis.matmul_flops / median / 1e9:.2f} GFLOP/s of contractions (wall clock)"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
