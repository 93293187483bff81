"""Operations on tiles inside kernels, against loops over the tile."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu
from rule_oracles import Counted
from still_tpu import NEWEST, WHERE_IT_IS, array, call

import jaxflops as jf
from jaxflops.errors import UnknownCostError
from jaxflops.jaxpr.registry import COST_RULES


def op(name, *inputs, out=()):
    of = lambda shape: jf.Array(shape, "float32", 4, "float")
    return jf.Op(name, tuple(map(of, inputs)), tuple(map(of, out)))


def rule(name, inputs, output):
    return COST_RULES[name].formula(op(name, *inputs, out=[output]))


@pytest.mark.parametrize("name", ["mma", "wgmma", "wgmma_ref", "tcgen05_mma", "matmul_acc_lhs"])
def test_a_tile_product(name) -> None:
    m, k, n = 3, 4, 5
    tally = Counted.start()
    a, b = (np.vectorize(Counted)(np.ones(shape)) for shape in ((m, k), (k, n)))
    accumulator = np.vectorize(Counted)(np.zeros((m, n)))
    for i, j, x in itertools.product(range(m), range(n), range(k)):
        accumulator[i, j] = accumulator[i, j] + a[i, x] * b[x, j]
    cost = rule(name, ((m, n), (m, k), (k, n)), (m, n))
    assert cost.matmul_flops == tally["+"] + tally["*"]
    with pytest.raises(UnknownCostError, match="the tile's extent is not known"):
        rule(name, ((m, n), (2, m, k), (k, n)), (m, n))


def half(rows, columns):
    """An index of the first half of the columns."""
    x = jax.ShapeDtypeStruct((rows, columns), "float32")
    jaxpr = jax.make_jaxpr(lambda x: jax.new_ref(x)[:, : columns // 2])(x)
    (get,) = [eqn for eqn in jaxpr.eqns if eqn.primitive.name == "get"]
    return get.params["tree"]


def test_a_product_of_parts_is_of_the_parts() -> None:
    """acc[:, :4] += a[:, :8] @ b, counted by a loop over them."""
    m, k, n = 3, 8, 4
    cost = COST_RULES["wgmma_ref"].formula(
        op("wgmma_ref", (m, 2 * n), (m, 2 * k), (k, n)),
        acc_transforms_tree=half(m, 2 * n),
        a_transforms_tree=half(m, 2 * k),
    )
    tally = Counted.start()
    for _ in itertools.product(range(m), range(n), range(k)):
        Counted(0.0) + Counted(1.0) * Counted(1.0)
    assert cost.matmul_flops == tally["+"] + tally["*"]


def test_a_product_with_what_was_pushed_on_a_tpu() -> None:
    """a[m,k] @ [k,k], as matmul_push_rhs documents it."""
    m, k = 128, 256

    def kernel(x, y, o):
        pltpu.matmul_push_rhs(y[...], staging_register=0, mxu_index=0)
        if NEWEST:
            pltpu.matmul_lhs_fifo(x[...], mxu_index=0, load_staged_rhs=0)
            o[...] = pltpu.matmul_pop_fifo((m, k), jnp.float32, mxu_index=0)
        else:
            pltpu.matmul_acc_lhs(0, x[...], mxu_index=0, load_staged_rhs=0)
            o[...] = pltpu.matmul_pop(0, (m, k), jnp.float32, mxu_index=0)

    fn, args = call(
        kernel, array(m, k, dtype="bfloat16"), array(k, k, dtype="bfloat16"), out=array(m, k)
    )
    assert jf.analyze(fn)(*args).matmul_flops == 2 * m * k * k


@pytest.mark.parametrize("add", [False, True])
def test_a_copy_that_adds_counts_its_additions(add) -> None:
    def kernel(x, o, semaphore):
        pltpu.make_async_copy(x, o.at[pl.ds(0, 8)], semaphore).start(add=add)

    fn, args = call(
        kernel,
        array(8, 128),
        out=array(16, 128),
        in_specs=[WHERE_IT_IS],
        out_specs=WHERE_IT_IS,
        scratch_shapes=[pltpu.SemaphoreType.DMA],
    )
    assert jf.analyze(fn)(*args).flops == (8 * 128 if add else 0)


@pytest.mark.skipif(not NEWEST, reason="needs Mosaic for GPUs")
def test_what_hopper_multiplies_and_reduces() -> None:
    """wgmma on references is what a kernel's jaxpr holds, in tiles of shared memory."""
    from jax.experimental.pallas import mosaic_gpu as gpu

    tiled = (gpu.TilingTransform((8, 64)), gpu.SwizzleTransform(128))
    m, k, n = 64, 128, 192

    def product(a, b, o, x, y, barrier):
        gpu.copy_gmem_to_smem(a, x, barrier)
        gpu.copy_gmem_to_smem(b, y, barrier)
        gpu.barrier_wait(barrier)

        def scope(accumulator):
            gpu.wgmma(accumulator, x, y)
            gpu.wgmma_wait(0)
            return accumulator[...]

        o[...] = pl.run_scoped(scope, gpu.ACC((m, n), jnp.float32))

    half_precision = lambda *shape: gpu.SMEM(shape, jnp.float16, transforms=tiled)
    scratch = half_precision(m, k), half_precision(k, n), gpu.Barrier(num_arrivals=2)
    fn = gpu.kernel(product, out_type=array(m, n), scratch_types=scratch)
    args = array(m, k, dtype="float16"), array(k, n, dtype="float16")
    analysis = jf.analyze(fn)(*args)
    assert analysis.matmul_flops == 2 * m * k * n
    assert next(map(str, analysis.by("kind"))) == "float16×float16→float32"

    def reduced(x, o, shared):
        gpu.copy_smem_to_gmem(shared, o, reduction_op="add")
        gpu.atomic_add(o, x[...])

    def loaded(_x, o, memory):
        rows, _most = gpu.async_load_tmem(memory, reduce="max")
        o[...] = rows

    memory = gpu.TMEM((128, 64), jnp.float32)
    fn = gpu.kernel(loaded, out_type=array(128, 64), scratch_types=[memory])
    assert jf.analyze(fn)(array(128)).flops == 128 * (64 - 1)

    fn = gpu.kernel(reduced, out_type=array(128), scratch_types=[gpu.SMEM((128,), jnp.float32)])
    assert jf.analyze(fn)(array(128)).flops == 128 + 128


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
def test_a_reduced_tile(name) -> None:
    tally = Counted.start()
    tile = np.vectorize(Counted)(np.ones((6, 8)))
    for row in tile:
        total = row[0]
        for x in row[1:]:
            total = total + x
    cost = rule(f"mosaic_gpu_reduce_{name}", ((6, 8),), (6,))
    assert cost.other_flops == tally["+"]


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_a_sorted_tile_takes_as_many_comparisons_as_its_worst_order(length) -> None:
    worst = 0
    for order in itertools.permutations(range(length)):
        tally = Counted.start()
        kept: list[Counted] = []
        for value in map(Counted, order):  # binary insertion
            low, high = 0, len(kept)
            while low < high:
                middle = (low + high) // 2
                low, high = (low, middle) if value < kept[middle] else (middle + 1, high)
            kept.insert(low, value)
        worst = max(worst, tally["<"])
    assert rule("masked_sort", ((length,),), (length,)).other_flops == worst
