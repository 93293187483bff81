"""Print a report: in colour on a terminal, elsewhere the plain text that `str` gives."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxflops.report.blocks import Block


def show(parts: Sequence[Block]) -> None:
    """Print the blocks to standard output."""
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        from jaxflops.report import terminal

        terminal.show(parts)
    else:
        from jaxflops.report import text

        sys.stdout.write(text.render(parts) + "\n")


def complain(message: str) -> None:
    """One message on standard error."""
    sys.stderr.write(f"jaxflops: {message}\n")
