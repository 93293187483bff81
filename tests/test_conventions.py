"""Each convention on a program where the naive reading gives another number."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import jaxflops as jf
from jaxflops.conventions import QUANTITIES, define
from jaxflops.cost import FIELDS

OWNERS = {
    "jaxpr": jf.Analysis,
    "hlo": jf.CompiledAnalysis,
    "ledger": jf.Comparison,
    "machine": jf.Measurement,
    "profile": jf.Profile,
    "execution": jf.Execution,
    "roofline": jf.Roofline,
}


def count(fn: Any, *specs: str, **options: Any) -> jf.Analysis:
    return jf.analyze(fn, **options)(*jf.specs(*specs))


def test_every_count_and_ratio_is_defined() -> None:
    reported = {name for name in FIELDS if not name.startswith(("bytes_", "payload"))}
    reported |= {"flops", "ratio", "coverage", "bytes_unfused"}
    reported |= {"bytes_fused", "memory", "collectives", "xla_reported", "unexplained"}
    reported |= {"bytes_compulsory", "peak_bytes", "macs"}
    reported |= {"elementwise"}
    reported |= {"flops_per_second", "bytes_per_second", "mfu", "hfu"}
    reported |= {"device_seconds", "explained", "inferred", "of_peak", "above_ideal"}
    reported |= {"executed_iterations", "active_iterations"}
    reported |= {"intensity", "unfused_seconds", "compulsory_seconds"}
    assert {quantity.name for quantity in QUANTITIES} == reported
    for quantity in QUANTITIES:
        assert quantity.numerator
        assert quantity.source
        held = quantity.name in FIELDS or hasattr(OWNERS[quantity.lane], quantity.name)
        assert held or quantity.name in getattr(OWNERS[quantity.lane], "__dataclass_fields__", ())
    with pytest.raises(KeyError):
        define("efficiency")


def test_a_multiply_add_is_two() -> None:
    """Not one MAC, and not 2k - 1 operations a result."""
    assert count(jnp.matmul, "f32[3,5]", "f32[5,7]").matmul_flops == 2 * 3 * 5 * 7


def test_a_mac_is_a_multiply_add_of_a_contraction() -> None:
    """Not half of all FLOPs: what is no product stays out; a complex product is four real ones."""
    analysis = count(lambda a, b: jnp.sum(a @ b), "f32[3,5]", "f32[5,7]")
    assert analysis.macs == 3 * 5 * 7
    assert analysis.macs * 2 != analysis.flops
    assert count(jnp.matmul, "c64[3,5]", "c64[5,7]").macs == 4 * 3 * 5 * 7


def test_complex_work_is_counted_in_real_operations() -> None:
    """XLA says x1, whatever the dtype."""
    assert count(jnp.matmul, "c64[3,5]", "c64[5,7]").matmul_flops == 8 * 3 * 5 * 7


def test_integer_contractions_are_contractions() -> None:
    analysis = count(
        lambda a, b: lax.dot(a, b, preferred_element_type=jnp.int32), "i8[3,5]", "i8[5,7]"
    )
    assert analysis.matmul_flops == 2 * 3 * 5 * 7
    assert analysis.total.int_ops == 0
    assert list(analysis.by("kind")) == ["int8×int8→int32"]


def test_masked_work_runs_whole() -> None:
    """A causal mask over a dense product saves nothing."""

    def causal(q: Any, k: Any) -> Any:
        return jnp.where(jnp.tril(jnp.ones((16, 16), bool)), q @ k.T, -jnp.inf)

    assert count(causal, "f32[16,8]", "f32[16,8]").matmul_flops == 2 * 16 * 16 * 8


def conv(padding: str, stride: int = 1) -> Any:
    return lambda x, w: jnp.sum(
        lax.conv_general_dilated(x, w, (stride,), padding, dimension_numbers=("NWC", "WIO", "NWC"))
        ** 2
    )


def test_taps_and_nominal() -> None:
    """A SAME convolution of width 3 over 10: the two border outputs meet one padded tap each."""
    specs = ("f32[2,10,4]", "f32[3,4,5]")
    taps, nominal = 3 * 10 - 2, 3 * 10
    assert count(conv("SAME"), *specs).matmul_flops == 2 * 2 * taps * 4 * 5
    assert count(conv("SAME"), *specs, conv="nominal").matmul_flops == 2 * 2 * nominal * 4 * 5


@pytest.mark.parametrize("convention", ["taps", "nominal"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_convolutions_gradients_cost_what_it_does(convention: str, stride: int) -> None:
    """The input gradient's dilated zeros are no work, though nominal shapes would say so."""
    analysis = count(
        conv("SAME", stride),
        "f32[2,10,4]",
        "f32[3,4,5]",
        mode="value_and_grad",
        argnums=(0, 1),
        conv=convention,
    )
    assert analysis.ratio == 2


def test_a_reduction_combines_one_less_than_it_reads() -> None:
    assert count(jnp.sum, "f32[4,5]").total.other_flops == 4 * 5 - 1
    assert count(lambda x: jnp.sum(x, 1), "f32[4,5]").total.other_flops == 4 * 5 - 4


def test_transcendentals_are_apart() -> None:
    analysis = count(lambda x: jnp.tanh(x) + 1, "f32[6]")
    assert (analysis.transcendentals, analysis.flops) == (6, 6)


def test_integer_work_is_apart() -> None:
    analysis = count(lambda i, x: x * (i + 1 > 3), "i32[6]", "f32[6]")
    assert analysis.total.int_ops == 6 + 6  # an addition and a comparison of integers
    assert analysis.total.other_flops == 6 + 6  # the conversion to float, and the product


def test_dead_code_is_removed_and_common_subexpressions_stay() -> None:
    def program(x: Any) -> Any:
        _ = jnp.linalg.inv(x) @ x  # dead
        return x @ x + x @ x  # the same product, asked for twice

    assert count(program, "f32[8,8]").matmul_flops == 2 * 2 * 8**3


def test_views_are_free_and_indexing_touches_what_it_addresses() -> None:
    """Counting operands whole would read the table: 4,000,000 bytes for two rows."""
    analysis = count(lambda table, i: table[i].reshape(-1), "f32[1000,1000]", "i32[2]")
    assert analysis.bytes_unfused < 3 * 2 * 1000 * 4


def test_compulsory_bytes_are_what_is_touched() -> None:
    """Arguments and results counted once would be 4,000,000 + 2·4,000 for two rows of a table."""
    analysis = count(lambda table, i: table[i], "f32[1000,1000]", "i32[2]")
    assert analysis.bytes_compulsory == 2 * 1000 * 4 + 2 * 4 + 2 * 1000 * 4


def test_a_donated_update_is_written_in_place() -> None:
    """Of a cache of 1000 rows one is written and none read; undonated, all are copied."""

    def update(cache: Any, row: Any, i: Any) -> Any:
        return lax.dynamic_update_slice(cache, row, (i, 0))

    specs = jf.specs("f32[1000,8]", "f32[1,8]", "i32[]")
    donated = jf.analyze(jax.jit(update, donate_argnums=0))(*specs)
    assert donated.bytes_compulsory == 8 * 4 + 4 + 8 * 4
    assert donated.peak_bytes == 1000 * 8 * 4 + 8 * 4 + 4
    copied = jf.analyze(jax.jit(update))(*specs)
    assert copied.bytes_compulsory == 999 * 8 * 4 + 8 * 4 + 4 + 1000 * 8 * 4
    assert copied.peak_bytes == 2 * 1000 * 8 * 4 + 8 * 4 + 4


def test_the_peak_is_not_a_sum_of_all_values() -> None:
    """Ten layers: two activations are alive at once, not ten; exp and + 1 are never stored."""

    def chain(x: Any, w: Any) -> Any:
        for _ in range(10):
            x = jnp.exp(x @ w) + 1
        return x

    size = 64 * 64 * 4
    analysis = count(chain, "f32[64,64]", "f32[64,64]")
    assert analysis.peak_bytes == (2 + 2) * size


def test_the_ratio_leaves_recompute_and_update_out() -> None:
    layer = jax.checkpoint(lambda w, x: jnp.tanh(x @ w))

    def step(w: Any, x: Any) -> Any:
        value, gradient = jax.value_and_grad(lambda w, x: jnp.sum(layer(w, layer(w, x))), (0, 1))(
            w, x
        )
        return value, w - gradient[0] @ gradient[0].T, gradient[1]

    analysis = count(step, "f32[8,8]", "f32[4,8]")
    assert analysis.recompute.matmul_flops > 0
    assert analysis.update.matmul_flops == 2 * 8**3
    assert analysis.ratio == 2


def test_coverage_counts_trips() -> None:
    """Three of four equation texts are known, but the unknown one runs 100 times of 301."""
    kernel = jax.extend.core.Primitive("opaque_kernel")
    kernel.def_abstract_eval(lambda x: x)

    def program(x: Any) -> Any:
        y = jnp.exp(x)
        return lax.scan(lambda c, _: (kernel.bind(c * 2 + 1), None), y, None, length=100)[0]

    analysis = count(program, "f32[8]")
    assert analysis.coverage == jf.polynomial.ratio(201, 301)


def test_a_sharded_body_is_counted_globally() -> None:
    mesh = jax.make_mesh((1,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    wide = jax.sharding.AbstractMesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    spec = jax.sharding.PartitionSpec("data")
    for shards, its_mesh in ((1, mesh), (8, wide)):
        mapped = jax.shard_map(lambda x: x @ x.T, mesh=its_mesh, in_specs=spec, out_specs=spec)
        rows = 16 // shards
        expected = shards * 2 * rows * rows * 4
        assert count(mapped, "f32[16,4]").matmul_flops == expected


def test_a_fusion_reads_and_writes_once() -> None:
    """Each operation alone would read and write four times as much."""

    def chain(x: Any) -> Any:
        return jnp.sqrt(jnp.abs(jnp.sin(x * 2.0)))

    args = jf.specs("f32[4096]")
    assert jf.analyze_compiled(chain)(*args).bytes_fused == 2 * 4096 * 4
    assert jf.analyze(chain)(*args).bytes_unfused > 4 * 2 * 4096 * 4


def test_active_iterations_are_not_executed_ones() -> None:
    """A batch of loops runs until the last one ends: not 1 + 4 times, nor 2 x 4 for all of it."""
    fn = jax.vmap(lambda n, x: lax.fori_loop(0, n, lambda _, c: c @ c, x), (0, None))
    _, analysis = jf.analyze_executed(fn)(jnp.array([1, 4]), jnp.eye(3))
    (loop,) = analysis.executions
    assert (loop.executed_iterations, loop.active_iterations) == (4, 1 + 4)
    assert analysis.matmul_flops == 4 * 2 * (2 * 3**3)
