"""Calls that only mark a function run it once; kernels run once a cell of their grid."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax
from jax.custom_derivatives import linear_call
from jax.experimental import pallas as pl
from jax.experimental.custom_partitioning import custom_partitioning
from jax.experimental.pallas import tpu as pltpu
from jax.experimental.scheduling_groups import xla_metadata_call
from jax.sharding import AbstractMesh, AxisType
from jax.sharding import PartitionSpec as P
from rule_oracles import cost

import jaxflops as jf

X, N = "f32[8,128]", 8 * 128


def work(x):
    return jnp.sin(x) * 2.0


@custom_partitioning
def partitioned(x):
    return work(x)


partitioned.def_partition(
    infer_sharding_from_operands=lambda *_: None,
    partition=lambda *_: None,
    sharding_rule="i j -> i j",
)


@jax.custom_batching.custom_vmap
def mapped(x):
    return work(x)


mapped.def_vmap(lambda _size, _batched, x: (work(x), True))


@jax.custom_vjp
def saved(x):
    return work(x)


saved.defvjp(lambda x: (work(x), x), lambda x, g: (g * jnp.cos(x),), optimize_remat=True)

WRAPPED = {
    "custom_vmap_call": lambda x: mapped(x),
    "remat_opt": lambda x: jax.vjp(saved, x)[0],
    "composite": lambda x: lax.composite(work, "my.work")(x),
    "xla_metadata_call": lambda x: xla_metadata_call(work, group="mine")(x),
    "custom_partitioning": lambda x: partitioned(x),
}
if jax.__version_info__ >= (0, 12):
    from jax.experimental.overlap import program_order

    WRAPPED["program_order"] = program_order(work, enforce=False)


@pytest.mark.parametrize("name", WRAPPED)
def test_marked_functions_run_once(name) -> None:
    analysis = jf.analyze(WRAPPED[name])(*jf.specs(X))
    assert name in str(jax.make_jaxpr(WRAPPED[name])(*jf.specs(X)))
    assert (analysis.flops, analysis.transcendentals) == (N, N)
    assert not analysis.unknown


def test_a_linear_call_and_its_transpose_run_once() -> None:
    f = lambda x: linear_call(lambda r, x: x * r, lambda r, t: t * r, 2.0, x)
    assert cost(f, X).other_flops == N
    transposed = lambda g: jax.linear_transpose(f, g)(g)
    assert cost(transposed, X).other_flops == N


def test_differentiation_of_a_marked_function() -> None:
    f = lambda x: WRAPPED["xla_metadata_call"](x).sum()
    assert jf.analyze(f, mode="grad")(*jf.specs(X)).total.transcendentals == N  # cos alone


def kernel(x_ref, o_ref):
    o_ref[...] = work(x_ref[...])


def blocks(x, grid=(2,)):
    rows = pl.BlockSpec((4, 128), lambda i: (i, 0))
    return pl.pallas_call(
        kernel,
        out_shape=jax.ShapeDtypeStruct((8, 128), x.dtype),
        grid=grid,
        in_specs=[rows],
        out_specs=rows,
    )(x)


def test_a_kernel_runs_once_a_cell_of_its_grid() -> None:
    got = cost(blocks, X)
    assert (got.other_flops, got.transcendentals) == (2 * 4 * 128, 2 * 4 * 128)


def test_a_mapped_kernel_has_a_larger_grid() -> None:
    assert cost(jax.vmap(blocks), "f32[3,8,128]").other_flops == 3 * N


def test_a_grid_that_is_a_value_stays_open() -> None:
    got = cost(lambda n, x: blocks(x, (n,)), "i32[]", X).other_flops
    assert str(got) == "512·grid(axis 0)"


def test_products_in_a_kernel_are_products() -> None:
    def multiply(a_ref, b_ref, o_ref):
        o_ref[...] = a_ref[...] @ b_ref[...]

    f = lambda a, b: pl.pallas_call(
        multiply,
        out_shape=jax.ShapeDtypeStruct((8, 128), a.dtype),
        grid=(2,),
        in_specs=[
            pl.BlockSpec((4, 16), lambda i: (i, 0)),
            pl.BlockSpec((16, 128), lambda i: (0, 0)),
        ],
        out_specs=pl.BlockSpec((4, 128), lambda i: (i, 0)),
    )(a, b)
    assert cost(f, "f32[8,16]", "f32[16,128]").matmul_flops == 2 * 8 * 16 * 128


@pytest.mark.parametrize(
    ("flops", "verdict"),
    [(2 * N, "they agree"), (3 * N, "they disagree, and the second is counted")],
)
def test_the_kernels_estimate_stands_beside_its_body(flops, verdict) -> None:
    estimate = pl.CostEstimate(flops=flops, transcendentals=2 * N, bytes_accessed=7)
    doubled = lambda x_ref, o_ref: kernel(x_ref, o_ref)
    f = lambda x: pl.pallas_call(
        doubled,
        out_shape=jax.ShapeDtypeStruct((8, 128), x.dtype),
        grid=(2,),
        cost_estimate=estimate,
    )(x)
    analysis = jf.analyze(f)(*jf.specs(X))
    assert analysis.caveats[0] == (
        f"pallas_call: its cost estimate is {flops} FLOPs and {2 * N} transcendentals (7 bytes), "
        f"its body times its grid {analysis.flops} and {analysis.transcendentals}: {verdict}"
    )
    assert analysis.flops == analysis.transcendentals == 2 * N


def test_scratch_lives_as_long_as_its_body_runs() -> None:
    def scoped(x_ref, o_ref):
        def body(scratch):
            scratch[...] = work(x_ref[...])
            o_ref[...] = scratch[...]

        pl.run_scoped(body, pltpu.VMEM((8, 128), jnp.float32))

    f = lambda x: pl.pallas_call(scoped, out_shape=jax.ShapeDtypeStruct((8, 128), x.dtype))(x)
    got = jf.analyze(f)(*jf.specs(X))
    assert got.flops == N
    assert not got.unknown


def test_only_the_manual_axes_of_a_mesh_shard() -> None:
    mesh = AbstractMesh((4, 2), ("d", "e"), axis_types=(AxisType.Auto,) * 2)
    f = jax.shard_map(work, mesh=mesh, in_specs=P("d"), out_specs=P("d"), axis_names={"d"})
    assert cost(f, X).transcendentals == N
    both = jax.shard_map(work, mesh=mesh, in_specs=P("d", "e"), out_specs=P("d", "e"))
    assert cost(both, X).transcendentals == N


def test_an_unreduced_result_is_of_every_shard() -> None:
    mesh = AbstractMesh((4,), ("d",), axis_types=(AxisType.Explicit,))
    f = lambda x: lax.pcast(lax.pcast(work(x), "d", to="varying"), "d", to="unreduced")
    out = P(unreduced={"d"})
    g = jax.shard_map(f, mesh=mesh, in_specs=P(), out_specs=out)
    assert cost(g, X).transcendentals == 4 * N


def test_an_axis_that_replicates_repeats_the_work() -> None:
    mesh = AbstractMesh((4, 2), ("d", "e"), axis_types=(AxisType.Auto,) * 2)
    f = jax.shard_map(work, mesh=mesh, in_specs=P("d"), out_specs=P("d"), check_vma=False)
    assert cost(f, X).transcendentals == 2 * N
