"""Contractions counted by jaxflops against XLA's own cost analysis of the lowered program.

    python scripts/compare_xla.py [--models transformer,lstm]

Every model of the suite (scan and unrolled, with and without remat), forward and gradient. XLA
counts a loop's body once and says one number for the whole program, so each side is projected:
ours to bodies-once (`tree.once()`), XLA's to contractions, as its number for the program minus its
number for the same program without contractions (`run_again.py`). The two must be equal; XLA sums
in float32, so above 2**24 they are compared to 1e-6 of the program's total. Exit code 1 otherwise.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
from run_again import run_again

import jaxflops as jf
from jaxflops.models import suite

FLOAT32_EXACT = 2**24
TOLERANCE = 1e-6


class Row(NamedTuple):
    """One program: contraction FLOPs in full, bodies once, and as XLA says."""

    program: str
    full: int
    once: int
    xla: float
    program_total: float

    @property
    def equal(self) -> bool:
        """Whether the two agree, to what float32 sums can tell."""
        if self.program_total < FLOAT32_EXACT:
            return self.once == self.xla
        return abs(self.once - self.xla) <= TOLERANCE * self.program_total


def reported_flops(fn: Callable[..., Any], args: list[Any]) -> float:
    """XLA's number for the lowered, unoptimised program; zero-valued keys are absent."""
    analysis = jax.jit(fn).lower(*args).cost_analysis()
    if not isinstance(analysis, dict):
        raise SystemExit(f"cost_analysis() gave {analysis!r}: this backend reports nothing")
    return float(analysis.get("flops", 0.0))


def rows(only: set[str]) -> Iterator[Row]:
    for name, loss, args in suite("small"):
        if only and not any(name.startswith(model) for model in only):
            continue
        for mode, fn in (("forward", loss), ("gradient", jax.grad(loss, argnums=loss.argnums))):
            counted = jf.analyze(fn)(*args)
            jaxpr = jax.make_jaxpr(fn)(*args)
            flat = jax.tree.leaves(args)
            whole = reported_flops(run_again(jaxpr, contractions=True), flat)
            rest = reported_flops(run_again(jaxpr, contractions=False), flat)
            once = counted.tree.once().matmul_flops
            yield Row(f"{name} {mode}", counted.matmul_flops, once, whole - rest, whole)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default="", help="comma-separated names; all by default")
    only = set(filter(None, parser.parse_args().models.split(",")))
    print(f"{'program':44} {'contraction FLOPs':>18} {'bodies once':>15} {'XLA lowered':>15}")
    checked = []
    for row in rows(only):
        checked.append(row)
        verdict = "equal" if row.equal else f"DIFFERS by {row.once - row.xla:+,.0f}"
        print(f"{row.program:44} {row.full:18,} {row.once:15,} {row.xla:15,.0f}  {verdict}")
    wrong = [row for row in checked if not row.equal]
    versions = f"jax {jax.__version__}, {jax.default_backend()}"
    print(f"{len(checked) - len(wrong)} of {len(checked)} programs equal ({versions})")
    return 1 if wrong or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
