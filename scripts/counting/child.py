"""One counter on one case in a process of its own: it may fail, crash or hang, and says so.

    python -m counting.child CASE COUNTER

The child's last line is JSON, `{"value": 196608}` or `{"error": "TypeError", "why": "..."}`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

SCRIPTS = Path(__file__).parents[1]
NOT_INSTALLED = "not installed"


class Answer(NamedTuple):
    """What a counter said: a value, or an error in one word and the message that came with it."""

    value: int | None
    error: str = ""
    why: str = ""


def ask(case: str, counter: str, timeout: float) -> Answer:
    """The answer of `counter` on `case`, in a child process on the CPU."""
    return answer_of([sys.executable, "-m", "counting.child", case, counter], timeout)


def answer_of(command: Sequence[str], timeout: float) -> Answer:
    """The last line of what a command prints, as an answer, or how the command ended instead."""
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    try:
        done = subprocess.run(  # noqa: S603 - the command is our own
            command, cwd=SCRIPTS, env=environment, timeout=timeout,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Answer(None, "timeout", f"no answer in {timeout:g} s")
    if done.returncode < 0:
        return Answer(None, signal.Signals(-done.returncode).name, _last_line(done.stderr))
    said = _json(_last_line(done.stdout))
    if done.returncode or said is None:
        return Answer(None, "crashed", _last_line(done.stderr) or f"exit code {done.returncode}")
    return Answer(said.get("value"), said.get("error", ""), said.get("why", ""))


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


def _json(line: str) -> dict[str, Any] | None:
    """An answer, or None for a line that is none."""
    try:
        said = json.loads(line)
    except json.JSONDecodeError:
        return None
    good = isinstance(said, dict) and (type(said.get("value")) is int or said.get("error"))
    return said if good else None


def answer(case: str, counter: str) -> dict[str, Any]:
    """What the child prints."""
    from counting.cases import CASES
    from counting.counters import COUNTERS

    chosen = COUNTERS[counter]
    try:
        return {"value": chosen.ask(CASES[case])}
    except Exception as error:  # noqa: BLE001 - whatever a counter raises is its answer
        missing = chosen.package and getattr(error, "name", None) == chosen.package
        word = NOT_INSTALLED if missing else type(error).__name__
        return {"error": word, "why": _last_line(str(error))}


if __name__ == "__main__":
    print(json.dumps(answer(*sys.argv[1:])))
