"""Wrong input is one message that says what to write instead, and exit code 2."""

from pathlib import Path

import pytest

WRONG = {
    # the words
    "": "the following arguments are required: VERB (see jaxflops --help)",
    "analyse program:loss": "invalid choice: 'analyse'",
    "analyze": "the following arguments are required: target (see jaxflops analyze --help)",
    "analyze program:loss --nosuch": "unrecognized arguments: --nosuch",
    # the target
    "analyze jaxflops.models": "write jaxflops.models:function, with a function that it defines",
    "analyze program.py": "write program.py:function, with a function that it defines",
    "analyze jaxflops.models.two_layer": "names no function; write jaxflops.models:two_layer",
    "analyze progam:loss": "no module 'progam' in {cwd} or in this environment; "
    "did you mean 'program'",
    "analyze jaxflops.model:mlp": "no module 'jaxflops.model' in {cwd} or in this environment; "
    "did you mean 'jaxflops.models'",
    "analyze progam.py:loss": "no file progam.py in {cwd}; did you mean 'program.py'?",
    "analyze program:los": "program has no 'los'; did you mean 'loss'",
    "analyze program:zzz": "program has no 'zzz'; it has Net, branchy, choice, ",
    "analyze program:Net.aply": "program has no 'aply'; did you mean 'apply'?",
    "analyze program:number": "program:number is no function but int",
    "analyze broken:f": "importing broken failed: ModuleNotFoundError: No module "
    "named 'nothing_here'",
    "analyze syntax.py:f": "importing syntax.py failed: SyntaxError: invalid syntax",
    "analyze leaves:f": "importing leaves failed: SystemExit: 0",
    "compile nothere.txt": "no file nothere.txt in {cwd}; write the path of a dump, or "
    "module:function",
    "compile dumps/nothere": "no file dumps/nothere in {cwd}; write the path of a dump",
    "compile .": ". is a folder; write the path of a dump, or module:function",
    "compile program.py": "write program.py:function, with a function that it defines",
    "compile two_layer": "'two_layer' names no function; write module:function",
    # the arguments
    "analyze program:no_example": "no_example(x, params) has no example arguments; write "
    '--args with one spec each, separated by spaces, as in --args "f32[8,128] f32[8,128]"',
    'analyze program:loss --args "f32[8,16]"': "loss(x, w) does not take the given arguments: "
    "missing a required argument: 'w'; write --args with one spec each, separated by spaces, as in "
    '--args "f32[8,16] f32[16,4]"',
    "analyze jaxflops.models:two_layer --args f32[3]": 'as in --args "float32[B,D] float32[D,D] '
    'float32[D,K]"',
    'analyze program:loss --args "f32[8,16] q32[16,4]"': "unknown dtype 'q32'; write f32, bf16",
    'analyze program:loss --args "f32[8,16"': "the '[' of f32 has no closing ']'; write f32[8,128]",
    "analyze program:wrong_example": "example_args of wrong_example is int; make it a tuple",
    'analyze program:loss --args "f32[8,16] f32[7,4]"': "loss does not trace: TypeError: "
    "dot_general requires contracting dimensions to have the same shape, got (16,) and (7,).",
    "analyze program:raises --args f32[3]": "raises does not trace: ValueError: negative learning "
    "rate (check that it runs under jax.jit with these arguments)",
    "analyze program:branchy --args f32[3]": "use jax.lax.cond",
    # the options
    "analyze program:loss --mode grads": "argument --mode: 'grads': write one of call, grad, "
    "value_and_grad, vjp; did you mean 'grad'?",
    "analyze program:vector --args f32[3] --mode grad": "Gradient only defined for scalar-output",
    "analyze program:loss --argnums 1": "--argnums chooses what is differentiated: add --mode grad",
    "analyze program:loss --mode grad --argnums x": "'x': write positions of arguments, as in 0 or "
    "0,1,2",
    "analyze program:loss --mode grad --argnums 5": "argnums=5, but the function got 2 positional "
    "arguments; write positions from 0 to 1",
    "analyze program:loss --by primitive,scop": "'scop': write one of primitive, scope, source, "
    "dtype, kind, phase; did you mean 'scope'?",
    "analyze program:loss --depth 2": "--depth shortens scope paths: add --by scope",
    "analyze program:loss --by scope --depth 0": "'0': write a whole number, at least 1",
    "analyze program:loss --top -1": "'-1': write a whole number, at least 0",
    "analyze program:loss --conv same": "'same': write one of taps, nominal",
    "analyze program:choice --branch first": "'first': write max, min, sum, or a branch's index",
    "analyze program:choice --branch 7": "branch=7, but it has branches 0..1",
    "analyze program:loop --trips 3": "'3': write model.py:12=8 or scope/path=8",
    "analyze program:loop --trips program.py:1=3": "no open loop at 'program.py:1'; a hint names "
    "a loop by its scope path or its file:line, and the open loops are at: 'program.py:",
    "analyze program:loss --at B": "'B': write B=32 or B=32,D=512, with whole numbers",
    "analyze program:loss --at B=1.5": "'B=1.5': write B=32 or B=32,D=512, with whole numbers",
    "analyze jaxflops.models:two_layer --at Q=3": "the open symbols are: B, D, K",
    "analyze program:loss --set layers=3": "program:loss has no settings; --set is for models",
    "analyze program:loss --preset tiny": "program:loss has no presets; --preset is for models",
    "analyze jaxflops.models:mlp --set layers": "'layers': write name=value, as in layers=64",
    "analyze jaxflops.models:mlp --set leyers=3": "'mlp' has no setting 'leyers'; write one of:",
    "analyze jaxflops.models:mlp --preset big": "model 'mlp' has no preset 'big'; write one of:",
    "analyze program:loss --json nosuch/out.json": "cannot write nosuch/out.json: No such file or "
    "directory; give a path in a folder that exists",
}


@pytest.mark.parametrize("command", WRONG)
def test_wrong_input_is_one_message_that_says_what_to_write(command, folder, run):
    code, out, err = run(command)
    assert WRONG[command].format(cwd=Path.cwd()) in err
    assert err.startswith("jaxflops: ")
    assert "Traceback" not in err
    assert (code, out) == (2, "")


def test_debug_shows_the_traceback(run):
    code, _, err = run("analyze program:raises --args f32[3] --debug")
    assert code == 2
    assert "Traceback" in err
    assert "negative learning rate" in err.splitlines()[-1]


def test_a_fault_of_ours_is_told_from_wrong_input(monkeypatch, run):
    monkeypatch.setattr("jaxflops.report.blocks.report", lambda _: 1 / 0)
    code, _, err = run("analyze program:loss")
    assert code == 3
    assert err == (
        "jaxflops: unexpected ZeroDivisionError: division by zero "
        "(a fault of jaxflops; see it with --debug)\n"
    )
