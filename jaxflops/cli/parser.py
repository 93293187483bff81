"""The words of the command line; JAX is not imported to explain them."""

from __future__ import annotations

import argparse
from importlib.metadata import PackageNotFoundError, version
from typing import NoReturn

from jaxflops._version import __version__
from jaxflops.cli import analyze, compare, compiled, devices, measure, profile
from jaxflops.errors import JaxflopsError

VERBS = (analyze, compiled, compare, measure, profile, devices)
"""Modules with `add(verbs)`, which sets `run(options) -> exit code`."""

EXAMPLES = """\
examples:
  jaxflops analyze jaxflops.models:two_layer --mode grad --derive
  jaxflops analyze train.py:loss --args "f32[B,D] {w: f32[D,K], b: f32[K]}" --mode grad
  jaxflops analyze jaxflops.models:transformer --preset llama3-8b --by scope,primitive --top 10
  jaxflops compile jaxflops.models:two_layer --at B=32,D=512,K=10 --mode grad
  jaxflops compare jaxflops.models:two_layer --at B=32,D=512,K=10 --mode grad

`jaxflops VERB --help` explains a verb.
"""


class Parser(argparse.ArgumentParser):
    """A parser that raises instead of printing its usage and leaving."""

    def error(self, message: str) -> NoReturn:
        """Raise JaxflopsError with the message and where the words are explained."""
        raise JaxflopsError(f"{message} (see {self.prog} --help)")


def build() -> Parser:
    """The parser of all verbs."""
    parser = Parser(
        prog="jaxflops",
        description="Exact, attributed costs of JAX programs.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=_versions())
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in VERBS:
        verb.add(verbs)
    return parser


def _versions() -> str:
    """`jaxflops 0.1.0 (jax 0.10.2, jaxlib 0.10.2)`, without importing them."""
    return f"jaxflops {__version__} ({_installed('jax')}, {_installed('jaxlib')})"


def _installed(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"no {package}"
