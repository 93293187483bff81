"""The meter in training loops whose seconds are made up."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

import jaxflops as jf
from jaxflops.errors import JaxflopsError
from jaxflops.machine.device import Device

W = jax.ShapeDtypeStruct((4, 4), jnp.float32)
X = jax.ShapeDtypeStruct((8, 4), jnp.float32)
PRODUCT = 2 * 8 * 4 * 4
TOY = Device("toy", "Toy 1", "cpu", "", {"fp32": 1024.0}, {}, None, None, None, "", "")


def train(w, x):
    """Forward 1 product, recomputed 1, backward 1 (no gradient of x), update 1 of [4,4]."""
    loss, gradient = jax.value_and_grad(jax.checkpoint(lambda w: jnp.sin(jnp.sin(x @ w)).sum()))(w)
    return w - gradient @ gradient, loss


class World:
    """A clock, a host, and a device that works through what it is given, in order."""

    def __init__(self, step_seconds, host_seconds=0.0):
        self.now, self.free_at = 100.0, 100.0
        self.step_seconds, self.host_seconds = step_seconds, host_seconds
        self.waits = []

    def clock(self):
        return self.now

    def dispatch(self, name=""):
        """Returns at once; the result is there when the device has come to it."""
        self.now += self.host_seconds
        self.free_at = max(self.now, self.free_at) + self.step_seconds
        return Result(self, self.free_at, name)


class Result:
    def __init__(self, world, ready_at, name):
        self.world, self.ready_at, self.name = world, ready_at, name

    def block_until_ready(self):
        self.world.waits.append(self.name)
        self.world.now = max(self.world.now, self.ready_at)
        return self


def metered(world, **options):
    options.setdefault("ahead", 1)
    return jf.MFUMeter(train, device=TOY, clock=world.clock, **options)(W, X)


def test_a_step_in_numbers():
    world = World(step_seconds=2.0)
    meter = metered(world, items=8)
    rows = [meter.step(world.dispatch()) for _ in range(4)]
    assert rows[:2] == [{}, {}]  # nothing is finished; then the first step, which compiles
    assert rows[2] == {
        "step": 2,
        "step_seconds": 2.0,
        "items_per_second": 4.0,
        "flops_per_second": meter.analysis.flops / 2.0,
        "mfu": 2 * PRODUCT / (1024 * 2.0),  # neither recompute nor update
    }
    assert rows[3]["step"] == 3


def test_dispatch_stays_one_step_ahead():
    """Waiting for each step before the next is given would leave the device idle meanwhile."""
    world = World(step_seconds=2.0, host_seconds=0.5)
    meter = metered(world)
    rows = [meter.step(world.dispatch(name)) for name in "abcde"]
    assert world.waits == ["a", "b", "c", "d"]
    assert [row["step_seconds"] for row in rows[2:]] == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("ahead", [0, 1, 2, 5])
def test_as_many_steps_are_ahead_as_asked_for(ahead):
    world = World(step_seconds=2.0, host_seconds=0.25)
    meter = metered(world, ahead=ahead)
    rows = [meter.step(world.dispatch(name)) for name in "abcdefgh"]
    assert world.waits == list("abcdefgh")[: 8 - ahead]
    assert [row.get("step") for row in rows if row] == list(range(2, 9 - ahead))
    # Without a step ahead the device waits for the host as well.
    seconds = {row["step_seconds"] for row in rows if row}
    assert seconds == {2.25 if ahead == 0 else 2.0}


def test_a_slow_host_counts():
    world = World(step_seconds=1.0, host_seconds=3.0)
    meter = metered(world)
    rows = [meter.step(world.dispatch()) for _ in range(5)]
    assert rows[-1]["step_seconds"] == 3.0


def test_without_a_result_the_caller_waits():
    world = World(step_seconds=2.0)
    meter = metered(world)
    rows = []
    for _ in range(3):
        world.dispatch("mine").block_until_ready()
        rows.append(meter.step())
    assert world.waits == ["mine"] * 3
    assert [row.get("step_seconds") for row in rows] == [None, 2.0, 2.0]
    assert [row.get("step") for row in rows] == [None, 2, 3]


@pytest.mark.parametrize("waits", [True, False])
def test_what_is_paused_is_no_step(waits):
    world = World(step_seconds=2.0)
    meter = metered(world)

    def step():
        result = world.dispatch()
        return meter.step(result if waits else result.block_until_ready() and None)

    for _ in range(4):
        step()
    world.now += 1000  # an evaluation
    meter.pause()
    rows = [step() for _ in range(4)]
    assert {row["step_seconds"] for row in rows if row} == {2.0}
    assert rows[0] == {}
    assert rows[-1]["step"] == (7 if waits else 8)  # eight steps, the last one not yet finished
    assert meter.summary()["step_seconds"] == 2.0


def test_the_summary_is_the_median_of_a_window():
    world = World(step_seconds=2.0)
    meter = metered(world, window=3)
    assert meter.summary() == {}
    for seconds in (9, 9, 9, 9, 1, 2, 30, 1):
        world.step_seconds = seconds
        meter.step(world.dispatch())
    assert meter.summary()["step_seconds"] == 2  # of 1, 2 and 30; the last is not finished
    assert meter.summary()["mfu"] == 2 * PRODUCT / (1024 * 2)


def test_an_unknown_device_has_no_mfu(monkeypatch):
    monkeypatch.setattr("jaxflops.meter.find_device", lambda name: None)
    world = World(step_seconds=2.0)
    meter = jf.MFUMeter(train, clock=world.clock)(W, X)
    rows = [meter.step(world.dispatch()) for _ in range(4)]
    assert set(rows[-1]) == {"step", "step_seconds", "flops_per_second"}
    with pytest.raises(JaxflopsError, match="device='X1' is not known: see `jaxflops devices`"):
        jf.MFUMeter(train, device="X1")(W, X)


def test_real_steps():
    step = jax.jit(train, donate_argnums=0)
    w, x = jnp.ones((4, 4)), jnp.ones((8, 4))
    meter = jf.MFUMeter(step)(w, x)
    for _ in range(6):
        w, loss = step(w, x)
        found = meter.step(loss)
    assert found["step"] == 4  # two are ahead
    assert found["step_seconds"] > 0
    assert repr(meter) == "<meter of train: 4 steps>"


def test_a_donated_result_is_refused():
    step = jax.jit(lambda w: w + 1, donate_argnums=0)
    w = jnp.ones((4, 4))
    meter = jf.MFUMeter(step, ahead=1)(w)
    w = step(w)
    meter.step(w)
    w = step(w)
    with pytest.raises(JaxflopsError, match="pass one that is not donated, such as the loss"):
        meter.step(w)


def test_it_counts_before_it_measures():
    with pytest.raises(JaxflopsError, match=r"meter = jf.MFUMeter\(step, ...\)\(\*args\)"):
        jf.MFUMeter(train).step()
    assert repr(jf.MFUMeter(train)) == "<jf.MFUMeter(train): call it with train's arguments>"


def test_an_open_loop_is_named_at_once():
    def looped(x, n):
        return jax.lax.while_loop(lambda c: c[0] < n, lambda c: (c[0] + 1, c[1] @ c[1]), (0, x))[1]

    with pytest.raises(JaxflopsError, match=r"pass trip_counts=\{'test_meter.py:\d+': n\}"):
        jf.MFUMeter(looped)(W, jnp.int32(3))


FOUR = """
import jax, jax.numpy as jnp
import jaxflops as jf
from jax.sharding import AxisType, NamedSharding, PartitionSpec

mesh = jax.make_mesh((2,), ("data",), axis_types=(AxisType.Auto,), devices=jax.devices()[:2])
rows = NamedSharding(mesh, PartitionSpec("data"))
x = jax.device_put(jnp.ones((8, 4)), rows)
step = jax.jit(lambda x: (x @ jnp.ones((4, 4))).sum())
tick = iter(range(99)).__next__

def last(meter, result):
    return [meter.step(result) for _ in range(4)][-1]["mfu"]

abstract = jax.ShapeDtypeStruct((8, 4), jnp.float32)
expected = 2 * 8 * 4 * 4 / (2 * 197e12)
options = {"device": "tpu-v5e", "clock": tick}
print(last(jf.MFUMeter(step, **options)(x), None) == expected)
print(last(jf.MFUMeter(step, **options)(abstract), step(x)) == expected)
print(last(jf.MFUMeter(step, devices=4, **options)(x), None) == expected / 2)
try:
    jf.MFUMeter(step, **options)(abstract).step()
except jf.JaxflopsError as error:
    print(error)
"""


def test_steps_are_divided_by_the_devices_that_they_use():
    """Two of four: neither one device nor all that there are."""
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
    }
    ran = subprocess.run(
        [sys.executable, "-c", FOUR], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines()[:3] == ["True"] * 3
    assert "there are 4 devices, and neither arguments nor results say" in ran.stdout


@pytest.mark.parametrize("option", [{"items": 0}, {"devices": 0}, {"ahead": -1}, {"window": 0}])
def test_numbers_that_make_no_sense_are_refused(option):
    ((name, value),) = option.items()
    with pytest.raises(JaxflopsError, match=f"{name}={value}: write"):
        jf.MFUMeter(lambda x: x, **option)
