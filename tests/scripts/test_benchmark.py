"""The benchmark keeps what it has when a program fails, and says what is impossible."""

import json
import sys

import benchmark
import pytest
from benchmark_sizes import LADDERS, Budget, chosen

from jaxflops.machine.ceiling_cache import KINDS
from jaxflops.machine.ceilings import Ceilings, Point
from jaxflops.machine.peaks import ceiling_key
from jaxflops.machine.roofline import Roofs

FAILING = """
import jax, jax.numpy as jnp

def memory(x):
    return jnp.zeros((2**45,)).at[0].set(x).sum()

memory.example_args = (jnp.float32(1.0),)

def boom(x):
    raise ValueError("boom")

boom.example_args = (jnp.float32(1.0),)
"""


def ceilings(rate):
    points = {ceiling_key(kind): (Point(256, rate),) for kind in KINDS}
    return Ceilings("cpu", {}, points, (Point(2**20, rate),), 1e-6, "2026-11-25")


def run(tmp_path, monkeypatch, *words, rate=1e15):
    monkeypatch.setattr(benchmark, "ceilings", lambda *_, **__: ceilings(rate))
    monkeypatch.setattr(
        sys, "argv", ["benchmark.py", "--out", str(tmp_path), "--name", "t", *words]
    )
    code = benchmark.main()
    return code, json.loads((tmp_path / "t.json").read_text())


def test_rows_before_and_after_a_failure_are_kept(tmp_path, monkeypatch, capsys):
    (tmp_path / "fails.py").write_text(FAILING)
    programs = [
        w for name in ("memory", "boom") for w in ("--program", f"{tmp_path}/fails.py:{name}")
    ]
    saved = []
    real = benchmark.Results.save

    def save(self, running=None):
        real(self, running)
        saved.append(json.loads(self.path.read_text()))

    monkeypatch.setattr(benchmark.Results, "save", save)
    code, data = run(
        tmp_path, monkeypatch, "--quick", "--models", "two_layer", "--seconds", "0.05", *programs
    )
    assert code == 1
    assert [(r["model"], r["program"]) for r in data["rows"]] == [
        ("two_layer", "forward"),
        ("two_layer", "train step"),
        ("memory", "program"),
        ("boom", "program"),
    ]
    memory, boom = data["rows"][2:]
    assert "emory" in memory["failed"]
    assert boom["failed"] == "boom: trace failed: ValueError: boom"
    printed = capsys.readouterr().out
    assert "boom program: FAILED: boom: trace failed: ValueError: boom" in printed
    assert "failed: memory program, boom program" in printed
    # While the third program runs, the first two are on disk, and the file says what is running.
    assert saved[2]["running"] == "memory program"
    assert [row["seconds"] > 0 for row in saved[2]["rows"]] == [True, True]
    assert "| boom | program | FAILED: boom: trace failed" in (tmp_path / "t.md").read_text()
    text = (tmp_path / "t.json").read_text()
    assert str(tmp_path) not in text


def test_more_than_a_ceiling_is_impossible(tmp_path, monkeypatch, capsys):
    words = ("--quick", "--models", "two_layer", "--seconds", "0.05")
    code, data = run(tmp_path, monkeypatch, *words, rate=1e3)
    assert code == 1
    assert any("mfu_of_ceiling" in text for text in data["rows"][0]["impossible"])
    assert any("ideally" in text for text in data["rows"][0]["impossible"])
    assert "IMPOSSIBLE: two_layer forward: mfu_of_ceiling" in capsys.readouterr().out


def test_a_misspelt_model_is_refused(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(tmp_path, monkeypatch, "--models", "two_layr")
    assert "--models two_layr: write some of two_layer,mlp" in capsys.readouterr().err


def test_sizes_follow_memory_and_time():
    roofs = Roofs("toy", lambda kind: 1e12, lambda size: None)

    def rung(memory, seconds):
        ((_, model),) = chosen(["mlp"], Budget(memory, seconds), roofs)
        return LADDERS["mlp"].index(model)

    # The third rung takes 3 GFLOP a step, keeps 17 MB of parameters three times and the layers.
    assert rung(2**40, 1e3) == 3
    assert rung(2**40, 0.01) == 2
    assert rung(2**40, 1e-9) == 0
    assert rung(2**28, 1e3) == 2
    assert rung(2**20, 1e3) == 0


def test_a_function_may_make_its_example_when_it_is_its_turn(tmp_path, monkeypatch):
    (tmp_path / "own.py").write_text(
        "import jax.numpy as jnp\n"
        "def made(x):\n    return x @ x\n"
        "def drawn(x):\n    return x @ x\n"
        "made.example_args = lambda: (jnp.ones((8, 8)),)\n"
        "drawn.example_args = 'f32[8,8]'\n"
    )
    words = [f"--program={tmp_path}/own.py:{name}" for name in ("made", "drawn")]
    _, data = run(tmp_path, monkeypatch, "--models", "", "--seconds", "0.01", *words)
    assert [row.get("failed") for row in data["rows"]] == [None, None]


def test_a_program_that_is_not_there_is_refused_before_anything_runs(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(tmp_path, monkeypatch, "--program", f"{tmp_path}/nowhere.py:f")
    assert "error: --program: no file" in capsys.readouterr().err
