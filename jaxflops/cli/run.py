"""Run one verb; every failure is one message and an exit code.

0: done. 1: what was asked to hold does not (`--strict`). 2: wrong input. 3: a fault of jaxflops.
130: interrupted. 141: the reader of the output went away.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from jaxflops.cli import parser
from jaxflops.cli.show import complain
from jaxflops.errors import JaxflopsError

WRONG_INPUT, FAULT, INTERRUPTED, NO_READER = 2, 3, 130, 141


def entry() -> NoReturn:
    """The console script."""
    sys.exit(main())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with the words of `argv` (those of the process if None): its exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        with _working_directory_importable():
            code = _run(words)
        sys.stdout.flush()
    except BrokenPipeError:
        _close_output()
        return NO_READER
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED, debug=False)
    except JaxflopsError as error:
        return _fail(str(error), WRONG_INPUT, debug="--debug" in words)
    except Exception as error:  # noqa: BLE001 - the last resort: no traceback at users
        return _fail(_fault(error), FAULT, debug="--debug" in words)
    return code


def _run(words: list[str]) -> int:
    try:
        options = parser.build().parse_args(words)
    except SystemExit as end:  # --help, --version
        return int(end.code or 0)
    return int(options.run(options))


@contextmanager
def _working_directory_importable() -> Iterator[None]:
    """As `python -m` has it; a console script has its own folder there instead."""
    before = list(sys.path)
    sys.path.insert(0, str(Path.cwd()))
    try:
        yield
    finally:
        sys.path[:] = before


def _fail(message: str, code: int, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    complain(message)
    return code


def _fault(error: Exception) -> str:
    first = (str(error).splitlines() or [""])[0]
    return f"unexpected {type(error).__name__}: {first} (a fault of jaxflops; see it with --debug)"


def _close_output() -> None:
    """Let the interpreter's last flush go nowhere."""
    with suppress(OSError, ValueError):  # an output without a file has no reader to lose
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
