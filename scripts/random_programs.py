"""Thousands of random JAX programs against the laws of `tests/programs`.

    nice python scripts/random_programs.py --examples 3000 --seed 0

Prints how many programs kept each law, and every one that did not, as data to paste into a test.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import sys
import time
from pathlib import Path

# Compiling is nearly all of the time; the laws hold at any optimization level.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
)
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "programs"))

import hypothesis
import jax
import laws
from hypothesis import strategies as st
from random_programs import names_in, programs


class TimeUp(BaseException):
    """Ends the search; no error that it would look into."""


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--examples", type=int, default=1000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    options.add_argument("--laws", default=",".join(laws.LAWS))
    given = options.parse_args()
    chosen = {name: laws.LAWS[name] for name in given.laws.split(",")}
    kept: collections.Counter[str] = collections.Counter()
    seen: collections.Counter[str] = collections.Counter()
    broken: list[str] = []
    end = time.monotonic() + given.seconds

    @hypothesis.seed(given.seed)
    @hypothesis.settings(
        max_examples=given.examples,
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(programs, st.integers(0, 6))
    def check(block: list[object], s: int) -> None:
        if time.monotonic() > end:
            raise TimeUp
        seen.update(set(names_in(block)) | {"programs"})
        for name, law in chosen.items():
            try:
                kept[law(block, s) or name] += 1
            except Exception as error:  # noqa: BLE001 - every failure is reported, with its program
                reason = (str(error).strip().splitlines() or [""])[0]
                line = f"{name}: {type(error).__name__}: {reason}\n  {block!r}, {s}"
                broken.append(line)
                print(line, flush=True)
        if seen["programs"] % 100 == 0:
            jax.clear_caches()
            print(f"... {seen['programs']} programs", file=sys.stderr, flush=True)

    with contextlib.suppress(TimeUp):
        check()
    print(f"jax {jax.__version__}: {seen.pop('programs')} programs; kept: {dict(kept)}")
    print(f"programs that hold each statement: {dict(sorted(seen.items()))}")
    print(f"broken: {len(broken)}")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
