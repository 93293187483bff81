"""Twelve counting cases, derived by hand, through jaxflops and five counters beside it.

    python scripts/scoreboard.py [--cases scan,cond] [--counters jaxflops] [--json FILE]
        [--markdown FILE] [--timeout SECONDS]

The cases and the derivation of each value are in `counting/cases.py`, what each counter is asked
in `counting/counters.py`. Every counter meets every case in a process of its own, on the CPU: what
fails there is shown as its error. pip install 'jaxflops[scoreboard]' brings Flax, and what JAX's
roofline imports. Exit code 1 when jaxflops itself is not right in every case.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import sys
from pathlib import Path

from counting.cases import CASES
from counting.child import ask
from counting.counters import COUNTERS
from counting.scores import Score, data, markdown
from rich.progress import track


def environment() -> str:
    packages = [f"{name} {version}" for name in ("jax", "jaxlib", "flax") if (version := of(name))]
    return f"{', '.join(packages)}, cpu, Python {platform.python_version()}"


def of(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def scored(cases: list[str], counters: list[str], timeout: float) -> list[Score]:
    pairs = [(case, counter) for case in cases for counter in counters]
    return [
        Score(CASES[case], COUNTERS[counter], ask(case, counter, timeout))
        for case, counter in track(pairs, description="cases x counters")
    ]


def chosen(given: str, known: list[str], what: str) -> list[str]:
    names = [name.strip() for name in given.split(",") if name.strip()] if given else known
    if unknown := [name for name in names if name not in known]:
        raise SystemExit(f"{what} {unknown[0]!r}: choose from {', '.join(map(repr, known))}")
    return names


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--cases", default="", help="names with commas between them; all by default"
    )
    parser.add_argument("--counters", default="", help="the same")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds for one answer")
    parser.add_argument("--json", type=Path, help="write derivations, answers and verdicts as JSON")
    parser.add_argument("--markdown", type=Path, help="write the table as Markdown")
    given = parser.parse_args(argv)
    cases = chosen(given.cases, list(CASES), "case")
    counters = chosen(given.counters, list(COUNTERS), "counter")
    scores = scored(cases, counters, given.timeout)
    for score in scores:
        if score.answer.why:
            print(f"{score.counter.name} on {score.case.name}: {score.answer.error}: "
                  f"{score.answer.why}")  # fmt: skip
    table = markdown(scores, environment())
    print(table)
    if given.markdown:
        given.markdown.write_text(table + "\n")
    if given.json:
        given.json.write_text(json.dumps(data(scores, environment()), indent=1) + "\n")
    own = [score.verdict for score in scores if score.counter.name == "jaxflops"]
    return int(not own or set(own) != {"right"})


if __name__ == "__main__":
    sys.exit(main())
