"""Print a report: in colour on a terminal, elsewhere the plain text that `str` gives."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxflops.report.blocks import Block

_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_DIGITS = str.maketrans(_SUPERSCRIPTS, "0123456789")
_POWERS = re.compile(f"[{_SUPERSCRIPTS}]+")
_SIGNS = str.maketrans({"·": "*", "×": "x", "→": "->", "⌊": "floor(", "⌋": ")"})


def show(parts: Sequence[Block]) -> None:
    """Print the blocks to standard output."""
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        from jaxflops.report import terminal

        terminal.show(parts)
    else:
        from jaxflops.report import text

        sys.stdout.write(encodable(text.render(parts), sys.stdout.encoding) + "\n")


def encodable(report: str, encoding: str | None) -> str:
    """The report in an output's encoding; where that lacks `B·D²`, it is written `B*D^2`."""
    try:
        report.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        report = _POWERS.sub(lambda match: "^" + match[0].translate(_DIGITS), report)
        report = report.translate(_SIGNS)
        return report.encode(encoding or "utf-8", "replace").decode(encoding or "utf-8")
    return report


def complain(message: str) -> None:
    """One message on standard error."""
    sys.stderr.write(f"jaxflops: {message}\n")
