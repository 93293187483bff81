"""`jaxflops profile`: what it prints, writes and returns."""

import json

import pytest

from jaxflops.machine.device import Device

TWO_LAYER = "profile jaxflops.models:two_layer --at B=8,D=16,K=4 --runs 2"


def test_json_to_standard_output(ok):
    assert json.loads(ok(f"{TWO_LAYER} --json -"))["instructions"]


def test_a_gradient_is_profiled(run, folder):
    code, out, err = run(
        f"{TWO_LAYER} --mode grad --device tpu-v5e --by site,source --json out.json"
    )
    assert (code, err) == (0, "")
    assert out.startswith("two_layer on cpu: ")
    assert "explained by a site of the program" in " ".join(out.split())
    assert "datasheet peaks of TPU v5e" in " ".join(out.split())
    assert "two_layer.py:46" in out
    assert "differentiated: w1, w2 (two_layer's own argnums)" in out
    data = json.loads((folder / "out.json").read_text())
    forward = 2 * 8 * 16 * 16 + 2 * 8 * 16 * 4
    assert len(data["run_seconds"]) <= 2
    assert sum(each["flops"] for each in data["instructions"]) >= 2 * forward
    assert sum(each["flops"] for each in data["sites"]) == sum(
        each["flops"] for each in data["instructions"]
    )


def test_more_than_a_peak_is_exit_code_1(run, monkeypatch):
    slow = Device("slow", "Slow", "cpu", "", {"fp32": 1.0}, {}, None, None, None, "", "")
    monkeypatch.setattr("jaxflops.profiling.find_device", lambda name: slow)
    code, out, err = run(TWO_LAYER)
    assert code == 1
    assert "IMPOSSIBLE" in out
    assert "above 100 % of its kinds' peaks" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "give sizes, as in --at"),
        ("--at B=8,D=16,K=4 --by colour", "'colour': write one of scope, source"),
        ("--at B=8,D=16,K=4 --runs 0", "write a whole number, at least 1"),
        ("--at B=8,D=16,K=4 --mode vjp", "write 'call', 'grad' or 'value_and_grad'"),
        ("--at B=8,D=16,K=4 --device abacus", "device='abacus' is not known"),
    ],
)
def test_wrong_input_is_exit_code_2(run, words, message):
    code, out, err = run(f"profile jaxflops.models:two_layer {words}")
    assert (code, out) == (2, "")
    assert message in err
