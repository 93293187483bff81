"""Reports as plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING

from jaxflops.report import blocks, table
from jaxflops.report.blocks import Block
from jaxflops.report.table import WIDTH

if TYPE_CHECKING:
    from jaxflops.results import Analysis


def analysis(result: Analysis) -> str:
    """`str(analysis)`: readable at 100 columns."""
    return render(blocks.report(result))


def render(parts: Iterable[Block], width: int = WIDTH) -> str:
    """Blocks with an empty line between them."""
    return "\n\n".join(block(part, width) for part in parts)


def block(part: Block, width: int = WIDTH) -> str:
    """One block; long lines of paragraphs are wrapped with a hanging indent."""
    if isinstance(part, blocks.Verbatim):
        return str(part)
    return paragraph(part, width) if isinstance(part, str) else table.render(part, width)


def paragraph(text: str, width: int = WIDTH) -> str:
    """The lines of a paragraph, wrapped between words only."""
    wrapper = textwrap.TextWrapper(
        width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(wrapper.fill(line) for line in text.splitlines())
