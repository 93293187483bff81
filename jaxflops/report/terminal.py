"""Reports on a terminal, in colour; the only file that needs rich."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from jaxflops.report import text
from jaxflops.report.blocks import Block
from jaxflops.report.table import Table


def show(parts: Iterable[Block], console: Console | None = None) -> None:
    """Print blocks at the terminal's width; rich leaves colour out where NO_COLOR is set."""
    console = console or Console(highlight=False)
    for i, part in enumerate(parts):
        if i:
            console.print()
        if isinstance(part, str):
            _paragraph(part, console)
        else:
            _table(part, console)


def _paragraph(part: str, console: Console) -> None:
    wrapped = Text(text.block(part, console.width))
    wrapped.highlight_regex(r"(?m)^(?! )[^:=\n]{1,40}(?=[:=])", "bold")
    wrapped.highlight_regex(r"(?m)^(unknown primitives|caveats)", "bold yellow")
    console.print(wrapped, soft_wrap=True)


def _table(table: Table, console: Console) -> None:
    for band in table.bands(console.width - 2, gap=3):
        console.print(_rich(band))


def _rich(table: Table) -> RichTable:
    labels, columns = table.labels(), table.cells()
    shown = RichTable(box=box.SIMPLE, pad_edge=False, show_footer=True)
    shown.add_column(labels[0], footer=labels[-1], style="cyan", footer_style="bold")
    for cells in columns:
        shown.add_column(cells[0], footer=cells[-1], justify="right", footer_style="bold")
    for row in zip(labels[1:-1], *(cells[1:-1] for cells in columns), strict=True):
        shown.add_row(*map(Text, row))
    return shown
