"""A ledger for every model: FLOPs counted, lowered and compiled, and the cause of each difference.

    python scripts/compare_xla.py [--models transformer,lstm] [--json FILE] [--markdown FILE]

Every model of the suite (scan and unrolled, with and without remat), forward and gradient, through
`jf.compare`: contractions and elementwise work through all three columns.
Beside it stands what XLA's own cost analysis says of the lowered program's contractions: XLA has
one number for a whole program, so its contractions are that number minus its number for the same
program without them (`run_again.py`). XLA sums in float32, so above 2**24 it is compared to 1e-6
of the program's number. Exit code 1 when anything is unexplained or differs.
"""

import argparse
import json
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
from rich.progress import track
from run_again import run_again

import jaxflops as jf
from jaxflops.models import suite
from jaxflops.report.ledger import markdown_table

FLOAT32_EXACT = 2**24
TOLERANCE = 1e-6


class Checked(NamedTuple):
    """One program's ledger, and XLA's own numbers: of its contractions, of all of it."""

    program: str
    ledger: jf.Comparison
    xla: float
    xla_whole: float

    @property
    def once(self) -> int:
        """Our contraction FLOPs with loop bodies once, as XLA counts."""
        return self.ledger.counted.tree.once().matmul_flops

    @property
    def xla_agrees(self) -> bool:
        """Whether XLA's number is ours, to what float32 sums can tell."""
        allowed = 0 if self.xla_whole < FLOAT32_EXACT else TOLERANCE * self.xla_whole
        return abs(self.once - self.xla) <= allowed

    @property
    def ok(self) -> bool:
        """Whether both hold."""
        return self.ledger.ok and self.xla_agrees


def programs(only: list[str]) -> Iterator[tuple[str, Callable[..., Any], tuple[Any, ...]]]:
    """(name, function, arguments) of every model's forward pass and gradient."""
    for name, loss, args in suite("small"):
        if not only or any(name.startswith(model) for model in only):
            yield f"{name} forward", loss, args
            yield f"{name} gradient", jax.grad(loss, argnums=loss.argnums), args


def check(name: str, fn: Callable[..., Any], args: tuple[Any, ...]) -> Checked:
    jaxpr = jax.make_jaxpr(fn)(*args)
    flat = jax.tree.leaves(args)
    whole = reported_flops(run_again(jaxpr, contractions=True), flat)
    rest = reported_flops(run_again(jaxpr, contractions=False), flat)
    found = Checked(name, jf.compare(fn)(*args), whole - rest, whole)
    _ = found.ok  # now, so that what the compiler's passes wrote is read and removed
    return found


def reported_flops(fn: Callable[..., Any], args: list[Any]) -> float:
    """XLA's number for the lowered, unoptimised program; zero-valued keys are absent.

    Backends behind a plugin, such as CUDA's, have none: then it is that of the CPU's lowering.
    """
    analysis = jax.jit(fn).lower(*args).cost_analysis()
    if analysis is None:
        with jax.default_device(jax.devices("cpu")[0]):
            analysis = jax.jit(fn).lower(*args).cost_analysis()
    if not isinstance(analysis, dict):
        raise SystemExit(f"cost_analysis() gave {analysis!r}: this backend reports nothing")
    return float(analysis.get("flops", 0.0))


def environment() -> str:
    versions = f"jax {jax.__version__}, jaxlib {jax.lib.__version__}"
    return f"{versions}, {jax.devices()[0].device_kind}, Python {platform.python_version()}"


def summary(checked: list[Checked]) -> str:
    """The Markdown table of the README, with the environment that it came from."""
    headings = ["program", "counted = lowered", "bodies once", "XLA, bodies once", "compiled"]
    headings += [
        "why compiled differs",
        "elementwise: lowered, compiled",
        "most of that difference",
    ]
    headings += ["unexplained", "elementwise unexplained"]
    lines = [markdown_table(headings, [cells(each) for each in checked])]
    good = sum(each.ok for each in checked)
    exact = sum(not each.ledger.unexplained for each in checked)
    most = max(map(share, checked), default=0.0)
    lines.append(
        f"{good} of {len(checked)} programs ok, {exact} without any unexplained contraction FLOP; "
        f"elementwise work unexplained: at most {most:.4%} ({environment()})"
    )
    return "\n\n".join(lines)


def cells(each: Checked) -> list[str]:
    ledger = each.ledger
    counted, lowered = ledger.counted.matmul_flops, ledger.lowered.matmul_flops
    both = f"{counted:,}" if counted == lowered else f"{counted:,} and {lowered:,}"
    compiled = ledger.compiled.matmul_flops if ledger.compiled else 0
    causes: dict[str, int] = {}
    for row in ledger.rows:
        if row.step == "lowered to compiled" and row.flops:
            causes[row.cause] = causes.get(row.cause, 0) + row.flops
    why = "; ".join(f"{flops:+,} {cause}" for cause, flops in causes.items())
    xla = f"{each.xla:,.0f}" + ("" if each.xla_agrees else " DIFFERS")
    amounts = [f"{each.once:,}", xla, f"{compiled:,}"]
    return [each.program, both, *amounts, why, *elementwise(each), *unexplained(each)]


def elementwise(each: Checked) -> list[str]:
    """Elementwise work and reductions, FLOPs and calls, and the cause that changed them most."""
    found = each.ledger.elementwise
    shown = f"{sum(found.lowered):,}, {sum(found.compiled or ()):,}"
    rows = [row for row in found.rows if row.step == "lowered to compiled"]
    changes = {row.cause.split(":")[0]: row.flops + row.transcendentals for row in rows}
    most = max(changes, key=lambda cause: abs(changes[cause]), default="")
    return [shown, f"{changes[most]:+,} {most}" if changes.get(most) else ""]


def unexplained(each: Checked) -> list[str]:
    elementwise = each.ledger.elementwise
    rest = f"{elementwise.unexplained:,} of {sum(elementwise.counted):,}"
    return [f"{each.ledger.unexplained:,}", rest]


def share(each: Checked) -> float:
    """Of the elementwise work counted, how much is unexplained."""
    elementwise = each.ledger.elementwise
    return elementwise.unexplained / max(sum(elementwise.counted), 1)


def data(checked: list[Checked]) -> dict[str, Any]:
    ledgers = [
        {"program": each.program, "xla_contractions": each.xla, "ok": each.ok}
        | {"ledger": each.ledger.to_json()}
        for each in checked
    ]
    return {"environment": environment(), "programs": ledgers}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default="", help="comma-separated names; all by default")
    parser.add_argument("--json", type=Path, help="write every ledger as JSON")
    parser.add_argument("--markdown", type=Path, help="write the table as Markdown")
    given = parser.parse_args()
    chosen = list(programs(list(filter(None, given.models.split(",")))))
    checked = [check(*each) for each in track(chosen, description="programs")]
    for each in checked:
        if not each.ok:
            print(f"{each.program}\n{each.ledger}\n")
    table = summary(checked)
    print(table)
    if given.json:
        given.json.write_text(json.dumps(data(checked), indent=1) + "\n", encoding="utf-8")
    if given.markdown:
        given.markdown.write_text(table + "\n", encoding="utf-8")
    return 0 if checked and all(each.ok for each in checked) else 1


if __name__ == "__main__":
    sys.exit(main())
