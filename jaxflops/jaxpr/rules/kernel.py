"""Primitives that stand only inside Pallas kernels: marks, copies, barriers.

Copies between memories of a chip move bytes of tiles whose extent is a runtime value: they are
counted as nothing here, since the kernel's operands and results carry their traffic.
"""

from __future__ import annotations

from typing import Any

from jaxflops.cost import Cost
from jaxflops.jaxpr.op import Op
from jaxflops.jaxpr.registry import DECLARED, INDICES, PROVED, cost_rule, free, moved
from jaxflops.jaxpr.rules._fields import arithmetic

JAX_11 = f"{DECLARED}of JAX 0.11, which names it so"
BARE = ""  # no public function makes one, and there is no loop to hold it against

free("program_id", "num_programs", "multiple_of", "max_contiguous", oracle=PROVED)
free("trace_value", "delay", "barrier", "dma_wait", "get_barrier_semaphore", oracle=PROVED)
free("semaphore_read", "semaphore_signal", "semaphore_wait", oracle=PROVED)
free("semaphore_signal_multicast", "semaphore_signal_parallel", "get_global", oracle=INDICES)
free("barrier_arrive", "barrier_arrive_and_wait", "barrier_test", "barrier_wait", oracle=INDICES)
free("commit_smem", "commit_tmem", "commit_group", "tcgen05_commit_arrive", oracle=INDICES)
free("wait_smem_to_gmem", "wait_load_tmem", "wgmma_wait", "layout_cast", oracle=INDICES)
free("griddepcontrol_launch_dependents", "griddepcontrol_wait", "print_layout", oracle=INDICES)
free("query_cluster_cancel", "try_cluster_cancel", "set_max_registers", oracle=INDICES)
free("copy_gmem_to_smem", "async_prefetch", "async_store_tmem", oracle=INDICES)
free("async_copy_scales_to_tmem", "async_copy_smem_to_tmem", oracle=INDICES)
free("async_copy_sparse_metadata_to_tmem", "multimem_store", oracle=INDICES)
free("wgmma_accumulator_deref", "wgmma_accumulator_store", oracle=INDICES)
free("debug_barrier", "debug_barrier_p", oracle=PROVED)
free("wait_gmem_to_smem", oracle=f"{DECLARED}lowers only for an attached GPU before Hopper")
free("wgmma_accumulator_deref_p", "wgmma_accumulator_store_p", oracle=JAX_11)
free("set_max_registers_p", oracle=JAX_11)
moved("matmul_push_rhs", "matmul_pop", "matmul_pop_fifo", oracle=PROVED)
moved("store", oracle=INDICES)
moved("pack_dtype", "unpack_dtype", oracle=f"{DECLARED}written out before a kernel is lowered")


@cost_rule("pack_elementwise", "unpack_elementwise", "stochastic_round", oracle=BARE)
@cost_rule("prng_seed", "prng_split", "prng_join", "prng_random_bits", oracle=BARE)
@cost_rule("masked_cummax", "masked_cummin", "masked_cumsum", oracle=BARE)
@cost_rule("scan_count", "unique", oracle=BARE)  # one and the same
@cost_rule("all_reduce_ffs", "all_reduce_population_count", oracle=BARE)
@cost_rule("atomic_rmw", "atomic_cas", "sc_fetch_and_add", "multimem_load_reduce", oracle=BARE)
def one_an_element(op: Op, /, **_: Any) -> Cost:
    """1 for each element of the result."""
    return arithmetic(op.out, op.out.size) if op.outputs else Cost()


@cost_rule("pack", "unpack", oracle="by definition: a conversion an element")
def converted(op: Op, /, **_: Any) -> Cost:
    """To a type of half or twice the width: 1 for each element of the results."""
    return arithmetic(op.inputs[0], sum(array.size for array in op.outputs))
