"""Forms that few programs show: XLA parses the text, and its proto must say what we read."""

import pytest
from jaxlib import _hlo

from jaxflops.hlo.proto import read_proto
from jaxflops.hlo.text import read_text

REDUCE = """HloModule m, num_partitions=8

add {{
  a = f32[] parameter(0)
  b = f32[] parameter(1)
  ROOT c = f32[] add(a, b)
}}

ENTRY e {{
  p = f32[4,4]{{1,0}} parameter(0)
  ROOT r = f32[4,4]{{1,0}} all-reduce(p), channel_id=1, replica_groups={}, to_apply=add
}}
"""
SHARDED = "HloModule m\n\nENTRY e {{\n  ROOT p = {} parameter(0), sharding={}\n}}\n"
ASYNC = """HloModule m

wrapped {
  q = f32[8]{0} parameter(0)
  ROOT s = f32[4]{0} slice(q), slice={[2:6]}
}

ENTRY e {
  p = f32[8]{0} parameter(0)
  start = ((f32[8]{0}), f32[4]{0}, s32[]) async-start(p), calls=wrapped
  middle = ((f32[8]{0}), f32[4]{0}, s32[]) async-update(start)
  ROOT done = f32[4]{0} async-done(middle)
}
"""


def both(text):
    """The module that XLA reads, through its proto and through its own printing."""
    module = _hlo.hlo_module_from_text(text)
    return read_proto(module.as_serialized_hlo_module_proto()), read_text(module.to_string())


@pytest.mark.parametrize(
    "groups",
    [
        "{}",
        "{{0,1},{2,3},{4,5},{6,7}}",
        "[2,4]<=[8]",
        "[4,2]<=[2,2,2]T(0,2,1)",
        "mesh['x'=2,'y'=4] {'x'}",
        "mesh['x'=2,'y'=4], device_ids=([4,2]T(1,0)) {'x'}",
        "mesh['x'=2,'y'=4], device_ids=(0,2,1,3,4,5,6,7) {'y'}",
        "mesh['x'=2,'y'=4] {'x','y':(2)2}",
        "mesh['x'=8] {'x':(4)2,'x':(1)2}",
    ],
)
def test_replica_groups(groups):
    proto, text = both(REDUCE.format(groups))
    assert proto == text == read_text(REDUCE.format(groups))


@pytest.mark.parametrize(
    "sharding",
    [
        "{replicated}",
        "{manual}",
        "{unknown}",
        "{maximal device=3}",
        "{devices=[2,2]0,2,1,3}",
        "{devices=[2,1,2]<=[4] last_tile_dim_replicate}",
        "{devices=[2,1,2]<=[2,2]T(1,0) last_tile_dims={manual}}",
        "{mesh['x'=2,'y'=2], [{'x'}, {'y'}]}",
        "{mesh['x'=2,'y'=2], [{'x', ?}, {?}], replicated={'y'}}",
        "{mesh['x'=2,'y'=4], [{'x'}, {'y':(1)2}], replicated={'y':(2)2}}",
        "{mesh['x'=2,'y'=2], [{'x'}, {}], manual={'y'}}",
        "{mesh['x'=2,'y'=2], device_ids=(0,2,1,3), [{'x'}, {}]}",
        "{mesh['x'=2,'y'=2], replicated}",
    ],
)
def test_shardings(sharding):
    proto, text = both(SHARDED.format("f32[4,4]{1,0}", sharding))
    assert proto == text
    assert proto.main["p"].attributes.sharding == sharding


def test_shardings_of_tuples():
    sharding = "{{replicated}, {devices=[2,2]<=[4]}}"
    proto, text = both(SHARDED.format("(f32[4,4]{1,0}, f32[2,2]{1,0})", sharding))
    assert proto == text
    assert proto.main["p"].attributes.sharding == sharding


def test_asynchronous_chains():
    proto, text = both(ASYNC)
    assert proto == text
    assert [ins.opcode for ins in proto.main] == [
        "parameter",
        "slice-start",
        "slice-update",
        "slice-done",
    ]
    assert proto.main["start"].attributes.slices == ((2, 6, 1),)
    assert set(proto.computations) == {"e"}


def test_asynchronous_work_of_several_instructions_keeps_its_computation():
    proto, text = both(
        ASYNC.replace("slice(q)", "slice(n)").replace(
            "  ROOT s", "  n = f32[8]{0} negate(q)\n  ROOT s"
        )
    )
    assert proto == text
    assert [ins.opcode for ins in proto.main][1:] == ["async-start", "async-update", "async-done"]
    assert proto.main["start"].called == ("wrapped",)
