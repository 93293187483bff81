"""Compiles a program for two forced CPU devices and writes its modules: proto and text.

Run in a process of its own: XLA reads the number of devices once.
"""

import os
import sys
from pathlib import Path

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"

import jax
import numpy as np
from jax.sharding import Mesh, PartitionSpec

jax.config.update("jax_hlo_source_file_canonicalization_regex", ".*/")


def body(x, w):
    y = x @ jax.lax.all_gather(w, "x", axis=0, tiled=True)
    scattered = jax.lax.psum_scatter(y, "x", tiled=True)
    moved = jax.lax.ppermute(scattered, "x", [(0, 1), (1, 0)])
    swapped = jax.lax.all_to_all(w, "x", 1, 0, tiled=True)
    return jax.lax.psum(y, "x").sum() + jax.lax.pmax(moved.sum(), "x") + swapped.sum()


def main(directory):
    mesh = Mesh(np.array(jax.devices()), ("x",))
    specs = (PartitionSpec(), PartitionSpec("x"))
    function = jax.shard_map(
        body, mesh=mesh, in_specs=specs, out_specs=PartitionSpec(), check_vma=False
    )
    shapes = (jax.ShapeDtypeStruct((8, 16), "float32"), jax.ShapeDtypeStruct((16, 8), "float32"))
    lowered = jax.jit(function).lower(*shapes)
    compiled = lowered.compile()
    modules = {
        "lowered": lowered.compiler_ir("hlo").get_hlo_module(),
        "compiled": compiled.runtime_executable().hlo_modules()[0],
    }
    for stage, module in modules.items():
        (directory / f"{stage}.pb").write_bytes(module.as_serialized_hlo_module_proto())
        (directory / f"{stage}.txt").write_text(module.to_string())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
