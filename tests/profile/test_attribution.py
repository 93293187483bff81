"""Seconds joined with a program written by hand: every site's share known beforehand."""

from dataclasses import replace

import pytest
from fake_traces import cpu, gpu, kernel, op

from jaxflops.attribution.buffers import loop_buffers
from jaxflops.attribution.executions import place
from jaxflops.attribution.groups import group
from jaxflops.attribution.join import join
from jaxflops.attribution.named_views import named_views
from jaxflops.attribution.spent import gather
from jaxflops.errors import JaxflopsError
from jaxflops.hlo.module import read_module
from jaxflops.hlo.walk import walk
from jaxflops.machine.device import Device
from jaxflops.machine.roofline import datasheet
from jaxflops.machine.trace_events import read

NS = 1e-9
PROGRAM = """HloModule jit_f

%across (a: f32[4,4]) -> f32[4,4] {
  %a = f32[4,4] parameter(0)
  %tanh.1 = f32[4,4] tanh(%a), metadata={op_name="jit(f)/layers/tanh"}
  ROOT %add.1 = f32[4,4] add(%tanh.1, %a), metadata={op_name="jit(f)/head/add"}
}

%within (b: f32[4,4]) -> f32[4,4] {
  %b = f32[4,4] parameter(0)
  %tanh.2 = f32[4,4] tanh(%b), metadata={op_name="jit(f)/head/norm/tanh"}
  ROOT %add.2 = f32[4,4] add(%tanh.2, %b), metadata={op_name="jit(f)/head/out/add"}
}

%viewing (c: f32[16]) -> f32[4,4] {
  %c = f32[16] parameter(0)
  %bitcast.1 = f32[4,4] bitcast(%c), metadata={op_name="jit(f)/layers/reshape"}
  ROOT %exp.1 = f32[4,4] exponential(%bitcast.1), metadata={op_name="jit(f)/head/exp"}
}

%filling (z: f32[]) -> f32[4,4] {
  %z = f32[] parameter(0)
  ROOT %broadcast.1 = f32[4,4] broadcast(%z), dimensions={}
}

%body (s: (s32[], f32[4,4], f32[4,4])) -> (s32[], f32[4,4], f32[4,4]) {
  %s = (s32[], f32[4,4], f32[4,4]) parameter(0)
  %i = s32[] get-tuple-element(%s), index=0
  %h = f32[4,4] get-tuple-element(%s), index=1
  %o = f32[4,4] get-tuple-element(%s), index=2
  %one = s32[] constant(1)
  %next = s32[] add(%i, %one)
  %dot.1 = f32[4,4] dot(%h, %o), lhs_contracting_dims={1}, rhs_contracting_dims={0}, metadata={op_name="jit(f)/layers/while/body/mlp/dot_general"}
  ROOT %t = (s32[], f32[4,4], f32[4,4]) tuple(%next, %dot.1, %o)
}

%cond (r: (s32[], f32[4,4], f32[4,4])) -> pred[] {
  %r = (s32[], f32[4,4], f32[4,4]) parameter(0)
  %j = s32[] get-tuple-element(%r), index=0
  %three = s32[] constant(3)
  ROOT %less = pred[] compare(%j, %three), direction=LT
}

ENTRY %main (p: f32[4,4], q: f32[16]) -> (f32[4,4], f32[4,4], f32[4,4], f32[4,4], f32[4,4], f32[4,4]) {
  %p = f32[4,4] parameter(0)
  %q = f32[16] parameter(1)
  %zero = s32[] constant(0)
  %nothing = f32[] constant(0)
  %copy.in = f32[4,4] copy(%p)
  %fill = f32[4,4] fusion(%nothing), kind=kLoop, calls=%filling
  %init = (s32[], f32[4,4], f32[4,4]) tuple(%zero, %copy.in, %fill)
  %while.1 = (s32[], f32[4,4], f32[4,4]) while(%init), condition=%cond, body=%body, metadata={op_name="jit(f)/layers/while"}
  %out = f32[4,4] get-tuple-element(%while.1), index=1
  %copy.out = f32[4,4] copy(%out)
  %copy.else = f32[4,4] copy(%p)
  %fusion.across = f32[4,4] fusion(%out), kind=kLoop, calls=%across, metadata={op_name="jit(f)/head/add"}
  %fusion.within = f32[4,4] fusion(%out), kind=kLoop, calls=%within, metadata={op_name="jit(f)/head/out/add"}
  %fusion.viewing = f32[4,4] fusion(%q), kind=kLoop, calls=%viewing, metadata={op_name="jit(f)/head/exp"}
  %bare = f32[4,4] negate(%p), metadata={op_name="jit(f)/neg" source_file="f.py" source_line=3}
  ROOT %result = (f32[4,4], f32[4,4], f32[4,4], f32[4,4], f32[4,4], f32[4,4]) tuple(%copy.out, %copy.else, %fusion.across, %fusion.within, %fusion.viewing, %bare)
}
"""  # noqa: E501
TOY = Device("toy", "Toy", "cpu", "", {"fp32": 256e9}, {}, 384e9, None, None, "", "")


def one_run(trips=3):
    """Copies and a filling, the loop, and five more: 10 ns each, the loop 20 ns more a trip."""
    events = [op("copy.in", 0, 10), op("fill", 10, 20), op("while.1", 20, 90)]
    for i in range(trips):
        start = 20 + 20 * i
        events += [op("next", start, start + 5), op("dot.1", start + 5, start + 20)]
    names = "copy.out", "copy.else", "fusion.across", "fusion.within", "fusion.viewing", "bare"
    events += [op(name, 90 + 10 * i, 100 + 10 * i) for i, name in enumerate(names)]
    return cpu(events)


def joined(trace, text=PROGRAM, **fields):
    module = replace(read_module(text), **fields)
    return join(read(trace, "jit_f"), module, walk(module))


def seconds(result, key):
    return {
        name: sum(each.seconds for each in items) / NS
        for name, items in group(result.items, key).items()
    }


def test_seconds_by_scope():
    """The loop's own 10 ns, its counter's 15 and its buffers' 30 are the loop's: layers."""
    assert seconds(joined(one_run()), "scope") == pytest.approx(
        {
            "layers": 10 + 3 * 5 + 10 + 10 + 10,
            "layers/mlp": 3 * 15,
            "(compiler)": 10,
            "(no scope)": 10 + 10,
            "head": 10 + 10,
        }
    )


def test_what_explains_each_instruction():
    hows = {each.name: (each.how, each.shared) for each in joined(one_run()).items}
    assert hows == {
        "while.1": ("scope", False),
        "dot.1": ("scope", False),
        "next": ("inferred", False),
        "copy.in": ("inferred", False),
        "fill": ("inferred", False),
        "copy.out": ("inferred", False),
        "copy.else": ("none", False),
        "fusion.across": ("none", True),  # layers and head have only the root in common
        "fusion.within": ("scope", True),
        "fusion.viewing": ("scope", False),  # a view of another scope does no work
        "bare": ("line", False),
    }


def test_sums_are_the_span():
    result = joined(one_run())
    assert sum(each.seconds for each in result.items) == pytest.approx(150 * NS)
    assert result.seconds.spans == pytest.approx((150 * NS,))


@pytest.mark.parametrize("trips", [1, 2, 3])
def test_costs_are_those_of_what_was_seen(trips):
    result = joined(one_run(trips))
    (loop,) = result.loops
    assert (loop.inferred, loop.observed, loop.agrees) == (3, trips, trips == 3)
    (dot,) = (each for each in result.items if each.name == "dot.1")
    assert dot.cost.matmul_flops == trips * 2 * 4**3
    assert sum(each.cost.matmul_flops for each in result.items) == dot.cost.matmul_flops
    told = [caveat for caveat in result.caveats if "trips" in caveat]
    assert len(told) == (trips != 3)
    assert all(f"(layers): {trips} trips observed, 3 inferred" in caveat for caveat in told)


def test_an_instruction_of_two_events_is_no_second_trip():
    """As a product that an accelerator does in two kernels: the counter tells the trips."""
    trace = cpu([op("while.1", 0, 60), op("next", 0, 5), op("dot.1", 5, 30), op("dot.1", 30, 60)])
    result = joined(trace)
    assert result.loops[0].observed == 1
    (dot,) = (each for each in result.items if each.name == "dot.1")
    assert dot.cost.matmul_flops == 2 * 4**3
    assert dot.seconds == pytest.approx(55 * NS)


def test_the_roofs_hold_for_each_execution():
    """A dot: 128 FLOP at 256 GFLOP/s is 0.5 ns, 192 B at 384 GB/s too; 15 ns of each were taken."""
    items = [each for each in joined(one_run()).items if each.name == "dot.1"]
    spent = gather("dot", items, 150 * NS, datasheet(TOY))
    assert spent.peak_seconds == pytest.approx(3 * 0.5 * NS)
    assert spent.of_peak == pytest.approx(0.5 / 15)
    assert spent.flops_per_second == pytest.approx(128 / (15 * NS))
    assert spent.bytes_per_second == pytest.approx(192 / (15 * NS))
    assert spent.above_ideal == pytest.approx(3 * 14.5 * NS)
    assert spent.share == pytest.approx(45 / 150)


def test_faster_than_its_peak_is_impossible():
    items = [each for each in joined(one_run()).items if each.name == "dot.1"]
    slower = Device("slow", "Slow", "cpu", "", {"fp32": 8e9}, {}, None, None, None, "", "")
    assert gather("dot", items, 1, datasheet(slower)).impossible  # 16 ns at its peak
    assert not gather("dot", items, 1, datasheet(TOY)).impossible


def test_sharing_an_instant_does_not_make_the_impossible():
    """Two products side by side: by its share each would be above the peak, by its time not."""
    text = PROGRAM.replace("negate(%p), metadata={op_name=", DOT)
    at_peak = Device("p", "P", "cpu", "", {"fp32": 128 / (30 * NS)}, {}, None, None, None, "", "")
    trace = cpu([op("while.1", 0, 40), op("next", 0, 1), op("dot.1", 1, 40)], [op("bare", 0, 40)])
    items = [each for each in joined(trace, text).items if each.name == "bare"]
    spent = gather("bare", items, 40 * NS, datasheet(at_peak))
    assert spent.of_peak > 1
    assert not spent.impossible


DOT = "dot(%p, %p), lhs_contracting_dims={1}, rhs_contracting_dims={0}, metadata={op_name="


def test_buffers_are_the_loops_that_take_them():
    assert loop_buffers(read_module(PROGRAM)) == dict.fromkeys(
        ("copy.in", "fill", "copy.out"), "while.1"
    )


def test_a_named_copy_is_its_own():
    named = PROGRAM.replace(
        "copy(%p)\n  %fill", 'copy(%p), metadata={op_name="jit(f)/x/y"}\n  %fill'
    )
    assert "copy.in" not in loop_buffers(read_module(named))


def test_the_compilers_copy_of_an_argument_says_which():
    named = PROGRAM.replace(
        "parameter(0)\n  %q", "parameter(0), metadata={op_name=\"params['w']\"}\n  %q"
    )
    copies = {each.name: each.copies for each in joined(one_run(), named).items if each.copies}
    assert copies == {"copy.in": "params['w']", "copy.else": "params['w']"}


VIEWED = """HloModule jit_f

ENTRY %main (p: f32[16], q: f32[4,4]) -> (f32[4,4], f32[4,4], f32[16]) {
  %p = f32[16] parameter(0)
  %q = f32[4,4] parameter(1)
  %lost = f32[16] exponential(%p)
  %kept = f32[4,4] bitcast(%lost), metadata={op_name="jit(f)/conv/conv_general_dilated"}
  %read = f32[16] exponential(%p)
  %view = f32[4,4] bitcast(%read), metadata={op_name="jit(f)/conv/conv_general_dilated"}
  %also = f32[16] negate(%read), metadata={op_name="jit(f)/head/neg"}
  ROOT %t = (f32[4,4], f32[4,4], f32[16]) tuple(%kept, %view, %also)
}
"""


def test_a_result_that_the_program_named_through_a_view():
    """As a convolution rewritten for its layout. `read` is used by more than the view."""
    found = joined(cpu([op("lost", 0, 10), op("read", 10, 20), op("also", 20, 30)]), VIEWED)
    assert {each.name: (each.how, "/".join(each.site.scope)) for each in found.items} == {
        "lost": ("inferred", "conv"),
        "read": ("none", "(compiler)"),
        "also": ("scope", "head"),
    }


def test_what_has_a_name_does_not_take_its_views():
    named = VIEWED.replace(
        "%lost = f32[16] exponential(%p)",
        '%lost = f32[16] exponential(%p), metadata={op_name="jit(f)/exp"}',
    )
    assert named_views(read_module(VIEWED)) == {"lost": "kept"}
    assert named_views(read_module(named)) == {}


CALLED = """HloModule jit_f

%layer (x: f32[4,4]) -> f32[4,4] {
  %x = f32[4,4] parameter(0)
  ROOT %dot.7 = f32[4,4] dot(%x, %x), lhs_contracting_dims={1}, rhs_contracting_dims={0}, metadata={op_name="mlp/dot_general"}
}

ENTRY %main (p: f32[4,4]) -> f32[4,4] {
  %p = f32[4,4] parameter(0)
  %sin.0 = f32[4,4] sine(%p), metadata={op_name="jit(f)/net/sin"}
  %call.1 = f32[4,4] call(%sin.0), to_apply=%layer, metadata={op_name="jit(f)/net/first/jit(layer)"}
  ROOT %call.2 = f32[4,4] call(%call.1), to_apply=%layer, metadata={op_name="jit(f)/net/second/jit(layer)"}
}
"""  # noqa: E501


def test_a_function_of_two_calls_stands_at_what_they_share():
    trace = cpu([op("call.1", 0, 10), op("dot.7", 0, 9), op("call.2", 10, 20), op("dot.7", 12, 20)])
    (dot,) = (each for each in joined(trace, CALLED).items if each.name == "dot.7")
    assert (dot.site.scope, dot.shared, dot.runs) == (("net",), True, 2)
    assert dot.cost.matmul_flops == 2 * 2 * 4**3
    assert dot.seconds == pytest.approx(17 * NS)


def test_a_loop_whose_body_was_not_seen_runs_as_inferred():
    """As where an accelerator shows the loop's kernels as one: FLOPs without seconds are said."""
    result = joined(cpu([op("while.1", 0, 50), op("bare", 50, 60)]))
    (loop,) = result.loops
    assert (loop.inferred, loop.observed, loop.agrees) == (3, None, True)
    assert place(walk(read_module(PROGRAM)), {"while.1": 1}).placed["dot.1"].runs == 3
    assert any("3 trips inferred; none observed" in each for each in result.caveats)
    assert any("without events, in no row: dot.1" in each for each in result.caveats)


def test_an_unknown_name_is_a_caveat_and_explains_nothing():
    trace = cpu([op("bare", 0, 10), op("ghost", 10, 30)])
    result = joined(trace)
    (ghost,) = (each for each in result.items if each.name == "ghost")
    assert (ghost.how, ghost.seconds) == ("none", pytest.approx(20 * NS))
    assert any("does not have: ghost" in each for each in result.caveats)


def test_another_program_of_the_same_name_is_left_out():
    """As when the function is called `copy`, and so is JAX's copy of what is donated."""
    trace = cpu([op("bare", 0, 10, program=1), op("stranger", 10, 90, program=2)])
    assert [each.name for each in joined(trace).items] == ["bare"]


@pytest.mark.parametrize(
    ("trace", "message"),
    [
        (cpu([]), "the profiler recorded no instruction of this program"),
        (cpu([op("bare", 0, 1), op("command_buffer_1", 1, 9)]), "names command buffers, which"),
        (cpu([op("ghost", 0, 1)]), "names an instruction 'ghost' that the compiled program"),
        (cpu([op("bare", 0, 1), op("copy.in", 1, 2, ends=False)]), "no run is in the trace from"),
    ],
)
def test_what_cannot_be_joined_says_why(trace, message):
    with pytest.raises(JaxflopsError, match=message):
        joined(trace)


STREAM = [
    kernel("while.1", 20, 21),  # a copy of the condition, before each time round
    kernel("dot.1", 22, 30),
    kernel("while.1", 30, 31),
    kernel("dot.1", 32, 40),
    kernel("while.1", 40, 41),
]


def test_a_gpus_loop_runs_as_often_as_its_body_is_seen():
    """It has no event around its body's, and one more copy of its condition than it has trips."""
    result = joined(gpu([("Stream #1(Compute)", STREAM)]))
    assert [(loop.inferred, loop.observed) for loop in result.loops] == [(3, 2)]
    (dot,) = (each for each in result.items if each.name == "dot.1")
    assert (dot.runs, dot.cost.matmul_flops) == (2, 2 * 2 * 4**3)


def test_what_runs_asynchronously_is_the_instruction_that_starts_it():
    """A GPU's profiler calls the event by the instruction inside, which is in no computation."""
    trace = gpu([("Stream #2(MemcpyD2D)", [kernel("inner", 0, 10), kernel("bare", 10, 30)])])
    result = joined(trace, wrapped={"inner": "copy.else"})
    assert {each.name for each in result.items} == {"copy.else", "bare"}
    assert not any("does not have" in each for each in result.caveats)


LOST = """HloModule jit_f

%fused (a: f32[4,4]) -> bf16[4,4] {
  %a = f32[4,4] parameter(0)
  %tanh.1 = f32[4,4] tanh(%a), metadata={op_name="jit(f)/tanh" source_file="f.py" source_line=3}
  %exp.1 = f32[4,4] exponential(%tanh.1), metadata={op_name="jit(f)/exp" source_file="f.py" source_line=LINE}
  ROOT %convert.1 = bf16[4,4] convert(%exp.1)
}

ENTRY %main (p: f32[4,4]) -> bf16[4,4] {
  %p = f32[4,4] parameter(0)
  ROOT %fusion.1 = bf16[4,4] fusion(%p), kind=kLoop, calls=%fused
}
"""  # noqa: E501


@pytest.mark.parametrize(("line", "how"), [("3", "line"), ("4", "none")])
def test_a_fusion_that_lost_its_name_stands_where_all_in_it_does(line, how):
    (item,) = joined(cpu([op("fusion.1", 0, 10)]), LOST.replace("LINE", line)).items
    assert item.how == how


SLICED = """HloModule jit_f

%sliced (a: f32[3,4,4], i: s32[], b: f32[4,4]) -> (f32[4,4], s8[64]) {
  %a = f32[3,4,4] parameter(0)
  %i = s32[] parameter(1)
  %zero = s32[] constant(0)
  %slice.1 = f32[1,4,4] dynamic-slice(%a, %i, %zero, %zero), dynamic_slice_sizes={1,4,4}
  %bitcast.1 = f32[4,4] bitcast(%slice.1)
  %b = f32[4,4] parameter(2)
  ROOT %custom-call.1 = (f32[4,4], s8[64]) custom-call(%bitcast.1, %b), custom_call_target="__cublas$lt$matmul", metadata={op_name="jit(f)/mlp/dot_general"}, backend_config={"gemm_backend_config":{"dot_dimension_numbers":{"lhs_contracting_dimensions":["1"]}}}
}

%twice (c: f32[4,4]) -> f32[4,4] {
  %c = f32[4,4] parameter(0)
  ROOT %tanh.1 = f32[4,4] tanh(%c), metadata={op_name="jit(f)/head/tanh"}
}

%moving (d: f32[4,4]) -> f32[4,4] {
  %d = f32[4,4] parameter(0)
  ROOT %transpose.1 = f32[4,4] transpose(%d), dimensions={1,0}
}

%body (s: (f32[4,4])) -> (f32[4,4]) {
  ROOT %s = (f32[4,4]) parameter(0)
}

%cond (r: (f32[4,4])) -> pred[] {
  %r = (f32[4,4]) parameter(0)
  ROOT %never = pred[] constant(false)
}

ENTRY %main (p: f32[3,4,4], n: s32[], q: f32[4,4]) -> (f32[4,4], f32[4,4], f32[4,4]) {
  %p = f32[3,4,4] parameter(0)
  %n = s32[] parameter(1)
  %q = f32[4,4] parameter(2)
  %dynamic_slice_fusion = (f32[4,4], s8[64]) fusion(%p, %n, %q), kind=kCustom, calls=%sliced, metadata={op_name="jit(f)/mlp/dot_general"}
  %product = f32[4,4] get-tuple-element(%dynamic_slice_fusion), index=0
  %one = f32[4,4] fusion(%q), kind=kLoop, calls=%twice, metadata={op_name="jit(f)/head/tanh"}
  %two = f32[4,4] fusion(%product), kind=kLoop, calls=%twice, metadata={op_name="jit(f)/head/tanh"}
  %turned = f32[4,4] fusion(%two), kind=kLoop, calls=%moving
  %init = (f32[4,4]) tuple(%turned)
  %while.1 = (f32[4,4]) while(%init), condition=%cond, body=%body, metadata={op_name="jit(f)/layers/while"}
  %out = f32[4,4] get-tuple-element(%while.1), index=0
  ROOT %result = (f32[4,4], f32[4,4], f32[4,4]) tuple(%out, %one, %two)
}
"""  # noqa: E501


def test_a_library_call_fused_with_slices_is_the_fusion():
    """The profiler names the call, whose FLOPs the fusion has."""
    trace = gpu([("Stream #1", [kernel("custom-call.1", 0, 10), kernel("one", 10, 20)])])
    (product,) = (each for each in joined(trace, SLICED).items if each.flops)
    assert (product.name, product.site.scope) == ("dynamic_slice_fusion", ("mlp",))
    assert (product.seconds, product.cost.matmul_flops) == (pytest.approx(10 * NS), 2 * 4**3)


def test_an_instruction_of_two_fusions_is_neither():
    trace = gpu([("Stream #1", [kernel("tanh.1", 0, 10), kernel("one", 10, 20)])])
    assert {each.name for each in joined(trace, SLICED).items} == {"tanh.1", "one"}


def test_a_fusion_that_only_transposes_serves_the_loop_that_takes_it():
    """A GPU fuses what a CPU leaves a copy."""
    module = read_module(SLICED)
    assert loop_buffers(module) == {"turned": "while.1"}
