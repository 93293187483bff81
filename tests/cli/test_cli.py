"""The command line: what it prints, writes and returns."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import jaxflops as jf
from jaxflops.cli import main, options, values
from jaxflops.jaxpr.program import Mode
from jaxflops.models import two_layer


def test_the_printed_report_is_str(ok):
    assert (
        ok("analyze jaxflops.models:two_layer")
        == f"{jf.analyze(two_layer)(*two_layer.example_args())}\n"
    )


def test_the_two_layer_network_is_derived(ok):
    out = ok(
        'analyze jaxflops.models:two_layer --args "f32[B,D] f32[D,D] f32[D,K]" --mode grad --derive'
    )
    for form in ("h1 = x @ w1", "h2 = h1 @ w2", "h1.grad = h2.grad @ w2.T",
                 "w1.grad = x.T @ h1.grad", "w2.grad = h1.T @ h2.grad"):  # fmt: skip
        assert form in out
    assert "x.grad" not in out
    assert out.endswith(
        "differentiated: w1, w2 (two_layer's own argnums); for x too: --argnums 0,1,2\n"
    )


@pytest.mark.parametrize("given", ["--argnums -1", "--argnums=-1", "--argnums 2"])
def test_argnums_from_the_end(ok, given):
    out = ok(f"analyze jaxflops.models:two_layer --mode grad {given}")
    assert out.endswith("differentiated: w2 (as --argnums says); for x, w1 too: --argnums 0,1,2\n")


def test_argnums_add_the_input_gradient(ok):
    out = ok("analyze jaxflops.models:two_layer --mode grad --derive --argnums 0,1,2")
    assert "x.grad = h1.grad @ w1.T" in out
    assert "backward / forward = 2 (contraction FLOPs)" in out
    assert out.endswith("differentiated: x, w1, w2 (as --argnums says)\n")


@pytest.mark.parametrize("target", ["program:tree", "program.py:tree", "./program.py:tree"])
def test_example_arguments_are_those_of_the_function(target, ok):
    shown = ok(f"analyze {target}")
    assert shown == ok('analyze program:tree --args "f32[2,3] {w: f32[3,4]}"')
    assert f"FLOPs = {2 * 2 * 3 * 4 + (2 * 4 - 1)}\n" in shown


def test_a_jitted_function_carries_its_example_too(ok):
    assert "x: float32[4]" in ok("analyze program:jitted")


def test_a_file_imports_what_lies_beside_it(ok, folder):
    (folder / "sub").mkdir()
    (folder / "sub" / "beside_it.py").write_text("FACTOR = 3.0\n")
    late = "def loss(x):\n    from beside_it import FACTOR\n    return x * FACTOR\n"
    (folder / "sub" / "late.py").write_text(late)
    assert "FLOPs = 5\n" in ok("analyze sub/late.py:loss --args f32[5]")


def test_dots_reach_into_classes(ok):
    assert ok("analyze program:Net.apply --args f32[3]").startswith("apply, mode 'call'")


def test_numbers_and_words_are_static_arguments(run):
    code, out, err = run("""analyze program:power --args "f32[3] 2 lr=0.5 mode='max'" """)
    assert (code, err) == (0, "")
    assert out.startswith("power, mode 'call'\nx: float32[3]\n")


def test_integer_arguments_are_not_offered_for_differentiation(ok):
    out = ok("analyze program:tokens --mode grad --argnums 1")
    assert out.endswith("differentiated: table (as --argnums says)\n")


def test_settings_and_presets(ok):
    out = ok("analyze jaxflops.models:mlp --preset tiny --set layers=2 batch=3 --set width=5")
    assert f"in contractions = {2 * (2 * 3 * 5 * 5)}\n" in out


def test_sizes_for_symbols(ok):
    out = ok("analyze jaxflops.models:two_layer --at B=2,D=3")
    assert "open sizes: K" in out
    assert f"in contractions = 12·K + {2 * 2 * 3 * 3}\n" in out
    assert "sizes: B=2, D=3" in out


def test_a_table_for_each_key(ok):
    out = ok("analyze jaxflops.models:transformer --preset tiny --by scope,primitive --top 2")
    assert "\nscope  " in out
    assert "\nprimitive  " in out
    assert out.count(" more  ") == 2
    deep = ok("analyze jaxflops.models:transformer --preset tiny --by scope")
    assert "layers/" in deep
    assert "layers/" not in ok(
        "analyze jaxflops.models:transformer --preset tiny --by scope --depth 1"
    )


def test_trips_close_a_loop(ok):
    assert "trips(program.py:" in ok("analyze program:loop")
    place = next(
        i
        for i, line in enumerate(Path("program.py").read_text().splitlines(), 1)
        if "while_loop" in line
    )
    out = ok(f"analyze program:loop --trips program.py:{place}=8")
    assert f"trip count given for 'program.py:{place}'" in out
    assert "open sizes" not in out


def test_branch_policies(ok):
    assert f"FLOPs = {2 * 4**3}\n" in ok("analyze program:choice")
    assert f"FLOPs by the branches taken: {4 * 4} to {2 * 4**3}\n" in ok("analyze program:choice")
    assert f"FLOPs = {4 * 4}\n" in ok("analyze program:choice --branch min")


def test_convolution_taps(ok):
    inside = 2 * (2 + 3 + 3 + 2) ** 2  # of 3 x 3 taps, those on a 4 x 4 image
    assert f"in contractions = {inside}\n" in ok("analyze program:conv")
    nominal = ok("analyze program:conv --conv nominal")
    assert f"in contractions = {2 * 9 * 16}\n" in nominal
    assert "convolutions count every tap, padding included" in " ".join(nominal.split())


def test_has_aux(ok):
    assert "mode 'grad'" in ok("analyze program:pair --mode grad --has-aux")


def test_json_is_what_load_reads(folder, ok):
    out = ok("analyze jaxflops.models:two_layer --mode grad --argnums 0,1,2 --json out.json")
    read = jf.load(folder / "out.json")
    assert out.startswith(str(read))
    assert read.ratio == 2
    assert json.loads((folder / "out.json").read_text())["version"] == 1


@pytest.mark.parametrize("verb", ["analyze", "analyze --strict --by scope", "compile"])
def test_json_to_standard_output_is_all_that_is_printed(ok, folder, verb):
    command = f"{verb} program:loss --mode grad"
    ok(f"{command} --json out.json")
    assert json.loads(ok(f"{command} --json -")) == json.loads((folder / "out.json").read_text())
    assert not (folder / "-").exists()


def test_latex_to_standard_output(ok, run, folder):
    command = "analyze jaxflops.models:two_layer --mode grad"
    ok(f"{command} --latex out.tex")
    assert ok(f"{command} --latex - --json out.json") == (folder / "out.tex").read_text()
    assert jf.load(folder / "out.json").ratio
    code, out, err = run(f"{command} --latex - --json -")
    assert (code, out) == (2, "")
    assert "--json and --latex cannot both be `-`: write one to a file" in err


def test_strict_reports_and_fails(run):
    code, out, err = run("analyze program:mystery --strict --json out.json")
    assert code == 1
    assert "1 x mystery(float32[4])" in out
    assert "coverage 50 % of 2 equations" in out
    assert err == "jaxflops: --strict: no cost rule for mystery; write one with @jf.cost_rule\n"
    assert [item.name for item in jf.load("out.json").unknown] == ["mystery"]
    summary = json.loads(Path("out.json").read_text())["summary"]
    assert summary["coverage"] == {"known": 1, "equations": 2}
    assert [item["primitive"] for item in summary["unknown"]] == ["mystery"]
    assert run("analyze program:mystery")[0] == 0


def test_interrupted(monkeypatch, run):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("jaxflops.report.blocks.report", interrupted)
    assert run("analyze program:loss") == (130, "", "jaxflops: interrupted\n")


def test_a_reader_that_goes_away(monkeypatch):
    class Closed(io.StringIO):
        def write(self, _):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    assert main(["analyze", "program:loss"]) == 141


def test_help_and_version(capsys):
    assert main(["--help"]) == 0
    assert "jaxflops analyze jaxflops.models:two_layer" in capsys.readouterr().out
    assert main(["analyze", "--help"]) == 0
    assert "loss.example_args" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith(f"jaxflops {jf.__version__} (jax ")


def test_the_import_path_is_left_as_it_was(run):
    before = list(sys.path)
    run("analyze program:loss")
    run("analyze broken:f")
    run("analyze program.py:loss")
    assert sys.path == before


def test_modes_are_those_of_analyze():
    assert get_args(Mode) == options.MODES


def test_near_names():
    assert values.near("grads", ["grad", "call"]) == "; did you mean 'grad'?"
    assert values.near("xyz", ["grad", "call"]) == ""


def test_as_a_process(folder):
    """The command as users run it, into a reader that reads one line only."""
    command = [sys.executable, "-m", "jaxflops", "analyze", "program:loss", "--mode", "grad"]
    root = str(Path(jf.__file__).parent.parent)
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert process.stdout.readline() == "loss, mode 'grad'\n"
    process.stdout.close()
    assert process.wait(60) in (0, 141)
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
