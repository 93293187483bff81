"""A result in the forms for other programs: to files, or to standard output for the path `-`."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from jaxflops.cli.show import encodable
from jaxflops.errors import JaxflopsError

STDOUT = "-"
TO_STDOUT = "-: to standard output, in place of the report"
FORMS = ("json", "latex", "markdown")  # each an option of some verbs, and a method `to_<form>`


def takes_stdout(given: argparse.Namespace) -> bool:
    """Whether one of the forms goes to standard output; JaxflopsError where two do."""
    taken = [f"--{form}" for form, path in _wanted(given) if path == STDOUT]
    if len(taken) > 1:
        raise JaxflopsError(f"{' and '.join(taken)} cannot both be `-`: write one to a file")
    return bool(taken)


def write(result: Any, given: argparse.Namespace) -> None:
    """Every form that the options ask for."""
    for form, path in _wanted(given):
        export = getattr(result, f"to_{form}")
        if path != STDOUT:
            export(path)
            continue
        shown = export()
        text = shown if isinstance(shown, str) else json.dumps(shown, indent=1)
        sys.stdout.write(encodable(text, sys.stdout.encoding) + "\n")


def _wanted(given: argparse.Namespace) -> list[tuple[str, str]]:
    return [(form, getattr(given, form)) for form in FORMS if getattr(given, form, None)]
