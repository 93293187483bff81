"""A ledger as plain text, Markdown and JSON data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxflops.report import files, ledger_work, numbers
from jaxflops.report.text import paragraph

if TYPE_CHECKING:
    from jaxflops.compare.rows import Row
    from jaxflops.comparison import Comparison


def text(comparison: Comparison) -> str:
    """`str(comparison)`: totals, one row a cause, the verdict."""
    columns = totals(comparison)
    width = max(len(numbers.exact(value)) for value in columns.values())
    lines = [f"{_title(comparison)}: contraction FLOPs"]
    lines += [f"{name:28}{numbers.exact(value):>{width}}" for name, value in columns.items()]
    for row in comparison.rows:
        lines.append("")
        lines.append(paragraph(f"{_signed(row)}  {row.step}: {row.cause}"))
        lines.append(paragraph(f"  at {ledger_work.sites(row.sites)}"))
    return "\n".join([*lines, "", verdict(comparison), "", *ledger_work.lines(comparison)])


def markdown(comparison: Comparison) -> str:
    """Totals and causes as two Markdown tables, then elementwise work as text."""
    columns = totals(comparison)
    parts = [markdown_table(list(columns), [list(map(numbers.exact, columns.values()))])]
    if comparison.rows:
        cells = [[r.step, r.cause, _signed(r), ledger_work.sites(r.sites)] for r in comparison.rows]
        parts.append(markdown_table(["step", "cause", "FLOPs", "sites"], cells))
    others = "\n".join(f"    {line}" if line else "" for line in ledger_work.lines(comparison))
    title = f"**{_title(comparison)}**"
    return "\n\n".join([title, *parts, verdict(comparison), others])


def dump(comparison: Comparison, path: str | Path | None = None) -> dict[str, Any]:
    """Totals and rows as plain JSON data; written to `path` when given."""
    made = comparison.counted.provenance
    data: dict[str, Any] = {
        "function": made.function,
        "mode": made.mode,
        "versions": dict(made.versions),
        "contraction_flops": totals(comparison),
        "xla_reported": comparison.lowered.xla_reported,
        "unexplained": comparison.unexplained,
        "ok": comparison.ok,
        "contractions_ok": comparison.contractions_ok,
        "rows": [row._asdict() for row in comparison.rows],
        "elementwise": ledger_work.elementwise_data(comparison),
        "xla_projected": comparison.lowered.against_xla.projected._asdict(),
        "xla_ok": comparison.lowered.against_xla.ok,
        "unknown": ledger_work.opaque_data(comparison),
    }
    if path is not None:
        files.write(json.dumps(data, indent=1) + "\n", path)
    return data


def totals(comparison: Comparison) -> dict[str, Any]:
    """Contraction FLOPs of each column."""
    found = {
        "counted": comparison.counted.matmul_flops,
        "lowered": comparison.lowered.matmul_flops,
        "lowered, bodies once": comparison.lowered.tree.once().matmul_flops,
    }
    if comparison.compiled is not None:
        found["compiled"] = comparison.compiled.matmul_flops
    return found


def verdict(comparison: Comparison) -> str:
    """One line: how much of the contractions is unexplained."""
    amount = numbers.exact(comparison.unexplained)
    mark = "ok" if comparison.contractions_ok else "NOT OK"
    return f"{mark}: {amount} contraction FLOPs unexplained"


def _title(comparison: Comparison) -> str:
    made = comparison.counted.provenance
    return f"{made.function}, mode {made.mode!r}"


def _signed(row: Row) -> str:
    return f"{row.flops:+,}" if row.flops or not row.size else f"0 (of {row.size:,})"


def markdown_table(headings: list[str], cells: list[list[str]]) -> str:
    """A Markdown table of texts."""
    lines = [headings, ["---"] * len(headings), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
