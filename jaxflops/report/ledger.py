"""A ledger as plain text, Markdown and JSON data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxflops.polynomial import Count
from jaxflops.report import files, numbers
from jaxflops.report.text import paragraph

if TYPE_CHECKING:
    from jaxflops.compare.rows import Row, WorkRow
    from jaxflops.comparison import Comparison

LISTED = 3
"""Sites that a row names before it says how many more there are."""


def text(comparison: Comparison) -> str:
    """`str(comparison)`: totals, one row a cause, the verdict."""
    columns = totals(comparison)
    width = max(len(numbers.exact(value)) for value in columns.values())
    lines = [f"{_title(comparison)}: contraction FLOPs"]
    lines += [f"{name:28}{numbers.exact(value):>{width}}" for name, value in columns.items()]
    for row in comparison.rows:
        lines.append("")
        lines.append(paragraph(f"{_signed(row)}  {row.step}: {row.cause}"))
        lines.append(paragraph(f"  at {_sites(row)}"))
    return "\n".join([*lines, "", verdict(comparison), "", *_others(comparison)])


def _others(comparison: Comparison) -> Iterator[str]:
    """Elementwise work and reductions, then XLA's own numbers."""
    account = comparison.elementwise
    yield "elementwise work and reductions: FLOPs and transcendental calls"
    columns: dict[str, tuple[Count, Count]] = {
        "counted": account.counted,
        "lowered": account.lowered,
    }
    if account.compiled is not None:
        columns["compiled"] = account.compiled
    for name, pair in columns.items():
        yield f"{name:28}" + "".join(f"{numbers.exact(count):>14}" for count in pair)
    for row in account.rows:
        yield paragraph(f"{_work(row)}  {row.step}: {row.cause}")
        yield paragraph(f"  at {_sites(row)}")
    yield ""
    mark = "ok" if account.ok else "NOT OK"
    amount, whole = numbers.exact(account.unexplained), numbers.exact(sum(account.counted))
    yield f"{mark}: {amount} of {whole} elementwise operations unexplained"
    yield paragraph(xla_line(comparison))


def xla_line(comparison: Comparison) -> str:
    """XLA's own numbers of the lowered program, and ours by its formulas."""
    against = comparison.lowered.against_xla
    flops, calls = against.projected
    ours = f"{flops:,} flops and {calls:,} transcendentals by XLA's formulas, bodies once"
    if against.reported is None:
        return f"{ours}; this backend reports no analysis of its own"
    off = max(map(abs, against.rounding))
    if not off:
        return f"{ours}, as XLA reports"
    cause = "the rounding of its float32 sums" if against.ok else "NOT OK, unexplained"
    return f"{ours}; XLA reports {off:,.0f} more or less: {cause}"


def _work(row: WorkRow) -> str:
    return f"{row.flops:+,} FLOPs, {row.transcendentals:+,} calls"


def markdown(comparison: Comparison) -> str:
    """Totals and causes as two Markdown tables, then elementwise work as text."""
    columns = totals(comparison)
    parts = [markdown_table(list(columns), [list(map(numbers.exact, columns.values()))])]
    if comparison.rows:
        cells = [[r.step, r.cause, _signed(r), _sites(r)] for r in comparison.rows]
        parts.append(markdown_table(["step", "cause", "FLOPs", "sites"], cells))
    others = "\n".join(f"    {line}" if line else "" for line in _others(comparison))
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
        "elementwise": {
            "counted": list(comparison.elementwise.counted),
            "lowered": list(comparison.elementwise.lowered),
            "compiled": list(comparison.elementwise.compiled or ()) or None,
            "unexplained": comparison.elementwise.unexplained,
            "ok": comparison.elementwise.ok,
            "rows": [row._asdict() for row in comparison.elementwise.rows],
        },
        "xla_projected": comparison.lowered.against_xla.projected._asdict(),
        "xla_ok": comparison.lowered.against_xla.ok,
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


def _sites(row: Row | WorkRow) -> str:
    more = len(row.sites) - LISTED
    shown = ", ".join(row.sites[:LISTED]) or "the whole program"
    return f"{shown} and {more} more" if more > 0 else shown


def markdown_table(headings: list[str], cells: list[list[str]]) -> str:
    """A Markdown table of texts."""
    lines = [headings, ["---"] * len(headings), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
