"""`jaxflops measure` and `jaxflops devices`: what they print, write and return."""

import json

import pytest

from jaxflops.machine.device import Device
from jaxflops.machine.devices import known
from jaxflops.report import devices as report

TWO_LAYER = "measure jaxflops.models:two_layer --at B=8,D=16,K=4 --samples 6"


def test_json_to_standard_output(ok, folder):
    data = json.loads(ok(f"{TWO_LAYER} --json -"))
    assert len(data["sample_seconds"]) == 6
    assert not (folder / "-").exists()


def test_a_gradient_is_measured(run, folder):
    code, out, err = run(f"{TWO_LAYER} --mode grad --device tpu-v5e --json out.json")
    assert (code, err) == (0, "")
    assert out.startswith("two_layer on cpu\ntrace ")
    assert "median of 6 samples" in out
    assert "datasheet peaks of TPU v5e" in " ".join(out.split())
    assert "differentiated: w1, w2 (two_layer's own argnums)" in out
    data = json.loads((folder / "out.json").read_text())
    forward = 2 * 8 * 16 * 16 + 2 * 8 * 16 * 4
    backward = forward + 2 * 8 * 16 * 4
    assert data["counts"]["matmul_flops"] == forward + backward
    assert sum(data["mfu"]["flops"].values()) == forward + backward
    assert len(data["sample_seconds"]) == 6
    assert data["environment"]["platform"] == "cpu"
    assert "machine" not in data["environment"]


def test_more_than_a_peak_is_exit_code_1(run, monkeypatch):
    slow = Device("slow", "Slow", "cpu", "", {"fp32": 1.0}, {}, None, None, None, "", "")
    monkeypatch.setattr("jaxflops.measuring.find_device", lambda name: slow)
    code, out, err = run(TWO_LAYER)
    assert code == 1
    assert "MFU: IMPOSSIBLE" in out
    assert "more than 100 % of a peak" in err


def test_an_open_loop_is_not_impossible(run, folder):
    (folder / "loop.py").write_text(
        "import jax\n"
        "def loop(x, n):\n"
        "    return jax.lax.while_loop(lambda c: c[0] < n, lambda c: (c[0]+1, c[1] @ x), (0, x))\n"
    )
    code, out, _ = run('measure loop.py:loop --args "f32[4,4] i32[]" --samples 3 --json loop.json')
    assert code == 0
    assert "MFU: not given: open trip counts trips(loop.py:3)" in out
    assert (
        json.loads((folder / "loop.json").read_text())["mfu"]
        == "open trip counts: trips(loop.py:3)"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "a measurement needs a number for B, D, K: write --at B=8,D=8,K=8"),
        ("--at B=2,D=3", "a measurement needs a number for K: write --at B=2,D=3,K=8"),
        ("--at B=2,D=3,K=4,Q=5", "--at Q: the arguments' symbols are: B, D, K"),
        ("--at B=2,D=3,K=4 --mode vjp", "--mode vjp has no program to run"),
        ("--at B=2,D=3,K=4 --device X1", "device='X1' is not known"),
    ],
)
def test_what_cannot_be_measured_says_what_to_write(words, message, run):
    code, _, err = run(f"measure jaxflops.models:two_layer --samples 3 {words}")
    assert code == 2
    assert message in err


def test_a_failing_program_is_one_message(run, folder):
    (folder / "fails.py").write_text(
        "import jax\n"
        "def fails(x):\n"
        "    def boom(y):\n"
        "        raise ValueError('boom')\n"
        "    return jax.pure_callback(boom, x, x)\n"
    )
    code, _, err = run('measure fails.py:fails --args "f32[4]"')
    assert code == 2
    assert "fails: failed before its first call" in err
    assert "boom" in err


def test_devices_are_listed_with_sources(ok):
    out = ok("devices")
    assert out.startswith("attached: 1 x cpu: ")
    for device in known():
        assert f"\n{device.id} " in out
    assert "h100-sxm5" in out
    legend = [line for line in out.splitlines() if line[1:3] == ": "]
    assert len(legend) == len({s for d in known() for s in d.source.split("; ")})


def test_a_device_is_described(ok):
    out = ok('devices "NVIDIA H100 80GB HBM3"')
    assert out == ok("devices h100-sxm5")
    assert "bf16 989.4 TFLOP/s" in out
    assert "int8 1.979 Pop/s" in " ".join(out.split())
    assert "read 2026-11, confidence high" in out


def test_an_unknown_device_is_no_guess(run, monkeypatch):
    code, _, err = run("devices NVIDIA")
    assert code == 2
    assert "'NVIDIA' is not known, or fits several: see `jaxflops devices`" in err
    monkeypatch.setattr("jaxflops.machine.devices.device", lambda d=None: None)
    assert "no source gives its peaks: no MFU, and no guess" in run("devices")[1]


def test_derived_peaks_are_marked():
    made = Device("cpu", "A CPU", "cpu", "x", {"fp32": 1e12}, {}, None, None, None, "", "2026-11",
                  "derived", derived=True)  # fmt: skip
    assert "(derived, not from a datasheet)" in report.describe(made)
    assert "bandwidth unknown" in report.describe(made)
    assert report.table([made]).splitlines()[2].endswith("derived")
