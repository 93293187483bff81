"""A derivation as plain text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jaxflops.polynomial.shown import exact, quotient, share

if TYPE_CHECKING:
    from jaxflops.jaxpr.derivation.rows import Derivation, Row

_ARROW, _DOT = "\u2192", "\u00b7"


def render(derivation: Derivation) -> str:
    """The rows by phase with subtotals, then totals, ratio, the rest of the work, and the notes."""
    if not derivation.rows:
        return "no contractions\n" + _rest(derivation)
    lines: list[str] = []
    tables = [(phase, [_cells(r) for r in derivation.phase(phase)]) for phase in derivation.phases]
    widths = [max(len(row[i]) for _, rows in tables for row in rows) for i in range(4)]
    for phase, rows in tables:
        lines += [phase, *(_line(row, widths) for row in rows)]
        lines.append(f"  {phase}: {exact(derivation.flops(phase))} FLOPs")
    lines += ["", f"contractions: {exact(derivation.flops())} FLOPs", *_ratio(derivation)]
    lines.append(_rest(derivation))
    if derivation.notes:
        lines += ["where", *(f"  {name}: {meaning}" for name, meaning in derivation.notes)]
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    *operands, product = [f"[{','.join(map(str, shape))}]" for shape in row.shapes]
    shapes = f"{_DOT.join(operands)}{_ARROW}{product}"
    times = "" if row.times == 1 else f" (\u00d7{row.times})"
    return row.form, shapes, f"{exact(row.flops)}{times}", _origin(row), row.source


def _origin(row: Row) -> str:
    if not row.forward or (row.phase == "forward" and not row.again):
        return "own backward" if row.own_backward else ""
    link = f"again {row.forward}" if row.again else f"of {row.forward}"
    return f"own backward, {link}" if row.own_backward else link


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=False))
    return "  " + "  ".join([*padded, cells[-1]]).rstrip()


def _ratio(derivation: Derivation) -> list[str]:
    if derivation.ratio is None or not derivation.phase("backward"):
        return []
    return [f"backward / forward: {quotient(derivation.ratio)}"]


def _rest(derivation: Derivation) -> str:
    """The line of what is no contraction, with its exact share of all FLOPs."""
    total = derivation.total
    text = f"elementwise and reductions: {exact(total.other_flops)} FLOPs"
    if total.flops == 0:
        return text
    return f"{text}, a share of {share(total.other_flops, total.flops)} of all FLOPs"
