"""A scanned 32-layer transformer: XLA has its loop once, and the ledger says exactly that.

    python scripts/loop_once.py [--layers 32] [--forward]

Compiles the model's gradient with its layers in a `scan` and written out, and prints what runs of
both, what XLA's own analysis says, and the ledger of the scanned one. Exit code 1 unless the
scanned program's compiled total is the unrolled one's, XLA's number of it has the loop's body once,
and the ledger has a row of exactly the difference. Nothing is run, so machine code is generated
without optimization: that comes after the last pass over HLO, and is most of the time.
"""

import argparse
import sys
import time
from typing import Any, NamedTuple

import jax

import jaxflops as jf
from jaxflops.hlo.module import read_module
from jaxflops.hlo.xla_formulas import xla_counts
from jaxflops.models import transformer

SIZES = {"batch": 2, "seq": 16, "width": 32, "heads": 4, "kv_heads": 2, "hidden": 64, "vocab": 64}
QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
ONCE = "loop body counted once, not {} times"


def model(layers: int, scan: bool) -> Any:
    return transformer.with_config(layers=layers, scan=scan, remat=False, **SIZES)


class Run(NamedTuple):
    """What is compiled, XLA's own flops of it, and our projection of those."""

    analysis: jf.CompiledAnalysis
    said: float
    projected: int

    @property
    def once(self) -> int:
        """Contraction FLOPs with loop bodies once."""
        return int(self.analysis.tree.once().matmul_flops)


def compiled(loss: Any, mode: str) -> Run:
    fn = loss if mode == "call" else jax.grad(loss, argnums=loss.argnums)
    program = jax.jit(fn).lower(*loss.example_args()).compile(compiler_options=QUICK)
    found = jf.analyze_compiled(program)()
    said = (found.xla_reported or {}).get("flops", 0.0)
    return Run(found, said, xla_counts(read_module(program)).flops)


def column(name: str, *values: float) -> None:
    print(f"{name:44}" + "".join(f"{value:>16,.0f}" for value in values))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--forward", action="store_true", help="without the gradient")
    given = parser.parse_args()
    mode = "call" if given.forward else "grad"
    started = time.perf_counter()
    runs = [compiled(model(given.layers, scan), mode) for scan in (True, False)]
    loss = model(given.layers, scan=True)
    ledger = jf.compare(loss, mode=mode, argnums=loss.argnums)(*loss.example_args())
    took = time.perf_counter() - started
    print(f"{given.layers} layers, mode {mode!r}, jax {jax.__version__}, {took:.0f} s")
    print(f"{'':44}{'scan':>16}{'unrolled':>16}")
    column("contraction FLOPs, compiled", *(each.analysis.matmul_flops for each in runs))
    column("with loop bodies once", *(each.once for each in runs))
    column("XLA's own flops of the compiled program", *(each.said for each in runs))
    column("our projection of it, bodies once", *(each.projected for each in runs))
    print(f"\n{ledger}")
    scanned, unrolled = runs
    rows = [row for row in ledger.rows if row.cause == ONCE.format(given.layers)]
    once = int(ledger.lowered.tree.once().matmul_flops)
    checks = {
        "scanned and unrolled run the same": scanned.analysis.matmul_flops
        == unrolled.analysis.matmul_flops,
        "XLA has the loop once": all(
            abs(each.said - each.projected) * 1_000_000 <= each.projected for each in runs
        )
        and scanned.said < scanned.analysis.flops / 4,
        "the ledger's rows are exactly that": bool(rows)
        and ledger.lowered.matmul_flops + sum(row.flops for row in rows) == once,
        "nothing is unexplained": ledger.ok and not ledger.unexplained,
    }
    for name, holds in checks.items():
        print(f"{'yes' if holds else 'NO':5}{name}")
    return 0 if all(checks.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
