"""Compiles sharded programs for eight forced CPU devices and prints what is found in them.

Run in a process of its own: XLA reads the number of devices once.
"""

import json
import os
import sys

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import jaxflops as jf

MESH = jax.make_mesh((2, 4), ("data", "model"), axis_types=(AxisType.Auto,) * 2)


def body(total, x, w):
    y = lax.psum((x + total) @ w, "model")
    whole = lax.all_gather(w * total, "data", axis=1, tiled=True)
    moved = lax.ppermute(y, "model", [(i, (i + 1) % 4) for i in range(4)])
    return lax.psum(y.sum() * moved.sum(), ("data", "model")) + whole.sum()


def looped(x, w):
    return lax.scan(lambda total, _: (body(total, x, w), None), jnp.float32(1), length=3)[0]


def mapped(x, w):
    specs = (P("data", "model"), P("model", "data"))
    return jax.shard_map(looped, mesh=MESH, in_specs=specs, out_specs=P(), check_vma=False)(x, w)


def product(x, w):
    return x @ w


def parallel(x, w):
    """The hidden units of a layer, spread over all devices."""
    each = lambda x, w: lax.psum(jnp.tanh(x) @ w, ("data", "model"))
    split = (P(None, ("data", "model")), P(("data", "model"), None))
    return jax.shard_map(each, mesh=MESH, in_specs=split, out_specs=P())(x, w)


def args(spec_x, spec_w):
    return (
        jax.ShapeDtypeStruct((16, 32), "float32", sharding=NamedSharding(MESH, spec_x)),
        jax.ShapeDtypeStruct((32, 8), "float32", sharding=NamedSharding(MESH, spec_w)),
    )


def described(analysis):
    return {
        "devices": analysis.devices,
        "matmul": analysis.matmul_flops,
        "memory": analysis.memory.arguments,
        "text": str(analysis),
        "collectives": [
            [each.kind, each.axes, each.payload_bytes, each.times, len(each.groups)]
            for each in analysis.collectives
        ],
    }


def squared(x, w):
    return (product(x, w) ** 2).sum()


def accounted(comparison):
    return {
        "counted": comparison.counted.matmul_flops,
        "lowered": comparison.lowered.matmul_flops,
        "compiled": comparison.compiled.matmul_flops,
        "unexplained": comparison.unexplained,
        "rows": [[row.step, row.cause, row.flops] for row in comparison.rows],
        "elementwise": comparison.to_json()["elementwise"],
    }


def main():
    shard = described(jf.analyze_compiled(mapped)(*args(P("data", "model"), P("model", "data"))))
    split = described(jf.analyze_compiled(product)(*args(P("data", "model"), P("model", None))))
    ledgers = {
        "mapped": accounted(jf.compare(mapped)(*args(P("data", "model"), P("model", "data")))),
        "parallel": accounted(jf.compare(parallel)(*args(P(), P()))),
        "squared": accounted(
            jf.compare(squared, mode="grad", argnums=(0, 1))(
                *args(P("data", None), P(None, "model"))
            )
        ),
    }
    json.dump({"mapped": shard, "product": split, "ledgers": ledgers}, sys.stdout)


if __name__ == "__main__":
    main()
