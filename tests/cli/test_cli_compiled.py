"""`jaxflops compile` and `jaxflops compare`: what they print, write and return."""

import json
from pathlib import Path

import pytest

import jaxflops as jf
from jaxflops.compare.causes import CAUSES
from jaxflops.models import two_layer

DUMPS = Path(__file__).parents[1] / "hlo" / "dumps"
SIZES = "--at B=8,D=16,K=4"
TWICE = "import jax.numpy as jnp\n\n\ndef f(x, w):\n    return jnp.sin(x @ w) + jnp.cos(x @ w)\n"


def test_compile_prints_the_report(ok):
    args = jf.specs("f32[8,16]", "f32[16,16]", "f32[16,4]")
    expected = jf.analyze_compiled(two_layer, mode="grad", argnums=two_layer.argnums)(*args)
    out = ok(f"compile jaxflops.models:two_layer {SIZES} --mode grad")
    assert out.startswith(str(expected))
    assert "differentiated: w1, w2 (two_layer's own argnums)" in out


def test_compile_has_the_tables_and_the_json(ok, folder):
    out = ok("compile program:loss --mode grad --by primitive,scope --depth 1 --json out.json")
    assert "bytes fused" in out
    assert "bytes unfused" not in out
    data = json.loads((folder / "out.json").read_text())
    assert data["format"] == "jaxflops.compiled"
    assert data["summary"]["total"]["matmul_flops"] == 2 * 2 * 8 * 16 * 4


def test_compile_reads_a_dump(ok):
    out = ok(f"compile {DUMPS / 'cuda_two_layers.txt'} --by source")
    assert "no memory analysis" in out
    proto = ok(f"compile {DUMPS / 'cuda_two_layers.pb'} --by source")
    assert "one of 4 devices" in out
    assert "the module does not say of how many" in proto
    assert proto.splitlines()[3:] == out.splitlines()[3:]


def test_strict_fails_on_an_unknown_instruction(run, folder):
    (folder / "m.txt").write_text(
        "HloModule m\nENTRY main {\n  x = f32[4]{0} parameter(0)\n  ROOT y = f32[4]{0} quux(x)\n}\n"
    )
    code, out, err = run("compile m.txt --strict")
    assert (code, err) == (1, "jaxflops: --strict: no rule for quux\n")
    assert "quux(f32[4]): no rule" in out
    assert run("compile m.txt")[0] == 0


def test_compare_prints_the_ledger(ok, folder):
    (folder / "twice.py").write_text(TWICE)
    out = ok('compare twice.py:f --args "f32[4,6] f32[6,6]" --markdown out.md')
    assert "-288  lowered to compiled: common subexpression merged (pass cse)" in out
    assert "common subexpression merged (pass cse) | -288" in (folder / "out.md").read_text()


def test_compare_writes_json_to_a_file_or_instead_of_the_text(ok, folder):
    command = f"compare jaxflops.models:two_layer {SIZES} --mode grad --no-compile"
    assert ok(f"{command} --json out.json").startswith("two_layer, mode 'grad'")
    for to_stdout in ("--json", "--json -"):
        written = json.loads((folder / "out.json").read_text())
        assert json.loads(ok(f"{command} {to_stdout}")) == written
    markdown = ok(f"{command} --markdown -")
    ok(f"{command} --markdown out.md")
    assert markdown == (folder / "out.md").read_text()


def test_compare_fails_on_what_is_unexplained(run, folder, monkeypatch):
    (folder / "twice.py").write_text(TWICE)
    monkeypatch.delitem(CAUSES, "cse")
    code, out, _ = run('compare twice.py:f --args "f32[4,6] f32[6,6]"')
    assert code == 1
    assert "NOT OK: 288 contraction FLOPs unexplained" in out


def test_compare_lowers_for_others(ok):
    out = ok(f"compare jaxflops.models:two_layer {SIZES} --target tpu")
    assert "lowered" in out
    assert "compiled" not in out


WRONG = {
    "compile jaxflops.models:two_layer": "a program is compiled for numbers: give sizes, as in "
    "--at B=64,D=64,K=64",
    "compile jaxflops.models:two_layer --at Q=3": "--at: Q: the open sizes of the arguments are: "
    "B, D, K",
    "compare jaxflops.models:two_layer --at B=3": "give sizes, as in --at D=64,K=64",
    "compile program:los": "program has no 'los'; did you mean 'loss'",
    "compile program:loss --argnums 1": "--argnums chooses what is differentiated: add --mode grad",
    "compile program:loss --depth 2": "--depth shortens scope paths: add --by scope",
    "compile program:loss --trips 3": "'3': write model.py:12=8 or scope/path=8",
    "compile program:loss --trips here.py:1=3": "no loop at 'here.py:1'",
    "compile program:raises --args f32[3]": "raises does not trace: ValueError: negative learning",
    "compile nosuch.txt": "no file nosuch.txt in ",
    "compile program:mystery": "the program does not lower: NotImplementedError",
    "compile broken.py --args f32[3]": "write broken.py:function, with a function that it defines",
    "compare program:loss --target rocm": "'rocm': write one of cpu, cuda, tpu",
    "compare program:loss --mode vjp": "mode='vjp' has no single program to compile",
    "compare program:loop": "give loops trip_counts=",
    "compare program:loop --trips here.py:1=3": "no open loop at 'here.py:1'",
    "compare program:loss --json nosuch/out.json": "cannot write nosuch/out.json",
}


@pytest.mark.parametrize("command", WRONG)
def test_wrong_input_is_one_message_that_says_what_to_write(command, run):
    code, out, err = run(command)
    assert WRONG[command] in err
    assert err.startswith("jaxflops: ")
    assert (code, out) == (2, "")


def test_a_dump_has_its_arguments(run):
    code, _, err = run(f"compile {DUMPS / 'cuda_conv.txt'} --args f32[3]")
    assert code == 2
    assert "is a module, which has its arguments: leave --args" in err
