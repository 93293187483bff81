"""The README's ledger rows are those that the script wrote, on a CPU and on a GPU."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
EVERY = sorted((ROOT / "scripts" / "results").glob("compare_xla_jax_*.md"))
RESULTS = [path for path in EVERY if "_h100" not in path.stem]
SAID = re.compile(r"(\d+) of (\d+) programs ok, (\d+) without any unexplained contraction FLOP")


def quoted() -> list[str]:
    readme = (ROOT / "README.md").read_text()
    part = readme.split("<!-- compare_xla -->")[1].split("<!-- end of compare_xla -->")[0]
    return [line for line in part.splitlines() if line.strip()]


def test_the_readme_quotes_the_results():
    written = [line for path in RESULTS for line in path.read_text().splitlines()]
    assert len(RESULTS) == 3  # the oldest and the newest on a CPU, one between on a GPU
    assert len(quoted()) > 8
    assert [line for line in quoted() if line not in written] == []


def test_each_run_says_how_many_programs_and_where():
    for path in EVERY:
        text = path.read_text()
        rows = re.findall(
            r"^\| \S+ (?:forward|gradient) \|.*\| ([\d,]+) \| \S+ of \S+ \|$", text, re.MULTILINE
        )
        runs = SAID.findall(text)
        assert len(rows) == sum(int(programs) for _, programs, _ in runs) > 0
        assert rows.count("0") == sum(int(exact) for _, _, exact in runs)
        version = path.stem.removeprefix("compare_xla_jax_").split("_")[0]
        assert f"jax {version}" in text
