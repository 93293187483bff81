"""Rooflines and utilization: formulas with numbers small enough to do by hand."""

import pytest

from jaxflops.errors import JaxflopsError
from jaxflops.machine.ceilings import Ceilings, Point
from jaxflops.machine.devices import device
from jaxflops.machine.roofline import (
    Roofs,
    attainable,
    datasheet,
    ideal,
    in_sequence,
    intensity,
    measured,
    ridge,
)
from jaxflops.machine.utilization import utilization
from jaxflops.tree import Kind

BF16 = Kind(("bfloat16", "bfloat16"), "float32")
F32 = Kind(("float32", "float32"), "float32", "HIGHEST")
INT = Kind(("int32", "int32"), "int32")
PEAKS = {BF16: 100.0, F32: 10.0}
ROOFS = Roofs("made-up peaks", PEAKS.get, lambda size: 5.0)


def test_each_kind_has_its_own_peak():
    assert ideal({BF16: 1000, F32: 20}, 0, ROOFS).compute_seconds == 1000 / 100 + 20 / 10


def test_the_greater_side_bounds():
    compute, memory = ideal({BF16: 1000}, 20, ROOFS), ideal({BF16: 1000}, 100, ROOFS)
    assert (compute.seconds, compute.bound) == (10.0, "compute")
    assert (memory.seconds, memory.bound) == (20.0, "memory")


def test_devices_share_the_work():
    alone, four = ideal({BF16: 1000}, 100, ROOFS), ideal({BF16: 1000}, 100, ROOFS, devices=4)
    assert four.compute_seconds == alone.compute_seconds / 4
    assert four.memory_seconds == alone.memory_seconds / 4


def test_what_has_no_peak_is_named_and_leaves_the_bound_open():
    partly = ideal({BF16: 1000, INT: 7}, 10, ROOFS)
    assert partly.missing == (INT,)
    assert partly.compute_seconds == 10
    assert partly.bound == "unknown"
    assert ideal({BF16: 1000, INT: 0}, 10, ROOFS).missing == ()


def test_an_unknown_bandwidth_is_not_zero_time():
    blind = ideal({BF16: 1000}, 10**9, Roofs("", PEAKS.get, lambda size: None))
    assert blind.memory_seconds is None
    assert (blind.seconds, blind.bound) == (10, "unknown")


def test_operations_in_sequence_add_their_own_maxima():
    parts = [ideal({BF16: 1000}, 20, ROOFS), ideal({BF16: 100}, 50, ROOFS)]
    assert in_sequence(parts) == 10 + 10
    together = ideal({BF16: 1100}, 70, ROOFS)
    assert together.seconds == 14  # one maximum of sums is never more


def test_the_working_set_decides_the_bandwidth():
    asked = []
    ideal({}, 4096, Roofs("", PEAKS.get, lambda size: asked.append(size) or 1.0), devices=2)
    assert asked == [1024]  # half of each device's traffic: read and written


def test_the_roof_bends_at_the_ridge():
    assert intensity(2 * 8**3, 3 * 8**2 * 4) == 2 * 8 / (3 * 4)
    assert intensity(1, 0) == float("inf")
    bend = ridge(100.0, 5.0)
    assert bend == 20
    assert attainable(bend, 100.0, 5.0) == 100
    assert attainable(bend / 2, 100.0, 5.0) == 50
    assert attainable(bend * 2, 100.0, 5.0) == 100


def test_datasheet_roofs_say_so_and_choose_by_kind():
    roofs = datasheet(device("h100-sxm5"))
    assert roofs.against == "datasheet peaks of NVIDIA H100 SXM5 80GB"
    assert (roofs.peak(BF16), roofs.peak(F32), roofs.peak(INT)) == (989.4e12, 66.9e12, None)
    assert roofs.bandwidth(1) == 3.35232e12


def test_measured_roofs_say_so():
    points = (Point(256, 50.0), Point(512, 80.0), Point(1024, 70.0))
    stream = (Point(100, 9.0), Point(400, 7.0), Point(1600, 8.0), Point(6400, 2.0))
    roofs = measured(Ceilings("cpu", {}, {"bf16": points}, stream, 1e-5, "2026-01-02"))
    assert roofs.against == "ceilings measured on this cpu, 2026-01-02"
    assert roofs.peak(BF16) == 80
    assert roofs.peak(F32) is None
    # the best at the next smaller size measured, or above
    sizes = [1, 100, 399, 400, 1600, 6399, 6400, 10**9]
    assert [roofs.bandwidth(size) for size in sizes] == [9, 9, 9, 8, 8, 8, 2, 2]


def test_utilization_is_flops_over_peak_devices_and_seconds():
    used = utilization({BF16: 1000, F32: 20}, 6.0, ROOFS, devices=4)
    assert used.value == (1000 / 100 + 20 / 10) / (4 * 6)
    assert used.total_flops == 1020
    assert used.peak == 1020 / 12  # numerator / (this x devices x seconds) is the value
    assert used.total_flops / (used.peak * 4 * 6) == pytest.approx(used.value)
    assert used.against == "made-up peaks"
    assert not used.impossible


def test_more_than_the_peak_is_impossible():
    assert utilization({BF16: 1000}, 9.9, ROOFS).impossible
    assert not utilization({BF16: 1000}, 10.0, ROOFS).impossible


def test_without_a_peak_there_is_no_value():
    used = utilization({BF16: 1000, INT: 1}, 6.0, ROOFS)
    assert used.value is None
    assert used.peak is None
    assert used.missing == (INT,)
    assert not used.impossible


def test_no_work_is_no_utilization_but_zero():
    assert utilization({}, 1.0, ROOFS).value == 0


@pytest.mark.parametrize(("seconds", "devices"), [(0.0, 1), (-1.0, 1), (1.0, 0)])
def test_times_that_cannot_be(seconds, devices):
    with pytest.raises(JaxflopsError, match="both must be positive"):
        utilization({}, seconds, ROOFS, devices)
