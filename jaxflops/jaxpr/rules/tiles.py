"""Arithmetic on tiles inside Pallas kernels, whose operands are often parts of references."""

from __future__ import annotations

from typing import Any

from jaxflops.cost import Cost
from jaxflops.errors import UnknownCostError
from jaxflops.formulas.contraction import contraction
from jaxflops.formulas.sorting import sort_comparisons
from jaxflops.jaxpr.op import Op
from jaxflops.jaxpr.references import part, parts
from jaxflops.jaxpr.registry import INDICES, PROVED, cost_rule
from jaxflops.jaxpr.rules._fields import arithmetic
from jaxflops.polynomial import Count

MATRIX = 2  # axes
SCALAR = "scalar loop"
REDUCES = f"one that reduces: {SCALAR}"


@cost_rule("mma", "wgmma", "wgmma_ref", "tcgen05_mma", oracle=SCALAR)
def tile_product(
    op: Op, /, *, acc_transforms_tree: Any = None, a_transforms_tree: Any = None, **_: Any
) -> Cost:
    """acc[m,n] += a[m,k] @ b[k,n] -> 2mnk; of a 2:4 sparse a, k is what is stored."""
    accumulator = part(op.inputs[0], acc_transforms_tree)
    return _product(op, accumulator, part(op.inputs[1], a_transforms_tree))


@cost_rule("matmul_acc_lhs", "matmul_lhs_fifo", oracle=SCALAR)
def systolic_product(op: Op, /, *, acc_transforms_tree: Any = None, **_: Any) -> Cost:
    """a[m,k] @ what was pushed before, documented as [k,k] -> 2mk²; with acc[m,n], 2mnk."""
    left = op.inputs[-1] if len(op.inputs) == 1 else op.inputs[1]
    if left.bytes != left.size * left.itemsize:
        raise UnknownCostError(f"{op.name} on less than bytes: k is not that of the operand")
    if len(op.inputs) == 1:
        return _product(op, left.shape, left.shape)
    return _product(op, part(op.inputs[0], acc_transforms_tree), left.shape)


def _product(op: Op, accumulator: tuple[Count, ...], left: tuple[Count, ...]) -> Cost:
    if not len(accumulator) == len(left) == MATRIX or left[0] != accumulator[0]:
        raise UnknownCostError(f"{op.name} on parts of references: the tile's extent is not known")
    return Cost(matmul_flops=contraction(accumulator[0] * accumulator[1], [left[1]]))


@cost_rule("dma_start", state="free", oracle=f"{PROVED}; {REDUCES}")
def dma_start(op: Op, /, *, tree: Any, add: bool = False, **_: Any) -> Cost:
    """Nothing; one that adds to what is there, 1 for each element of the destination."""
    if not add:
        return Cost()
    destination = parts(op.inputs, tree)[1]
    assert destination is not None
    return _each(op, destination)


@cost_rule("copy_smem_to_gmem", state="free", oracle=f"{INDICES}; {REDUCES}")
def copy_smem_to_gmem(
    op: Op, /, *, reduction_op: Any = None, src_transforms_treedef: Any = None, **_: Any
) -> Cost:
    """Nothing; one that reduces into what is there, 1 for each element."""
    return _each(op, part(op.inputs[0], src_transforms_treedef)) if reduction_op else Cost()


@cost_rule("async_store_smem", state="free", oracle=f"{INDICES}; {REDUCES}")
def async_store_smem(op: Op, /, *, atomic: Any = None, **_: Any) -> Cost:
    """Nothing; one that reduces into what is there, 1 for each element."""
    return arithmetic(op.inputs[0], op.inputs[0].size) if atomic else Cost()


@cost_rule("async_load", state="free", oracle=f"{INDICES}; {REDUCES}")
def async_load(op: Op, /, *, reduce: Any = None, **_: Any) -> Cost:
    """Nothing; one that also reduces along the last axis, elements - results."""
    if reduce is None:
        return Cost()
    loaded, reduced = op.outputs
    return arithmetic(loaded, loaded.size - reduced.size)


@cost_rule("mgpu_atomic_store", oracle=SCALAR)
def atomic_store(op: Op, /, **_: Any) -> Cost:
    """Added to (or the maximum of, ...) what is there: 1 for each element of the value."""
    return arithmetic(op.inputs[-1], op.inputs[-1].size)


def _each(op: Op, shape: tuple[Count, ...]) -> Cost:
    size: Count = 1
    for length in shape:
        size = size * length
    return arithmetic(op.inputs[0], size)


@cost_rule("mosaic_gpu_reduce_max", "mosaic_gpu_reduce_min", oracle=SCALAR)
@cost_rule("mosaic_gpu_reduce_sum", "mosaic_gpu_reduce_prod", oracle=SCALAR)
def reduce_tile(op: Op, /, **_: Any) -> Cost:
    """Elements - results."""
    return arithmetic(op.inputs[0], op.inputs[0].size - op.out.size)


@cost_rule("masked_sort", oracle="published count (Knuth 5.3.1)")
def masked_sort(op: Op, /, **_: Any) -> Cost:
    """One line of keys, sorted."""
    return arithmetic(op.inputs[0], sort_comparisons(op.inputs[0].shape[-1]))
