"""How much walking costs beside tracing, in one run: a ratio, so the machine cancels.

    python scripts/walk_cost.py [--layers 1250] [--rounds 5]

The network is unrolled on purpose (its gradient has at least 26,000 equations, on the oldest and
the newest JAX); dead-code removal is JAX's own and printed apart. Exit code 1 when the median walk
is over 5 % of `jax.make_jaxpr`.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

import jaxflops as jf
from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.walk import walk

LIMIT = 0.05


def network(ws: Any, bs: Any, x: Any) -> Any:
    for w, b in zip(ws, bs, strict=True):
        with jax.named_scope("layer"):
            x = jnp.tanh(x @ w + b) * x + jnp.sin(x)
    return jnp.mean(x**2)


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=1250)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    n = options.layers
    args = jf.specs(["f32[8,8]"] * n, ["f32[8]"] * n, "f32[4,8]")
    shares = []
    for _ in range(options.rounds):
        jax.clear_caches()
        traced, jaxpr = timed(lambda: jax.make_jaxpr(jax.grad(network, argnums=(0, 1)))(*args))
        pruned, (live, _) = timed(lambda jaxpr=jaxpr: _jax.dce(jaxpr))
        walked, tree = timed(lambda live=live: walk(live))
        shares.append(walked / traced)
        print(
            f"{len(live.eqns):,} equations: make_jaxpr {traced:.3f} s, dead-code removal "
            f"{pruned:.3f} s ({pruned / traced:.1%}), walk {walked:.3f} s ({walked / traced:.1%}), "
            f"{tree.total.flops:,} FLOPs"
        )
    median = statistics.median(shares)
    print(f"walk / make_jaxpr: median {median:.2%} of {min(shares):.2%}..{max(shares):.2%}")
    return 0 if median <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
