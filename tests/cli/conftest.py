"""A working directory with a user's program, and the command run in it."""

import contextlib
import io
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from jaxflops.cli import main

PROGRAM = Path(__file__).parent / "user_program.py"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The working directory."""
    shutil.copy(PROGRAM, tmp_path / "program.py")
    (tmp_path / "broken.py").write_text("import nothing_here\n")
    (tmp_path / "syntax.py").write_text("def f(:\n")
    (tmp_path / "leaves.py").write_text("raise SystemExit(0)\n")
    monkeypatch.chdir(tmp_path)
    for name in ("program", "broken", "syntax", "leaves"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


@pytest.fixture
def run():
    """Command line -> (exit code, standard output, standard error)."""

    def call(command):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(shlex.split(command))
        return code, out.getvalue(), err.getvalue()

    return call


@pytest.fixture
def ok(run):
    """Command line -> standard output of a command that works."""

    def call(command):
        code, out, err = run(command)
        assert (code, err) == (0, "")
        return out

    return call
