"""Run in a process of its own: a step on four devices of one CPU, profiled; prints its data."""

import json
import sys

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, NamedSharding, PartitionSpec

import jaxflops as jf
from jaxflops.machine.cpu import this_cpu


def loss(w, x):
    with jax.named_scope("up"):
        h = jnp.tanh(x @ w)
    with jax.named_scope("loss"):
        return jnp.sum(h**2)


mesh = jax.make_mesh((4,), ("data",), axis_types=(AxisType.Auto,))
everywhere, split = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in ((), ("data",)))
step = jax.jit(jax.value_and_grad(loss), in_shardings=(everywhere, split))
profile = jf.profile(step, runs=3)(*jf.specs("f32[64,64]", "f32[128,64]"))
found = {
    "runs": len(profile.spans),
    "matmul_flops": profile.total.cost.matmul_flops,
    "sites": list(profile.by("site")),
    "whole_cpu": profile.device == this_cpu(),
}
sys.stdout.write(json.dumps(found) + "\n")
