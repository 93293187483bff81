"""A step that several processes run together is divided by the devices of all of them."""

import os
import socket
import subprocess
import sys

import pytest

STEP = """
import itertools, sys
import jax, jax.numpy as jnp
from jax.sharding import AxisType, NamedSharding, PartitionSpec

address, process = sys.argv[1], int(sys.argv[2])
jax.distributed.initialize(address, num_processes=2, process_id=process)
import jaxflops as jf

mesh = jax.make_mesh((4,), ("data",), axis_types=(AxisType.Auto,))
rows = NamedSharding(mesh, PartitionSpec("data"))
x = jax.ShapeDtypeStruct((8, 4), jnp.float32, sharding=rows)
w = jax.ShapeDtypeStruct((4, 4), jnp.float32, sharding=NamedSharding(mesh, PartitionSpec()))
clock = itertools.count().__next__
step = jax.jit(lambda x, w: (x @ w).sum())
m = jf.measure(step, samples=8, clock=clock, device="tpu-v5e")(x, w)
work = 2 * 8 * 4 * 4
print("devices", m.timing.devices, "local", jax.local_device_count())
print(m.mfu == work / (4 * 197e12), m.hfu == m.mfu)
"""


def run_both(port):
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", STEP, f"127.0.0.1:{port}", str(number)],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for number in range(2)
    ]  # fmt: skip
    try:
        return [process.communicate(timeout=120) for process in processes]
    finally:
        for process in processes:
            process.kill()


@pytest.mark.slow
def test_two_processes_of_two_devices_each():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for out, err in run_both(port):
        assert out.splitlines()[-2:] == ["devices 4 local 2", "True True"], err
