"""Kernels that hold a primitive said to compute nothing, as Mosaic lowers them for a GPU.

Nothing is compiled, so no GPU is needed. Of the newest JAX: before 0.12 `jax.experimental.mosaic`
wants a package that JAX does not install.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import mosaic_gpu as gpu
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P
from still_tpu import Call, array

LINE = array(128)
SHARED = gpu.SMEM((128,), jnp.float32)
SWIZZLED = (gpu.TilingTransform((8, 32)), gpu.SwizzleTransform(128))
SEMAPHORE = gpu.SemaphoreType.REGULAR
FOR_TENSOR_CORES = gpu.Barrier(orders_tensor_core=True)


def kernel(
    body: Callable[..., None], *scratch: Any, of: Any = LINE, to: Any = LINE, **options: Any
) -> Call:
    made = gpu.kernel(body, out_type=to, scratch_types=scratch, debug=True, **options)
    return made, (of,)


def beside(mark: Callable[..., Any], *scratch: Any, **options: Any) -> Call:
    """A kernel that does `mark` of its scratch, and nothing else."""
    return kernel(lambda _x, _o, *scratch: mark(*scratch), *scratch, **options)


def sharded(made: Call) -> Call:
    """The kernel on each device of a mesh, for what reaches other devices."""
    fn, args = made
    mesh = jax.make_mesh((1,), ("d",), axis_types=(AxisType.Auto,))
    return jax.shard_map(fn, mesh=mesh, in_specs=P(), out_specs=P(), check_vma=False), args


def zeros(rows: int, columns: int, layout: Any) -> Any:
    return gpu.layout_cast(jnp.full((rows, columns), 0.0, jnp.float32), layout)


def _there_and_back(x, o, shared, barrier):
    gpu.copy_gmem_to_smem(x, shared, barrier)
    gpu.barrier_wait(barrier)
    gpu.commit_smem()
    gpu.copy_smem_to_gmem(shared, o, commit_group=False)
    gpu.commit_smem_to_gmem_group()
    gpu.wait_smem_to_gmem(0)


def _tested(_x, o, barrier):
    gpu.barrier_arrive(barrier)
    o[0] = gpu.barrier_test(barrier).astype(jnp.int32)


def _dependent():
    gpu.griddepcontrol_wait()
    gpu.griddepcontrol_launch_dependents()


def _stored(x, o):
    gpu.store(o, gpu.load(x))


def _cast(x, o):
    o[...] = gpu.layout_cast(x[...], gpu.Layout.WG_STRIDED((128,), 1))


def _printed(x, o):
    gpu.print_layout("{}", x[...])
    o[...] = x[...]


def _semaphore():
    semaphore = pl.get_global(SEMAPHORE)
    pl.semaphore_signal(semaphore)
    pl.semaphore_wait(semaphore)


def _signalled_together():
    gpu.semaphore_signal_parallel(gpu.SemaphoreSignal(pl.get_global(SEMAPHORE), device_id=None))


def _signalled_everywhere():
    gpu.semaphore_signal_multicast(pl.get_global(SEMAPHORE), 1, collective_axes="d")


def _stored_everywhere(x, o):
    gpu.multimem_store(x[...], o, "d")


def _accumulator(_x, o):
    def scope(accumulator):
        gpu.wgmma_wait(0)
        return accumulator[...]

    o[...] = pl.run_scoped(scope, gpu.ACC((64, 64), jnp.float32))


def _accumulator_set(_x, o):
    def scope(accumulator):
        accumulator[...] = zeros(64, 64, gpu.Layout.WGMMA)
        return accumulator[...]

    o[...] = pl.run_scoped(scope, gpu.ACC((64, 64), jnp.float32))


def _tensor_memory(_x, o, memory, barrier):
    gpu.async_store_tmem(memory, zeros(128, 128, gpu.Layout.TCGEN05))
    gpu.commit_tmem()
    loaded = gpu.async_load_tmem(memory)
    gpu.wait_load_tmem()
    gpu.tcgen05_commit_arrive(barrier)
    o[...] = loaded


def _stored_in_cluster(shared, barrier):
    gpu.async_store_smem(
        zeros(64, 64, gpu.Layout.WGMMA),
        shared,
        barrier,
        cluster_idx=jnp.int32(0),
        cluster_dim="c",
        optimized=False,
    )


def _cancelled(_x, o, result, barrier):
    gpu.try_cluster_cancel(result, barrier)
    gpu.barrier_wait(barrier)
    (index,), cancelled = gpu.query_cluster_cancel(result, ("a",))
    o[index] = cancelled.astype(jnp.int32)


_INTS = array(128, dtype="int32")
_COPY = kernel(_there_and_back, SHARED, gpu.Barrier())
_TMEM = kernel(
    _tensor_memory, gpu.TMEM((128, 128), jnp.float32), FOR_TENSOR_CORES, to=array(128, 128)
)
_CANCEL = kernel(
    _cancelled,
    gpu.TryClusterCancelResult(),
    gpu.Barrier(),
    to=_INTS,
    grid=(4,),
    grid_names=("a",),
)
_DEPENDENT = beside(_dependent)
_TESTED = kernel(_tested, gpu.Barrier(), to=_INTS)
_SQUARE = array(64, 64)
_SCALES = gpu.TMEM((128, 4), jnp.float8_e8m0fnu, layout=gpu.TMEMLayout.SCALES_LAYOUT)
_SPARSE = gpu.TMEM((128, 64), jnp.uint2, layout=gpu.TMEMLayout.SPARSE_METADATA_LAYOUT)

KERNELS: dict[str, Call] = {
    "copy_gmem_to_smem": _COPY,
    "copy_smem_to_gmem": _COPY,
    "commit_smem": _COPY,
    "commit_group": _COPY,
    "wait_smem_to_gmem": _COPY,
    "barrier_wait": _COPY,
    "barrier_arrive": _TESTED,
    "barrier_test": _TESTED,
    "barrier_arrive_and_wait": beside(gpu.barrier_arrive_and_wait, gpu.Barrier(num_arrivals=1)),
    "griddepcontrol_wait": _DEPENDENT,
    "griddepcontrol_launch_dependents": _DEPENDENT,
    "set_max_registers": beside(lambda: gpu.set_max_registers(40, action="decrease")),
    "async_prefetch": kernel(lambda x, _o: gpu.async_prefetch(x)),
    "store": kernel(_stored),
    "layout_cast": kernel(_cast),
    "print_layout": kernel(_printed),
    "get_global": beside(_semaphore),
    "semaphore_signal_parallel": beside(_signalled_together),
    "semaphore_signal_multicast": sharded(beside(_signalled_everywhere)),
    "multimem_store": sharded(kernel(_stored_everywhere)),
    "wgmma_wait": kernel(_accumulator, to=_SQUARE),
    "wgmma_accumulator_deref": kernel(_accumulator, to=_SQUARE),
    "wgmma_accumulator_store": kernel(_accumulator_set, to=_SQUARE),
    "async_store_tmem": _TMEM,
    "commit_tmem": _TMEM,
    "async_load": _TMEM,
    "wait_load_tmem": _TMEM,
    "tcgen05_commit_arrive": _TMEM,
    "async_copy_smem_to_tmem": beside(
        gpu.async_copy_smem_to_tmem,
        gpu.SMEM((128, 64), jnp.float32, transforms=SWIZZLED),
        gpu.TMEM((128, 64), jnp.float32),
    ),
    "async_copy_scales_to_tmem": beside(
        gpu.async_copy_scales_to_tmem, gpu.SMEM((1, 1, 32, 16), jnp.float8_e8m0fnu), _SCALES
    ),
    "async_copy_sparse_metadata_to_tmem": beside(
        gpu.async_copy_sparse_metadata_to_tmem, gpu.SMEM((1, 1, 128, 64), jnp.uint2), _SPARSE
    ),
    "async_store_smem": beside(
        _stored_in_cluster,
        gpu.SMEM((64, 64), jnp.float32, transforms=SWIZZLED),
        gpu.Barrier(),
        cluster=(2,),
        cluster_names=("c",),
    ),
    "try_cluster_cancel": _CANCEL,
    "query_cluster_cancel": _CANCEL,
}
