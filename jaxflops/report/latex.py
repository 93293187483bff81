r"""Reports as LaTeX: plain `tabular`s that need no package; formulas in math mode."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from jaxflops.polynomial import Count, Polynomial
from jaxflops.report import blocks, numbers
from jaxflops.report.table import Table
from jaxflops.tree import PHASES

if TYPE_CHECKING:
    from jaxflops.jaxpr.derivation import Derivation, Row
    from jaxflops.results import Analysis

_SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_SPECIAL |= {char: f"\\{char}" for char in "&%$#_{}"}
_SPECIAL |= {"→": r"$\to$", "×": r"$\times$", "·": r"$\cdot$"}


def analysis(result: Analysis) -> str:
    """The phases and the derivation, with what was counted as a comment above them."""
    comment = "\n".join(f"% {line}" for line in blocks.header(result).splitlines())
    return "\n".join([comment, table(blocks.phases(result)), "", derivation(result.derivation)])


def table(content: Table) -> str:
    """Counts with a total below a rule."""
    columns = [
        [_cell(text, count) for text, count in zip(texts[1:], counts, strict=True)]
        for texts, counts in zip(content.cells(), _counts(content), strict=True)
    ]
    head = [content.corner, *(heading.name for heading in content.columns)]
    body = list(zip(map(escape, content.labels()[1:]), *columns, strict=True))
    lines = [
        _line(map(escape, head)),
        r"\hline",
        *map(_line, body[:-1]),
        r"\hline",
        _line(body[-1]),
    ]
    return _tabular("l" + "r" * len(columns), lines)


def derivation(rows: Derivation) -> str:
    """One row a contraction under its phase: form, shapes, FLOPs."""
    lines = [_line(["contraction", "shapes", "FLOPs"]), r"\hline"]
    for phase in PHASES:
        found = rows.phase(phase)
        lines += [_line(_contraction(row)) for row in found]
        if found:
            lines += [_line([phase, "", formula(rows.flops(phase))]), r"\hline"]
    return _tabular("lll", [*lines, _line(["total", "", formula(rows.flops())])])


def formula(count: Count) -> str:
    r"""A count in math mode: `$2\,B\,D^{2}$`, `$1{,}234$`."""
    text = count.to_latex() if isinstance(count, Polynomial) else numbers.exact(count)
    return f"${re.sub(r',(?=[0-9]{3})', '{,}', text)}$"


def escape(text: str) -> str:
    """Text in which LaTeX reads nothing special."""
    return "".join(_SPECIAL.get(char, char) for char in text)


def _contraction(row: Row) -> list[str]:
    *operands, product = (f"[{', '.join(map(_size, shape))}]" for shape in row.shapes)
    shapes = r" \cdot ".join(operands) + r" \to " + product
    return [rf"\texttt{{{escape(row.form)}}}", f"${shapes}$", formula(row.flops)]


def _size(size: Count) -> str:
    return formula(size).strip("$")


def _counts(content: Table) -> list[list[Count]]:
    return [
        [*(row.counts[i] for row in content.rows), total] for i, total in enumerate(content.total)
    ]


def _cell(text: str, count: Count) -> str:
    """A formula or an exact number in math mode; a rounded one as it is."""
    exact = text == numbers.exact(count)
    return formula(count) if exact else escape(text)


def _line(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _tabular(layout: str, lines: Sequence[str]) -> str:
    return "\n".join([rf"\begin{{tabular}}{{{layout}}}", *lines, r"\end{tabular}"])
