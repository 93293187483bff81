"""Primitives that stand only inside Pallas kernels: tiles, copies, barriers.

Copies between memories of a chip move bytes of tiles whose extent is a runtime value: they are
counted as nothing here, since the kernel's operands and results carry their traffic.
"""

from __future__ import annotations

from typing import Any

from jaxflops.cost import Cost
from jaxflops.errors import UnknownCostError
from jaxflops.formulas.contraction import contraction
from jaxflops.formulas.sorting import sort_comparisons
from jaxflops.jaxpr.op import Op
from jaxflops.jaxpr.registry import DECLARED, cost_rule, free, moved
from jaxflops.jaxpr.rules._fields import arithmetic

BARE = ""  # no public function makes one, and there is no loop to hold it against
MATRIX = 2  # axes

free("program_id", "num_programs", "multiple_of", "max_contiguous", "trace_value", oracle=DECLARED)
free("delay", "get_global", "get_barrier_semaphore", "print_layout", oracle=DECLARED)
free("semaphore_read", "semaphore_signal", "semaphore_wait", "barrier", oracle=DECLARED)
free("semaphore_signal_multicast", "semaphore_signal_parallel", oracle=DECLARED)
free("barrier_arrive", "barrier_arrive_and_wait", "barrier_test", "barrier_wait", oracle=DECLARED)
free(
    "debug_barrier",
    "debug_barrier_p",
    "commit_smem",
    "commit_tmem",
    "commit_group",
    oracle=DECLARED,
)
free("wait_gmem_to_smem", "wait_smem_to_gmem", "wait_load_tmem", "wgmma_wait", oracle=DECLARED)
free("tcgen05_commit_arrive", "wgmma_ref", "set_max_registers", "layout_cast", oracle=DECLARED)
free("griddepcontrol_launch_dependents", "griddepcontrol_wait", "dma_wait", oracle=DECLARED)
free("query_cluster_cancel", "try_cluster_cancel", oracle=DECLARED)
free("dma_start", "copy_gmem_to_smem", "copy_smem_to_gmem", "async_prefetch", oracle=DECLARED)
free("async_load", "async_store_smem", "async_store_tmem", oracle=DECLARED)
free("async_copy_scales_to_tmem", "async_copy_smem_to_tmem", oracle=DECLARED)
free("async_copy_sparse_metadata_to_tmem", "multimem_store", "mgpu_atomic_store", oracle=DECLARED)
free("wgmma_accumulator_deref", "wgmma_accumulator_store", oracle=DECLARED)
free("wgmma_accumulator_deref_p", "wgmma_accumulator_store_p", oracle=DECLARED)  # JAX 0.11
free("set_max_registers_p", oracle=DECLARED)  # JAX 0.11
moved("store", "matmul_push_rhs", "matmul_pop", "matmul_pop_fifo", oracle=DECLARED)
moved("pack", "unpack", "pack_dtype", "unpack_dtype", "unique", oracle=DECLARED)


@cost_rule("pack_elementwise", "unpack_elementwise", "stochastic_round", oracle=BARE)
@cost_rule("prng_seed", "prng_split", "prng_join", "prng_random_bits", oracle=BARE)
@cost_rule("masked_cummax", "masked_cummin", "masked_cumsum", "scan_count", oracle=BARE)
@cost_rule("all_reduce_ffs", "all_reduce_population_count", oracle=BARE)
@cost_rule("atomic_rmw", "atomic_cas", "sc_fetch_and_add", "multimem_load_reduce", oracle=BARE)
def one_an_element(op: Op, /, **_: Any) -> Cost:
    """1 for each element of the result."""
    return arithmetic(op.out, op.out.size) if op.outputs else Cost()


@cost_rule("mosaic_gpu_reduce_max", "mosaic_gpu_reduce_min", oracle="scalar loop")
@cost_rule("mosaic_gpu_reduce_sum", "mosaic_gpu_reduce_prod", oracle="scalar loop")
def reduce_tile(op: Op, /, **_: Any) -> Cost:
    """Elements - results."""
    return arithmetic(op.inputs[0], op.inputs[0].size - op.out.size)


@cost_rule("mma", "wgmma", "tcgen05_mma", "matmul_acc_lhs", oracle="scalar loop")
def tile_product(op: Op, /, **_: Any) -> Cost:
    """acc[m,n] += a[m,k] @ b[k,n] -> 2mnk; unknown where the operands are slices of larger ones."""
    accumulator, left = op.inputs[0], op.inputs[1]
    if not accumulator.ndim == left.ndim == MATRIX or left.shape[0] != accumulator.shape[0]:
        raise UnknownCostError(f"{op.name} on parts of references: the tile's extent is not known")
    return Cost(matmul_flops=contraction(accumulator.size, [left.shape[1]]))


@cost_rule("masked_sort", oracle="published count (Knuth 5.3.1)")
def masked_sort(op: Op, /, **_: Any) -> Cost:
    """One line of keys, sorted."""
    return arithmetic(op.inputs[0], sort_comparisons(op.inputs[0].shape[-1]))
