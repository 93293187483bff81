"""Options that verbs share; defined without importing JAX."""

from __future__ import annotations

import argparse
from typing import Any, get_args

from jaxflops.cli import values
from jaxflops.cli.output import TO_STDOUT
from jaxflops.errors import JaxflopsError
from jaxflops.views import Key

MODES = ("call", "grad", "value_and_grad", "vjp")


def add_verb(
    verbs: argparse._SubParsersAction[Any], name: str, **texts: Any
) -> argparse.ArgumentParser:
    """A verb whose examples are printed as written, and whose options are not abbreviated.

    texts: `help`, `description` and `epilog`, as argparse has them.
    """
    verb: argparse.ArgumentParser = verbs.add_parser(
        name, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **texts
    )
    return verb


def add_call(verb: argparse.ArgumentParser) -> None:
    """What is called: every verb that takes a function has these."""
    verb.add_argument("target", help="module:function or path/to/file.py:function")
    verb.add_argument(
        "--args",
        metavar="SPECS",
        help='arguments: "f32[B,D] {w: f32[D,K]} (i32[], 3) lr=0.1"; the function\'s own '
        "example_args if left out",
    )
    verb.add_argument("--preset", metavar="NAME", help="a model's published configuration")
    verb.add_argument(
        "--set",
        metavar="NAME=VALUE",
        nargs="+",
        action="extend",
        default=[],
        type=values.setting,
        help="change a model's configuration: --set layers=64 remat=true",
    )
    verb.add_argument(
        "--mode",
        type=values.one_of(*MODES),
        default="call",
        metavar="MODE",
        help=f"what is counted of the function: {', '.join(MODES)} (call)",
    )
    verb.add_argument(
        "--argnums",
        metavar="0,1",
        type=values.positions,
        help="arguments to differentiate, from the end as in --argnums=-1; the function's own "
        "argnums, or 0, if left out",
    )
    verb.add_argument("--has-aux", action="store_true", help="the function returns (loss, other)")
    verb.add_argument("--debug", action="store_true", help="show the traceback of an error")


def add_counting(verb: argparse.ArgumentParser) -> None:
    """Conventions: what a count means."""
    verb.add_argument(
        "--conv",
        type=values.one_of("taps", "nominal"),
        default="taps",
        metavar="WHICH",
        help="convolutions count the taps that meet real input, or nominal ones (taps)",
    )
    add_branch(verb)
    add_loops(verb)
    verb.add_argument(
        "--at", type=values.sizes, metavar="B=32,D=512", help="sizes for all or some symbols"
    )
    verb.add_argument("--strict", action="store_true", help="exit 1 on a primitive without a rule")


def add_branch(verb: argparse.ArgumentParser) -> None:
    """What a choice costs."""
    verb.add_argument(
        "--branch",
        type=values.branch,
        default="max",
        metavar="WHICH",
        help="what a cond costs: max, min, sum, or a branch's index (max)",
    )


def add_loops(verb: argparse.ArgumentParser) -> None:
    """How often loops run that do not say it."""
    verb.add_argument(
        "--trips",
        type=values.trips,
        nargs="+",
        action="extend",
        default=[],
        metavar="PLACE=N",
        help="trips of while loops, by file.py:line or scope path",
    )


def add_sizes(verb: argparse.ArgumentParser) -> None:
    """Numbers for symbolic arguments, which verbs that compile need."""
    verb.add_argument(
        "--at",
        type=values.sizes,
        default={},
        metavar="B=32,D=512",
        help="numbers for the symbolic sizes of the arguments",
    )


def add_tables(verb: argparse.ArgumentParser) -> None:
    """Which tables are printed."""
    verb.add_argument(
        "--by",
        type=values.several_of(*get_args(Key)),
        default=(),
        metavar="KEYS",
        help=f"a table for each: {','.join(get_args(Key))}",
    )
    verb.add_argument(
        "--depth", type=values.at_least(1), metavar="N", help="names of a scope path to keep"
    )
    verb.add_argument(
        "--top",
        type=values.at_least(0),
        default=20,
        metavar="N",
        help="rows of a table; 0: all (20)",
    )


def check_depth(given: argparse.Namespace) -> None:
    """Raise JaxflopsError for a depth that would have no effect."""
    if given.depth is not None and "scope" not in given.by:
        raise JaxflopsError("--depth shortens scope paths: add --by scope")


def add_output(verb: argparse.ArgumentParser) -> None:
    """What is printed and written."""
    add_tables(verb)
    verb.add_argument("--derive", action="store_true", help="list every contraction")
    verb.add_argument(
        "--json", metavar="PATH", help=f"write everything, exactly, for jf.load; {TO_STDOUT}"
    )
    verb.add_argument(
        "--latex", metavar="PATH", help=f"write phases and derivation as tables; {TO_STDOUT}"
    )
