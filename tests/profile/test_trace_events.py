"""What is read out of a trace, on planes made by hand."""

import pytest
from fake_traces import FakeEvent, FakeLine, FakePlane, FakeTrace, cpu, kernel, op

from jaxflops.machine.trace_events import read
from jaxflops.machine.trace_record import RUN
from jaxflops.machine.trace_runs import attribute


def times(trace, module="jit_f"):
    return [(e.instruction, e.start, e.end) for e in read(trace, module)]


def test_an_instruction_ends_with_its_end_event():
    """The event of a parallel instruction covers its launch only, here 2 of 90 ns."""
    assert times(cpu([op("dot", 10, 12, until=100)])) == [("dot", 10, 100)]


def test_an_end_event_within_its_instruction_shortens_nothing():
    assert times(cpu([op("add", 10, 20, until=19)])) == [("add", 10, 20)]


def test_an_end_event_is_found_on_another_thread():
    begin, end = op("dot", 0, 1, until=50)
    assert times(cpu([[begin]], [[end]])) == [("dot", 0, 50)]


def test_end_events_are_paired_by_number_not_by_name():
    first = op("dot", 0, 1, until=10)
    second = op("dot", 20, 21, until=70)
    assert times(cpu([first, second])) == [("dot", 0, 10), ("dot", 20, 70)]


def test_an_end_written_after_the_call_had_its_results_is_late():
    """The thread was interrupted between handing its result on and writing its event."""
    call = FakeEvent(RUN, 0, 100, ())
    first, second = op("dot", 10, 12, until=130), op("dot", 200, 210, until=250)
    assert times(cpu([[call]], [first, second])) == [("dot", 10, 100), ("dot", 200, 250)]


def test_other_modules_and_host_work_are_left_out():
    python = FakeEvent("end: of my loop", 0, 9, ())
    mine, other = op("add", 0, 5), op("add", 0, 5, module="jit_g")
    assert times(cpu([mine, other, [python]])) == [("add", 0, 5)]


def test_runs_and_devices_are_told_apart():
    trace = cpu([op("add", 0, 5, run=1), op("add", 10, 15, run=2)], [op("add", 0, 6, device=1)])
    assert len({event.run for event in read(trace, "jit_f")}) == 3


def test_an_instruction_without_its_end_is_not_whole():
    whole = {
        e.instruction: e.whole
        for e in read(cpu([op("a", 0, 5), op("b", 5, 6, ends=False)]), "jit_f")
    }
    assert whole == {"a": True, "b": False}


def test_where_no_instruction_has_an_end_event_its_own_event_is_it():
    assert all(e.whole for e in read(cpu([op("a", 0, 5, ends=False)]), "jit_f"))


def gpu(*lines):
    """Two calls, at 100 and at 200, and the streams of one GPU."""
    calls = [FakeEvent(RUN, start, 90, ()) for start in (100, 200)]
    host = FakePlane("/host:CPU", [FakeLine("python", calls)])
    return FakeTrace([host, FakePlane("/device:GPU:0", list(lines))])


def test_a_gpus_streams_are_read_and_its_runs_told_by_the_calls():
    stream = FakeLine("Stream #13(Compute)", [kernel("dot", 110, 130), kernel("dot", 210, 230)])
    other = FakeLine("Stream #14(Memcpy)", [kernel("copy", 120, 140)])
    ops = FakeLine("XLA Ops", [kernel("dot", 110, 130)])  # derived from the same kernels
    events = read(gpu(stream, other, ops), "jit_f")
    assert [(e.instruction, e.run.number) for e in events] == [("dot", 1), ("dot", 2), ("copy", 1)]


def test_a_gpus_kernels_have_their_names():
    """Two launches for one product: the kernel is named once, their seconds add up."""
    stream = FakeLine("Stream #1", [kernel("dot", 110, 120), kernel("dot", 120, 130)])
    events = read(gpu(stream), "jit_f")
    assert attribute(events, set()).spent["dot"].kernels == ("kernel of dot",)
    assert attribute(events, set()).spent["dot"].seconds == pytest.approx(20e-9)


def test_a_gpus_nested_annotation_names_the_innermost_instruction():
    stream = FakeLine("Stream #1", [kernel("while.3::fusion.2", 110, 130)])
    assert [e.instruction for e in read(gpu(stream), "jit_f")] == ["fusion.2"]


def test_a_gpus_host_launches_are_not_its_work():
    launch = cpu([op("dot", 0, 3)]).planes[0]
    device = FakePlane("/device:GPU:0", [FakeLine("Stream #1", [kernel("dot", 5, 50, run_id=1)])])
    assert times(FakeTrace([launch, device])) == [("dot", 5, 50)]


def test_a_tpus_operations_are_those_within_its_modules_runs():
    modules = [FakeEvent("jit_f(123)", 0, 100, ()), FakeEvent("jit_g(9)", 100, 100, ())]
    text = "%fusion.2 = f32[8]{0:T(256)} fusion(%p), kind=kLoop"
    ops = [FakeEvent(text, 10, 20, ()), FakeEvent(text, 110, 20, ())]
    lines = [FakeLine("XLA Modules", modules), FakeLine("XLA Ops", ops)]
    trace = FakeTrace([FakePlane("/device:TPU:0", lines)])
    assert times(trace) == [("fusion.2", 10, 30)]


def test_an_empty_trace_has_no_events():
    assert read(FakeTrace([]), "jit_f") == []
