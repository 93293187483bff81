"""Collectives: what devices put in, and what combining takes."""

import jax
import pytest
from jax import lax
from jax.sharding import AbstractMesh, AxisType
from jax.sharding import PartitionSpec as P
from rule_oracles import arithmetic, cost, lowered

DEVICES, SHARD = 4, 4 * 3  # f32[16,3] over four devices
MESH = AbstractMesh((DEVICES,), ("d",), axis_types=(AxisType.Auto,))
ROWS = P("d")
X, WHOLE = "f32[16,3]", 16 * 3


def on_shards(body, mesh=MESH, out=ROWS):
    return jax.shard_map(body, mesh=mesh, in_specs=ROWS, out_specs=out, check_vma=False)


EXCHANGES = {
    "all_gather": lambda x: lax.all_gather(x, "d", tiled=True),
    "all_to_all": lambda x: lax.all_to_all(x, "d", 0, 0, tiled=True),
    "ppermute": lambda x: lax.ppermute(x, "d", [(i, (i + 1) % DEVICES) for i in range(DEVICES)]),
    "pbroadcast": lambda x: lax.pbroadcast(x, "d", 0),
}


@pytest.mark.parametrize("name", EXCHANGES)
def test_exchanges_compute_nothing(name) -> None:
    got = cost(on_shards(EXCHANGES[name]), X)
    assert arithmetic(got) == (0, 0)
    assert got.payload_bytes == DEVICES * SHARD * 4


@pytest.mark.parametrize("reduce", [lax.psum, lax.pmax, lax.pmin])
def test_reductions_combine_what_each_device_puts_in(reduce) -> None:
    got = cost(on_shards(lambda x: reduce(x, "d")), X)
    assert got.other_flops == DEVICES * SHARD
    assert got.payload_bytes == DEVICES * SHARD * 4


def test_psum_equals_the_lowered_module() -> None:
    mesh = jax.make_mesh((1,), ("d",), axis_types=(AxisType.Auto,))
    f = on_shards(lambda x: lax.psum(x, "d"), mesh, P())
    assert arithmetic(cost(f, "f32[4,3]")) == lowered(f, "f32[4,3]") == (12, 0)


def test_psum_of_integers_and_of_several_arrays() -> None:
    f = on_shards(lambda x: lax.psum(x, "d"))
    assert cost(f, "i32[16,3]").int_ops == WHOLE
    assert cost(f, "c64[16,3]").other_flops == 2 * WHOLE
    both = jax.shard_map(
        lambda x, y: lax.psum((x, y), "d"),
        mesh=MESH,
        in_specs=P("d"),
        out_specs=P("d"),
        check_vma=False,
    )
    assert cost(both, X, X).other_flops == 2 * WHOLE


def test_reduce_scatter_combines_all_but_one_contribution() -> None:
    """A loop over results and the devices that contribute to each."""
    combined = 0
    for _result in range(SHARD):
        for contribution in range(DEVICES):
            combined += contribution > 0
    got = cost(on_shards(lambda x: lax.psum_scatter(x, "d", tiled=True)), X)
    assert got.other_flops == combined
    assert got.payload_bytes == DEVICES * SHARD * 4


def test_the_index_of_a_device_is_free() -> None:
    f = on_shards(lambda x: x + lax.axis_index("d").astype(x.dtype))
    assert cost(f, X).payload_bytes == 0
