"""Count the train step of a 405B-parameter transformer from abstract arguments.

    python scripts/large_model.py [--preset llama3-405b] [--batch 4] [--tokens 8192]

Prints the time beyond tracing, the process's peak memory, and tables that each sum to the total;
exit code 1 when a table does not, when it took 5 s or 1 GB.
"""

import argparse
import resource
import sys
import time

import jax

import jaxflops as jf
from jaxflops.cost import total
from jaxflops.models import transformer

SECONDS, BYTES = 5.0, 2**30
VIEWS = ("phase", "scope", "primitive")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="llama3-405b")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=8192)
    options = parser.parse_args()
    model = transformer.with_preset(options.preset).with_config(
        batch=options.batch, seq=options.tokens, remat=True, scan=True
    )
    args = model.example_args()
    print(f"{options.preset}: {model.parameter_count:,} parameters")
    for _ in range(2):  # the second time, JAX's own start-up is over
        jax.clear_caches()
        start = time.perf_counter()
        jax.make_jaxpr(jax.value_and_grad(model.loss, argnums=model.argnums))(*args)
        traced = time.perf_counter() - start

    jax.clear_caches()
    start = time.perf_counter()
    analysis = jf.analyze(model.loss, mode="value_and_grad", argnums=model.argnums)(*args)
    tables = {view: analysis.by(view) for view in VIEWS}
    seconds = time.perf_counter() - start - traced
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    sums = True
    for view, table in tables.items():
        print(f"\nby {view}: contraction FLOPs, other FLOPs")
        for name, cost in table.items():
            if cost.flops:
                print(
                    f"  {name or '(top level)':40} {cost.matmul_flops:32,} {cost.other_flops:26,}"
                )
        equal = total(table.values()) == analysis.total
        sums &= equal
        print(f"  {'total':40} {analysis.matmul_flops:32,} {analysis.total.other_flops:26,}")
        print(f"  sums to the total: {equal}")
    gigabytes = peak / 2**30
    print(f"\ntracing {traced:.2f} s, beyond it {max(seconds, 0):.2f} s, peak {gigabytes:.2f} GB")
    return 0 if sums and seconds < SECONDS and peak < BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
