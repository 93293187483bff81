"""The README says what the code does: its table, its printed derivation, its Python."""

import re
import shlex
from pathlib import Path

import pytest

from jaxflops import conventions
from jaxflops.cli import main
from jaxflops.jaxpr.registry import COST_RULES

README = (Path(__file__).parent.parent / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_conventions_are_quoted() -> None:
    assert conventions.markdown() in README


def test_the_first_command_prints_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    command = blocks("sh")[0].split(" && ")[-1]
    words = shlex.split(command)
    assert words[0] == ".venv/bin/jaxflops"
    assert main(words[1:]) == 0
    printed = capsys.readouterr().out
    (shown,) = (block for block in blocks("text") if "w2.grad = h1.T @ h2.grad" in block)
    assert shown.strip() in printed


def test_a_new_user_adds_a_rule(capsys: pytest.CaptureFixture[str]) -> None:
    """In under 15 lines, the primitive itself included."""
    (block,) = (block for block in blocks("python") if "cost_rule(" in block)
    assert len([line for line in block.splitlines() if line.strip()]) < 15
    exec(compile(block, "README.md", "exec"), {})
    try:
        printed = capsys.readouterr().out
        assert "FLOPs = 640·B\n" in printed
        assert "coverage 100 % of 1 equations" in printed
    finally:
        del COST_RULES["blur"]


def test_the_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks("python")[0], "README.md", "exec"), {})
    assert (tmp_path / "cost.json").exists()
