"""Traces that JAX 0.11.2 recorded on an NVIDIA H100, with the modules that ran.

h100/NAME.json: two calls, and each stream's kernels as [kernel, start, nanoseconds, hlo_op,
hlo_module, program_id]; NAME.pb: the serialized module, compiled without command buffers.

scan: the gradient, to ws, of 3 layers `h = tanh(h @ w)` of [64,128] @ [128,128] in a scan under the
scope `layers/mlp`, and of the sum of squares under `loss`. while: 100 is halved until it is at most
1. split: tanh([64,16384] @ [16384,64]).
"""

import json
from pathlib import Path

import pytest
from fake_traces import FakeEvent, FakeLine, FakePlane, FakeTrace

from jaxflops.attribution.join import Joined, join
from jaxflops.errors import JaxflopsError
from jaxflops.hlo.module import read_module
from jaxflops.hlo.walk import walk
from jaxflops.machine.trace_events import read
from jaxflops.machine.trace_record import RUN

H100 = Path(__file__).parent / "h100"
PRODUCT = 2 * 64 * 128 * 128


def trace(name: str) -> FakeTrace:
    recorded = json.loads((H100 / f"{name}.json").read_text())
    streams = [
        FakeLine(stream, [kernel(*event) for event in events])
        for stream, events in recorded["lines"]
    ]
    calls = [FakeEvent(RUN, start, duration, ()) for start, duration in recorded["runs"]]
    host = FakePlane("/host:CPU", [FakeLine("python3", calls)])
    return FakeTrace([FakePlane("/device:GPU:0", streams), host])


def kernel(name, start, duration, op, module, program) -> FakeEvent:
    pairs = (("hlo_op", op), ("hlo_module", module), ("program_id", program))
    return FakeEvent(name, start, duration, pairs)


def joined(name: str, of: str | None = None) -> Joined:
    module = read_module(H100 / f"{name}.pb")
    return join(read(trace(of or name), module.name), module, walk(module))


def test_each_instruction_that_ran_is_in_the_module():
    result = joined("scan")
    assert len(result.seconds.spans) == 2
    assert not any(each.opcode == "(not in the program)" for each in result.items)
    assert result.caveats == ()


def test_copies_of_other_streams_are_the_fusions_that_start_them():
    """The profiler says `loop_dynamic_slice_fusion.3`; the module runs `fusion-start.3`."""
    module = read_module(H100 / "scan.pb")
    copied = {op for stream, events in json.loads((H100 / "scan.json").read_text())["lines"]
              for _, _, _, op, *_ in events if "Compute" not in stream}  # fmt: skip
    assert copied
    assert copied <= module.wrapped.keys()
    items = {each.name: each for each in joined("scan").items}
    started = [items[module.wrapped[op]] for op in copied]
    assert {each.site.scope[:1] for each in started} == {("layers",)}


def test_what_ran_are_three_products_forward_and_six_backward():
    result = joined("scan")
    phases = {each.name: each.site.phase for each in result.items if each.flops}
    products = {each.name: sum(each.flops.values()) for each in result.items if each.flops}
    assert sum(products.values()) == 9 * PRODUCT
    backward = sum(n for name, n in products.items() if phases[name] == "backward")
    assert backward == 6 * PRODUCT
    assert [(loop.inferred, loop.observed) for loop in result.loops] == [(3, 3), (3, 3)]


def test_a_loop_on_data_went_round_seven_times():
    """100 / 2**7 < 1; the condition is copied to the host eight times, as the loop's own events."""
    result = joined("while")
    assert [loop.observed for loop in result.loops] == [7]


def test_the_sum_over_a_split_product_has_a_line():
    """XLA gives it no name: it sums, and applies tanh, both of which have one."""
    how = {each.name: each.how for each in joined("split").items}
    assert how == {"gemm_fusion_dot": "line", "input_reduce_fusion": "line"}


def test_command_buffers_hide_instructions():
    with pytest.raises(JaxflopsError, match="command buffers, which hide the instructions"):
        joined("scan", of="scan_in_command_buffers")


def test_seconds_are_the_streams():
    """Every instant in which a kernel ran is some instruction's; the rest is between them."""
    result = joined("scan")
    active = sum(each.seconds for each in result.items) + result.seconds.between
    assert active == pytest.approx(result.seconds.span)
    assert 0 < result.seconds.between < result.seconds.span
