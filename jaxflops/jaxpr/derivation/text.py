"""A derivation as plain text."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from jaxflops.polynomial import Count, ratio

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
        lines.append(f"  {phase}: {_number(derivation.flops(phase))} FLOPs")
    lines += ["", f"contractions: {_number(derivation.flops())} FLOPs", *_ratio(derivation)]
    lines.append(_rest(derivation))
    if derivation.notes:
        lines += ["where", *(f"  {name}: {meaning}" for name, meaning in derivation.notes)]
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    *operands, product = [f"[{','.join(map(str, shape))}]" for shape in row.shapes]
    shapes = f"{_DOT.join(operands)}{_ARROW}{product}"
    times = "" if row.times == 1 else f" (\u00d7{row.times})"
    return row.form, shapes, f"{_number(row.flops)}{times}", _origin(row), row.source


def _origin(row: Row) -> str:
    if not row.forward or (row.phase == "forward" and not row.again):
        return "own backward" if row.own_backward else ""
    link = f"again {row.forward}" if row.again else f"of {row.forward}"
    return f"own backward, {link}" if row.own_backward else link


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=False))
    return "  " + "  ".join([*padded, cells[-1]]).rstrip()


def _ratio(derivation: Derivation) -> list[str]:
    value: Any = derivation.ratio
    if value is None or not derivation.phase("backward"):
        return []
    text = f"{value} = {float(value):.4g}" if isinstance(value, Fraction) else str(value)
    return [f"backward / forward: {text}"]


def _rest(derivation: Derivation) -> str:
    """The line of what is no contraction, with its exact share of all FLOPs."""
    total = derivation.total
    text = f"elementwise and reductions: {_number(total.other_flops)} FLOPs"
    if total.flops == 0:
        return text
    share: Any = ratio(total.other_flops, total.flops)
    exact = isinstance(share, (int, Fraction))
    return f"{text}, a share of {f'{float(share):.3%}' if exact else share} of all FLOPs"


def _number(count: Count) -> str:
    return f"{count:,}" if isinstance(count, int) else str(count)
