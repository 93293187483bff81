"""Counts joined with seconds: by a clock that ticks once a reading, on a made-up device."""

import itertools
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

import jaxflops as jf
from jaxflops.contractions import by_phase_and_kind, of_the_model
from jaxflops.errors import JaxflopsError
from jaxflops.hlo.ir import HloError
from jaxflops.machine.device import Device
from jaxflops.machine.roofline import Roofs
from jaxflops.measuring import measure
from jaxflops.tree import Kind

X = jax.ShapeDtypeStruct((8, 4), jnp.float32)
W = jax.ShapeDtypeStruct((4, 4), jnp.float32)
F32 = Kind(("float32", "float32"), "float32")
BF16 = Kind(("bfloat16", "bfloat16"), "bfloat16")
TOY = Device(
    "toy", "Toy 1", "cpu", "", {"fp32": 1024.0, "bf16": 4096.0}, {}, None, None, None, "", ""
)


def timed(fn, *args, device=TOY, **options):
    """Measured by a clock by which every call takes a second."""
    clock = itertools.count().__next__
    return measure(fn, device=device, samples=8, clock=clock, **options)(*args)


def layer(w, x):
    return jnp.tanh(x @ w).sum()


def test_rates_are_counts_over_the_median():
    measurement = timed(layer, W, X)
    assert measurement.median == 1
    assert measurement.samples == (1.0,) * 8
    assert measurement.flops_per_second == measurement.analysis.flops
    assert measurement.bytes_per_second == measurement.analysis.bytes_unfused
    stages = measurement.trace_seconds, measurement.lower_seconds, measurement.compile_seconds
    assert stages == (1, 1, 1)
    assert measurement.spread == 0
    assert measurement.interval.low == measurement.interval.high == 1


def test_mfu_is_model_flops_over_peak_and_seconds():
    measurement = timed(layer, W, X)
    assert measurement.mfu == (2 * 8 * 4 * 4) / 1024
    assert measurement.model.total_flops == 2 * 8 * 4 * 4
    assert measurement.model.against == "datasheet peaks of Toy 1"


def test_each_kind_is_held_to_its_own_peak():
    def both(w, x):
        return layer(w, x), x.astype(jnp.bfloat16) @ w.astype(jnp.bfloat16)

    product = 2 * 8 * 4 * 4
    measurement = timed(both, W, X)
    assert measurement.model.flops == {F32: product, BF16: product}
    assert measurement.mfu == product / 1024 + product / 4096


@pytest.mark.parametrize("first", [None, "highest"])
def test_precision_makes_a_kind_of_its_own(first):
    """Equal shapes are counted once and remembered; what is remembered must not mix precisions."""

    def both(w, x):
        second = "highest" if first is None else None
        return jnp.matmul(x, w, precision=first), jnp.matmul(x, w, precision=second)

    product = 2 * 8 * 4 * 4
    exact = Kind(("float32", "float32"), "float32", "HIGHEST")
    model = of_the_model(jf.analyze(both)(W, X).tree)
    assert model == {F32: product, exact: product}
    assert timed(both, W, X).hardware.flops == model


def train(w, x):
    """Forward 1 product, recomputed 1, backward 1 (no gradient of x), update 1 of [4,4]."""
    loss, gradient = jax.value_and_grad(jax.checkpoint(lambda w: jnp.sin(jnp.sin(x @ w)).sum()))(w)
    return loss, w - gradient @ gradient


def test_recompute_and_update_are_not_the_models():
    analysis = jf.analyze(train)(W, X)
    product, update = 2 * 8 * 4 * 4, 2 * 4**3
    assert by_phase_and_kind(analysis.tree) == {
        ("forward", F32): product,
        ("recompute", F32): product,
        ("backward", F32): product,
        ("update", F32): update,
    }
    assert of_the_model(analysis.tree) == {F32: 2 * product}
    assert timed(train, W, X).mfu == 2 * product / 1024


def merged(w, x):
    """As `train`, but the compiler may merge what is recomputed with the forward pass."""
    layer = jax.checkpoint(lambda w: jnp.sin(jnp.sin(x @ w)).sum(), prevent_cse=False)
    loss, gradient = jax.value_and_grad(layer)(w)
    return loss, w - gradient @ gradient


def test_hfu_counts_what_was_compiled():
    """Recompute that is asked for and merged does not run; the update runs, and is no model FLOP.

    Adding recompute to MFU's numerator, or leaving the update out, would give another number.
    """
    product, update = 2 * 8 * 4 * 4, 2 * 4**3
    measurement = timed(merged, W, X)
    assert measurement.analysis.recompute.matmul_flops == product
    assert measurement.hardware.flops == {F32: 2 * product + update}
    assert measurement.hfu == (2 * product + update) / 1024
    assert measurement.mfu == 2 * product / 1024


@jax.custom_vjp
def flash(w, x):
    return jnp.tanh(x @ w)


def _backward(kept, gradient):
    w, x = kept
    inner = gradient * (1 - jnp.tanh(x @ w) ** 2)  # the product of the forward pass, once more
    return x.T @ inner, inner @ w.T


flash.defvjp(lambda w, x: (flash(w, x), (w, x)), _backward)


def test_recompute_by_hand_is_named_beside_mfu():
    """No mark tells it from backward work, so it is in the numerator: MFU reads too high."""
    step = jax.value_and_grad(lambda w, x: flash(w, x).sum(), (0, 1))
    measurement = timed(step, W, X)
    product = 2 * 8 * 4 * 4
    assert measurement.model.total_flops == 4 * product
    assert measurement.repeated_by_hand == product
    text = " ".join(str(measurement).split())
    assert "256 FLOP of it redo forward products in a custom_vjp's own rule" in text
    assert timed(merged, W, X).repeated_by_hand == 0  # remat's is marked, and left out


def test_hfu_counts_trips_of_a_loop():
    """XLA's own analysis counts the body once."""
    looped = timed(lambda w, x: jax.lax.scan(lambda h, _: (h @ w, None), x, None, 7)[0], W, X)
    assert looped.hfu == looped.mfu == 7 * 2 * 8 * 4 * 4 / 1024


def test_a_program_that_cannot_be_read_has_no_hfu(monkeypatch):
    def unreadable(source):
        raise HloError("this backend gives no HLO")

    monkeypatch.setattr("jaxflops.measuring.read_module", unreadable)
    measurement = timed(layer, W, X)
    assert (measurement.hfu, measurement.mfu) == (None, 256 / 1024)
    assert "HFU: not given: this backend gives no HLO" in str(measurement)


def test_work_without_a_rule_is_named_beside_hfu():
    called = jax.pure_callback
    out = jax.ShapeDtypeStruct((), jnp.float32)
    measurement = timed(lambda w, x: called(lambda y: y, out, layer(w, x)), W, X)
    assert measurement.hardware.total_flops == 2 * 8 * 4 * 4
    assert "whose cost is unknown" in " ".join(str(measurement).split("HFU")[1].split())


def scanned(w, x):
    body = jax.jit(lambda h, _: (jnp.where(h.sum() > 0, h @ w, h), (h.astype(jnp.bfloat16) @ h.T)))
    return jax.lax.scan(body, x, length=5)[0].sum()


def choosing(w, x):
    return jax.lax.cond(x.sum() > 0, lambda: (x @ w @ w).sum(), lambda: (x @ w).sum())


@pytest.mark.parametrize(
    ("program", "mode"),
    [(train, "call"), *itertools.product((layer, scanned, choosing), ("call", "value_and_grad"))],
)
def test_phases_and_kinds_sum_to_the_contractions(program, mode):
    analysis = jf.analyze(program, mode=mode)(W, X)
    assert sum(by_phase_and_kind(analysis.tree).values()) == analysis.matmul_flops > 0


def test_an_open_loop_is_named():
    # A bound in the arguments, so that no rule can infer it.
    def looped(w, x, n):
        return jax.lax.while_loop(lambda c: c[0] < n, lambda c: (c[0] + 1, c[1] @ w), (0, x))[1]

    bound = jnp.int32(3)
    measurement = timed(looped, W, X, bound)
    (place,) = (name.removeprefix("trips(")[:-1] for name in measurement.analysis.symbols)
    assert place.startswith("test_measurement.py:")
    with pytest.raises(JaxflopsError) as raised:
        _ = measurement.mfu
    assert str(raised.value) == (
        f"MFU needs the trip count of the while loop at {place}, which only running it tells: "
        f"pass trip_counts={{'{place}': n}}"
    )
    with pytest.raises(JaxflopsError, match="flops_per_second needs the trip count"):
        _ = measurement.flops_per_second
    assert f"MFU: not given: open trip counts trips({place})" in str(measurement)
    assert f"HFU: not given: open trip counts trips({place})" in str(measurement)
    with pytest.raises(JaxflopsError, match="HFU needs the trip count of the while loop at"):
        _ = measurement.hfu
    assert timed(looped, W, X, bound, trip_counts={place: 3}).hfu == 3 * 2 * 8 * 4 * 4 / 1024
    assert timed(looped, W, X, bound, trip_counts={place: 3}).mfu == 3 * 2 * 8 * 4 * 4 / 1024


def test_an_unknown_device_has_no_mfu(monkeypatch):
    monkeypatch.setattr("jaxflops.measuring.find_device", lambda name: None)
    measurement = timed(layer, W, X, device=None)
    assert measurement.mfu is None
    kind = jax.devices()[0].device_kind
    assert f"MFU: not given: no peaks are known for {kind}" in str(measurement)


def test_a_kind_without_a_peak_has_no_mfu():
    ints = jax.ShapeDtypeStruct((4, 4), jnp.int32)
    measurement = timed(lambda a: a @ a, ints)
    assert measurement.mfu is None
    assert "MFU: not given: no peak is known for int32×int32→int32" in str(measurement)


def test_another_devices_peaks_can_be_asked_for():
    measurement = timed(layer, W, X, device="NVIDIA H100 80GB HBM3")
    assert measurement.mfu == (2 * 8 * 4 * 4) / 494.7e12
    with pytest.raises(JaxflopsError, match="device='NVIDIA X' is not known"):
        measure(layer, device="NVIDIA X")


def test_measured_ceilings_can_be_held_against_instead():
    half = Roofs("ceilings measured here", {F32: 512.0}.get, lambda size: None)
    measurement = timed(layer, W, X)
    assert measurement.against(half).mfu == 2 * measurement.mfu
    assert "ceilings measured here" in " ".join(str(measurement.against(half)).split())


def test_more_than_the_peak_is_called_impossible():
    slow = Roofs("a wrong peak", {F32: 100.0}.get, lambda size: None)
    assert "MFU: IMPOSSIBLE, 256.0 %" in str(timed(layer, W, X).against(slow))


def test_every_number_says_what_it_is_made_of():
    lines = str(timed(layer, W, X)).splitlines()
    assert lines[0] == f"layer on {jax.devices()[0].device_kind}"
    assert lines[1] == "trace 1 s, lower 1 s, compile 1 s (once)"
    assert lines[2].startswith(
        "call 1 s: median of 8 samples, 99% interval 1 s to 1 s, spread 0 ns"
    )
    assert "287 FLOP/s: 287 FLOP asked for; 708 B/s if every operation" in lines[3]
    text = " ".join(line.strip() for line in lines)
    held = "/ (1.024 kFLOP/s x 1 s); datasheet peaks of Toy 1, for float32×float32→float32"
    assert f"MFU: 25 % = 256 FLOP of contractions asked for, forward and backward {held}" in text
    assert f"HFU: 25 % = 256 FLOP of contractions in the compiled program {held}" in text
    assert any(line.startswith("note: random arguments, seed 0: 2 float") for line in lines)


def test_what_is_compiled_is_timed_and_not_counted():
    measurement = timed(jax.jit(layer).lower(W, X))
    assert measurement.analysis is None
    assert measurement.mfu is None
    assert measurement.hfu == 256 / 1024
    assert "MFU: not given: a compiled program was timed" in str(measurement)
    with pytest.raises(JaxflopsError, match="compiled already, so there is no program to count"):
        _ = measurement.flops_per_second
    assert timed(jax.jit(layer).trace(W, X)).mfu == 256 / 1024


def test_donated_state_is_counted_after_it_is_gone():
    step = jax.jit(lambda w, x: (w - x.T @ x, (x @ w).sum()), donate_argnums=0)
    state = jnp.ones((4, 4))
    measurement = timed(step, state, X, feed=lambda outputs, args: (outputs[0], args[1]))
    assert state.is_deleted()
    assert measurement.model.total_flops == 2 * 2 * 8 * 4 * 4


def test_static_arguments():
    measurement = timed(lambda w, n: (w[:n] @ w).sum(), W, 2, static_argnums=1)
    assert measurement.model.total_flops == 2 * 2 * 4 * 4


def test_a_failing_program_raises_with_what_was_taken():
    def feed(outputs, args):
        if next(calls) == 5:
            raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory")
        return args

    calls = itertools.count()
    with pytest.raises(
        JaxflopsError, match=r"layer: failed after \d+ warm-up calls and \d+ sample"
    ):
        timed(layer, W, X, feed=feed)


def test_copies_of_the_arguments_are_taken_in_turn(monkeypatch):
    seen = []
    real = jax.stages.Compiled.__call__

    def spied(self, *args, **kwargs):
        seen.append(args[1].unsafe_buffer_pointer())
        return real(self, *args, **kwargs)

    monkeypatch.setattr(jax.stages.Compiled, "__call__", spied)
    measurement = timed(layer, W, X, rotate=3)
    assert len(set(seen)) == 3
    assert seen[3:] == seen[:-3]
    assert f"3 copies of the arguments in turn, {3 * (8 * 4 + 4 * 4) * 4} bytes" in str(measurement)


def test_what_is_used_up_cannot_be_rotated():
    step = jax.jit(lambda w, x: (w - x.T @ x, (x @ w).sum()), donate_argnums=0)
    with pytest.raises(JaxflopsError, match=r"rotate=2 takes copies in turn.*leave rotate= out"):
        timed(step, W, X, rotate=2)
    with pytest.raises(JaxflopsError, match="rotate=2 takes copies in turn"):
        timed(layer, W, X, rotate=2, feed=lambda outputs, args: args)
    with pytest.raises(JaxflopsError, match="rotate=0: write how many copies"):
        measure(layer, rotate=0)


def test_arguments_go_in_a_second_call():
    with pytest.raises(JaxflopsError, match=r"second call: jf.measure\(fn, ...\)\(\*args\)"):
        measure(layer, W, X)
    assert repr(measure(layer)) == "<jf.measure(layer): call it with layer's arguments>"


def test_two_measurements_draw_the_same_arguments():
    waiting = measure(layer, samples=1, clock=itertools.count().__next__)
    assert waiting(W, X).timing.notes == waiting(W, X).timing.notes


SHARDED = """
import itertools, jax, jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec, AxisType
from jaxflops.machine.devices import device
from jaxflops.measuring import measure

def run(devices):
    mesh = jax.make_mesh((devices,), ("data",), axis_types=(AxisType.Auto,),
                         devices=jax.devices()[:devices])
    rows = NamedSharding(mesh, PartitionSpec("data"))
    x = jax.ShapeDtypeStruct((8, 4), jnp.float32, sharding=rows)
    clock = itertools.count().__next__
    m = measure(lambda x: x @ jnp.ones((4, 4)), samples=8, clock=clock, device="tpu-v5e")(x)
    work = 2 * 8 * 4 * 4
    print(m.timing.devices, m.mfu == work / (devices * 197e12), m.hfu == m.mfu)
    print(str(m).splitlines()[0])

run(2)
run(4)
"""


def test_seconds_are_of_every_device_that_the_program_uses():
    """Not of every device there is, and not of one."""
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
    }
    ran = subprocess.run(
        [sys.executable, "-c", SHARDED], env=environment, capture_output=True, text=True, check=True
    )
    two, four = ([f"{n} True True", f"<lambda> on {n} x cpu"] for n in (2, 4))
    assert ran.stdout.splitlines() == [*two, *four]


def test_a_gradient_is_timed_and_counted():
    def loss(w, x):
        return layer(w, x), x

    measurement = timed(loss, W, X, mode="value_and_grad", has_aux=True)
    assert measurement.mfu == 2 * (2 * 8 * 4 * 4) / 1024  # forward, and w.grad
    both = timed(loss, W, X, mode="grad", argnums=(0, 1), has_aux=True)
    assert both.mfu == 3 * (2 * 8 * 4 * 4) / 1024


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 0}, "samples=0: write how many"),
        ({"seconds": 0}, "seconds=0: write how long"),
        ({"integers": (5, 5)}, r"integers=\(5, 5\): write \(low, high\)"),
        ({"mode": "vjp"}, "mode='vjp': write 'call', 'grad' or 'value_and_grad'"),
    ],
)
def test_options_that_leave_nothing_to_time_are_refused(options, message):
    with pytest.raises(JaxflopsError, match=message):
        measure(layer, **options)


def test_symbols_cannot_be_run():
    with pytest.raises(
        JaxflopsError, match="layer runs at sizes in numbers, and got the symbols B"
    ):
        measure(layer)(W, jf.spec("f32[B,4]"))
