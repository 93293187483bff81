"""`jf.profile` on programs that run here: laws of its structure, and no seconds asserted."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import jaxflops as jf
from jaxflops.attribution.executions import affordable_runs
from jaxflops.errors import JaxflopsError
from jaxflops.hlo.module import read_module
from jaxflops.hlo.walk import walk
from jaxflops.machine.device import Device
from jaxflops.machine.trace_events import read
from jaxflops.machine.trace_record import Recorded
from jaxflops.models import transformer
from jaxflops.profiled import BETWEEN
from jaxflops.profiling import profile

KEYS = ("scope", "source", "phase", "site", "opcode", "instruction")
SLOW = Device("slow", "Slow", "cpu", "", {"fp32": 1.0}, {}, None, None, None, "", "")
FAST = Device("fast", "Fast", "cpu", "", {"fp32": 1e18}, {}, 1e18, None, None, "", "")


def scanned(w, x):
    @jax.named_scope("layer")
    def layer(h, _):
        return jnp.tanh(h @ w), None

    h, _ = lax.scan(layer, x, None, length=7)
    with jax.named_scope("readout"):
        return jnp.sum(h @ w.T)


SCANNED = jf.specs("f32[64,64]", "f32[32,64]")


@pytest.fixture(scope="module")
def taken():
    return profile(scanned, mode="grad", runs=3)(*SCANNED)


@pytest.fixture(scope="module")
def step():
    model = transformer.with_preset("tiny")
    return profile(model, mode="value_and_grad", runs=2)(*model.example_args()), model


@pytest.mark.parametrize("key", KEYS)
def test_every_view_sums_to_the_run(taken, step, key):
    for each in (taken, step[0]):
        rows = each.by(key)
        assert math.isclose(
            sum(row.seconds for row in rows.values()), each.device_seconds, rel_tol=1e-9
        )
        assert math.isclose(sum(row.share for row in rows.values()), 1, rel_tol=1e-9)
        assert BETWEEN in rows
        flops = sum(row.cost.flops for row in rows.values())
        assert flops == each.total.cost.flops


def test_no_run_is_longer_than_its_call(taken, step):
    for each in (taken, step[0]):
        if len(each.spans) == len(each.walls):
            pairs = zip(sorted(each.spans), sorted(each.walls), strict=True)
            assert all(span <= wall for span, wall in pairs)


def test_depth_shortens_scopes_and_keeps_the_sum(step):
    rows = step[0].by("scope", depth=1)
    assert "layers" in rows
    assert not any("/" in name for name in rows)
    assert math.isclose(sum(row.seconds for row in rows.values()), step[0].device_seconds)


def test_what_ran_is_what_the_compiled_program_does(taken, step):
    """FLOPs are counted from events, and equal the compiled program's, trips inferred."""
    for each, fn, args in (
        (taken, jax.grad(scanned), SCANNED),
        (step[0], jax.value_and_grad(step[1]), step[1].example_args()),
    ):
        compiled = walk(read_module(jax.jit(fn).lower(*args).compile())).total
        assert each.total.cost.matmul_flops == compiled.matmul_flops > 0
        assert each.total.cost.flops == compiled.flops


def test_trips_observed_are_those_inferred(taken, step):
    assert [(loop.inferred, loop.observed) for loop in taken.loops] == [(7, 7), (7, 7)]
    layers = step[1].config.layers
    assert [(loop.inferred, loop.observed) for loop in step[0].loops] == [(layers, layers)] * 2
    assert not [caveat for caveat in taken.caveats if "trips" in caveat]


def test_every_name_is_found_and_every_phase_is_there(taken):
    assert not any(each.opcode == "(not in the program)" for each in taken.items)
    assert {"forward", "backward"} <= set(taken.by("phase"))
    assert {"layer forward", "layer backward"} <= set(taken.by("site"))


def test_sites_explain_what_the_program_named(taken):
    assert 0 < taken.explained <= 1
    parts = taken.explained + taken.inferred + taken.between / taken.device_seconds
    lost = sum(each.seconds for each in taken.unexplained) / taken.device_seconds
    assert math.isclose(parts + lost, 1, rel_tol=1e-9)
    assert all(
        each.site.scope in ((), ("(compiler)",)) or "(compiler)" in each.site.scope
        for each in taken.unexplained
    )


def test_trips_that_cannot_be_inferred_are_observed():
    def doubling(x):
        return lax.while_loop(
            lambda c: jnp.sum(c[0]) < 1000, lambda c: (c[0] + c[0], c[1] @ c[1]), (x, jnp.eye(8))
        )

    found = profile(doubling, runs=2)(jnp.ones(2))
    assert [loop.observed for loop in found.loops] == [9]  # 2 * 2**9 = 1024
    assert not isinstance(found.loops[0].inferred, int)
    assert found.total.cost.matmul_flops == 9 * 2 * 8**3
    assert any("9 trips observed; they could not be inferred" in each for each in found.caveats)


def test_a_wrong_trip_count_is_a_caveat():
    def until(x, n):
        return lax.while_loop(
            lambda c: c[0] < n, lambda c: (c[0] + 1, jnp.sin(c[1]) @ c[1]), (0, x)
        )

    args = jnp.eye(8), 5
    place = f"{__file__}:{until.__code__.co_firstlineno + 1}"
    found = profile(until, runs=2, trip_counts={place: 4})(*args)
    assert [(loop.inferred, loop.observed) for loop in found.loops] == [(4, 5)]
    assert any("5 trips observed, 4 inferred" in each for each in found.caveats)
    assert "DISAGREE" in str(found)
    assert found.total.cost.matmul_flops == 5 * 2 * 8**3


@pytest.mark.parametrize("taken", [True, False])
def test_the_branch_that_ran_is_counted(taken):
    """By convention a cond costs its dearest branch; in a profile it costs the one taken."""

    def choose(p, x):
        return lax.cond(p, lambda x: x @ x @ x, lambda x: x @ x, x)

    found = profile(choose, runs=2)(taken, jnp.eye(16))
    assert found.total.cost.matmul_flops == (2 if taken else 1) * 2 * 16**3
    missing = [each for each in found.caveats if "without events" in each]
    assert not missing  # the other branch is not missing: it was not taken


def test_a_program_that_donates_survives_its_runs():
    update = jax.jit(lambda w, x: w - x, donate_argnums=0)
    w = jnp.ones(8)
    assert profile(update, runs=3)(w, w).spans
    assert w.sum() == 8


def test_peaks_are_each_kinds_own_and_beyond_them_is_impossible():
    slow = profile(scanned, runs=2, device=SLOW)(*SCANNED)
    assert {"layer forward", "readout forward"} <= {row.key for row in slow.impossible}
    assert "IMPOSSIBLE: layer forward" in str(slow)
    assert slow.by("scope")["layer"].peak_seconds == 7 * 2 * 32 * 64 * 64
    fast = profile(scanned, runs=2, device=FAST)(*SCANNED)
    assert not fast.impossible
    for row in fast.by("site").values():
        assert row.above_ideal <= row.seconds


def test_without_peaks_there_are_seconds_and_no_shares_of_a_peak(taken, monkeypatch):
    monkeypatch.setattr("jaxflops.profiling.find_device", lambda name: None)
    found = profile(scanned, runs=1)(*SCANNED)
    assert (found.device, found.total.of_peak, found.total.above_ideal) == (None, None, None)
    assert found.slowest(3)[0].seconds == max(
        r.seconds for k, r in found.by("site").items() if k != BETWEEN
    )
    assert "no peaks known for cpu" in str(found)


def test_slowest_are_those_most_above_their_ideal(taken):
    rows = taken.slowest(3)
    above = [row.above_ideal for row in rows]
    assert len(rows) == 3
    assert above == sorted(above, reverse=True)


def test_json_holds_everything(taken, tmp_path):
    data = taken.to_json(tmp_path / "profile.json")
    assert json.loads((tmp_path / "profile.json").read_text()) == data
    assert math.isclose(sum(row["seconds"] for row in data["sites"]), data["device_seconds"])
    assert {each["explained_by"] for each in data["instructions"]} <= {
        "scope", "line", "inferred", "none"
    }  # fmt: skip


@pytest.mark.parametrize("scale", [1e-4, 1, 7e5])
def test_the_report_is_readable_at_100_columns(step, scale):
    """Whatever the seconds: from a device that is 10,000 times faster to one much slower."""
    items = [each._replace(seconds=each.seconds * scale) for each in step[0].items]
    spans = tuple(span * scale for span in step[0].spans)
    text = str(replace(step[0], items=tuple(items), spans=spans, between=step[0].between * scale))
    assert max(map(len, text.splitlines())) <= 100
    for word in ("explained by a site", "inferred", "trips inferred 2, observed 2", "total"):
        assert word in " ".join(text.split())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: profile(scanned, jnp.ones(3)), "the arguments go in a second call"),
        (lambda: profile(scanned, runs=0), "runs=0: write how many calls to record, at least 1"),
        (lambda: profile(scanned, device="abacus"), "device='abacus' is not known"),
        (lambda: profile(scanned, mode="vjp"), "write 'call', 'grad' or 'value_and_grad'"),
        (
            lambda: profile(jax.jit(scanned).lower(*SCANNED), mode="grad"),
            "differentiates a function",
        ),
        (lambda: profile(lambda x: x @ x)(jf.spec("f32[2,3]")), "trace failed"),
        (lambda: profile(3)(), "got int"),
    ],
)
def test_wrong_input_says_what_to_write(call, message):
    with pytest.raises(JaxflopsError, match=message):
        call()


@pytest.mark.parametrize(("length", "runs"), [(7, 5), (8_000, 3), (1_000_000, 1)])
def test_long_loops_are_recorded_less_often(length, runs):
    def long(x):
        return lax.fori_loop(0, length, lambda _, x: jnp.sin(x @ x), x)

    tree = walk(read_module(jax.jit(long).lower(jnp.eye(4)).compile()))
    assert affordable_runs(tree) == pytest.approx(runs, abs=1 if 1 < runs < 5 else 0)


def test_what_recording_costs_is_a_caveat():
    assert Recorded(None, (1.0, 3.0, 9.0), (2.0, 2.5, 3.0)).caveats == ()
    (told,) = Recorded(None, (2.0, 6.0), (1.0, 1.0)).caveats
    assert told.startswith("recording made a call 4.0 times slower")


def test_programs_in_every_stage_can_be_profiled(taken):
    jitted = jax.jit(jax.grad(scanned))
    for stage in (jitted, jitted.trace(*SCANNED), jitted.lower(*SCANNED).compile()):
        found = profile(stage, runs=1)(*(SCANNED if stage is jitted else ()))
        assert found.total.cost == taken.total.cost


def test_a_view_that_there_is_not(taken):
    with pytest.raises(JaxflopsError, match="write one of 'scope', 'source'"):
        taken.by("colour")
    with pytest.raises(JaxflopsError, match="shortens scope paths only"):
        taken.by("phase", depth=1)


def test_a_profile_within_a_profile_is_refused(tmp_path):
    with jax.profiler.trace(str(tmp_path)), pytest.raises(JaxflopsError, match="stop_trace"):
        profile(lambda x: x + 1, runs=1)(jnp.ones(3))


def test_no_events_say_what_to_do(monkeypatch):
    monkeypatch.setattr("jaxflops.profiling.read", lambda *_: [])
    with pytest.raises(JaxflopsError, match="XLA_FLAGS=--xla_gpu_enable_command_buffer="):
        profile(lambda x: x + 1, runs=1)(jnp.ones(3))


def test_a_trace_without_a_whole_run_is_taken_again(monkeypatch):
    taken = []

    def cut_once(*args):
        events = read(*args)
        taken.append(len(events))
        return events if len(taken) > 1 else [each._replace(whole=False) for each in events]

    monkeypatch.setattr("jaxflops.profiling.read", cut_once)
    assert profile(lambda x: x + 1, runs=2)(jnp.ones(3)).spans
    assert len(taken) > 1


def test_a_program_that_fails_says_so():
    def host(x):
        return jax.pure_callback(lambda _: 1 / 0, jax.ShapeDtypeStruct((), x.dtype), x)

    with pytest.raises(JaxflopsError, match="host: running it failed"):
        profile(host, runs=1)(jnp.float32(1))


def test_each_device_runs_its_shard():
    """Four devices, three calls: twelve runs, each of a quarter of the work."""
    script = Path(__file__).parent / "sharded_profile.py"
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu"}
    ran = subprocess.run(
        [sys.executable, script],
        env={**os.environ, **flags},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    data = json.loads(ran.stdout.splitlines()[-1])
    assert 1 <= data["runs"] <= 12
    assert data["matmul_flops"] == 2 * 2 * 128 * 64 * 64 // 4
    assert {"up forward", "up backward"} <= set(data["sites"])
    assert data["whole_cpu"]  # each may have all cores for a while: a quarter is no peak
