"""Write a report to a file."""

from __future__ import annotations

from pathlib import Path

from jaxflops.errors import JaxflopsError


def write(text: str, path: str | Path) -> None:
    """Write `text` as UTF-8; JaxflopsError that says what to give where that fails."""
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise JaxflopsError(
            f"cannot write {path}: {error.strerror}; give a path in a folder that exists"
        ) from error
