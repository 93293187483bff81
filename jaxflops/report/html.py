"""Reports as HTML, for notebooks: no script, no style sheet, nothing fetched."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from jaxflops.report import blocks, numbers
from jaxflops.report.blocks import Block
from jaxflops.report.table import Row, Table

if TYPE_CHECKING:
    from jaxflops.results import Analysis

_RIGHT = ' style="text-align: right"'
_LEFT = ' style="text-align: left"'


def analysis(result: Analysis) -> str:
    """`analysis._repr_html_()`."""
    return render(blocks.report(result))


def render(parts: Iterable[Block]) -> str:
    """Blocks one below the other."""
    return f"<div>{''.join(map(_block, parts))}</div>"


def _block(part: Block) -> str:
    if isinstance(part, blocks.Verbatim):
        return f"<pre>{escape(part)}</pre>"
    if isinstance(part, str):
        return f"<p>{escape(part).replace(chr(10), '<br>')}</p>"
    return _table(part)


def _table(table: Table) -> str:
    rows = [
        Row("", table.total),
        *table.rows,
        Row("", table.total),
    ]  # the first stands for headings
    lines = zip(table.labels(), zip(*table.cells(), strict=True), rows, strict=True)
    heading, *body = lines
    head = "".join(f"<th{_RIGHT}>{escape(text)}</th>" for text in heading[1])
    text = f"<table><thead><tr><th{_LEFT}>{escape(heading[0])}</th>{head}</tr></thead><tbody>"
    for label, cells, row in body:
        text += f"<tr><th{_LEFT}>{escape(label)}</th>"
        for cell, count in zip(cells, row.counts, strict=True):
            text += f'<td{_RIGHT} title="{escape(numbers.exact(count))}">{escape(cell)}</td>'
        text += "</tr>"
    return text + "</tbody></table>"
