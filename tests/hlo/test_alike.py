"""Operations that are alike are priced once, yet each has its own name, place, phase and bytes."""

import gc

import pytest

from jaxflops.hlo import walk as walking
from jaxflops.hlo.collector import paused_collector
from jaxflops.hlo.module import read_module
from jaxflops.hlo.walk import walk

# Every negate below has one operand of f32[4]; what else differs must show.
TEXT = """HloModule jit_f

inside {
  p = f32[4]{0} parameter(0)
  ROOT fused = f32[4]{0} negate(p), metadata={op_name="jit(f)/neg"}
}

ENTRY main {
  a = f32[4]{0} parameter(0)
  first = f32[4]{0} negate(a), metadata={op_name="jit(f)/neg"}
  second = f32[4]{0} negate(first), metadata={op_name="jit(f)/neg"}
  layer = f32[4]{0} negate(a), metadata={op_name="jit(f)/layer/neg"}
  line = f32[4]{0} negate(a), metadata={op_name="jit(f)/neg" source_file="a.py" source_line=7}
  f = f32[4]{0} fusion(a), kind=kLoop, calls=inside, metadata={op_name="jit(f)/neg"}
  again = f32[4]{0} multiply(a, f), metadata={op_name="jit(f)/rematted_computation/mul"}
  back = f32[4]{0} multiply(a, f), metadata={op_name="jit(f)/transpose(jvp())/mul"}
  update = f32[4]{0} negate(back), metadata={op_name="jit(f)/neg"}
  after_again = f32[4]{0} negate(again), metadata={op_name="copied"}
  after_back = f32[4]{0} negate(back), metadata={op_name="copied"}
  nameless = f32[4]{0} negate(update)
  half = f16[4]{0} convert(a), metadata={op_name="jit(f)/neg"}
  narrow = f16[4]{0} negate(half), metadata={op_name="jit(f)/neg"}
  ROOT all = (f32[4]{0}, f32[4]{0}, f16[4]{0}) tuple(second, nameless, narrow)
}
"""
# name -> (scope, line, phase, bytes read)
EXPECTED = {
    "first": ((), 0, "forward", 16),
    "second": ((), 0, "forward", 16),
    "layer": (("layer",), 0, "forward", 16),
    "line": ((), 7, "forward", 16),
    "": ((), 0, "forward", 0),  # in the fusion, which runs as one
    "update": ((), 0, "update", 16),
    "after_again": (("(compiler)",), 0, "recompute", 16),
    "after_back": (("(compiler)",), 0, "backward", 16),
    "nameless": (("(compiler)",), 0, "update", 16),
    "narrow": ((), 0, "forward", 8),
}


def leaves(text):
    return list(walk(read_module(text)).leaves())


def test_what_is_alike_keeps_what_differs():
    found = {
        leaf.node.name: (
            leaf.site.scope,
            leaf.site.source.line if leaf.site.source else 0,
            leaf.site.phase,
            leaf.node.own.bytes_read,
        )
        for leaf in walk(read_module(TEXT)).leaves()
        if leaf.node.label == "negate"
    }
    assert found == EXPECTED


def test_the_same_tree_as_one_by_one(monkeypatch):
    expected = leaves(TEXT)
    monkeypatch.setattr(walking, "BY_SHAPE", frozenset())
    assert leaves(TEXT) == expected


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_as_it_was(enabled):
    before, frozen = gc.isenabled(), gc.get_freeze_count()
    try:
        (gc.enable if enabled else gc.disable)()
        with paused_collector():
            assert not gc.isenabled()
        assert gc.isenabled() == enabled
        assert gc.get_freeze_count() == frozen
    finally:
        (gc.enable if before else gc.disable)()


def test_what_a_program_froze_stays_frozen():
    gc.freeze()
    try:
        with paused_collector():
            pass
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
