"""`jaxflops compare`: every FLOP accounted for between the jaxpr and what XLA makes of it."""

from __future__ import annotations

import argparse
from typing import Any

from jaxflops.cli import options, output, values
from jaxflops.cli.show import show
from jaxflops.report.blocks import Verbatim

EXAMPLES = """\
examples:
  jaxflops compare jaxflops.models:two_layer --at B=32,D=512,K=10 --mode grad
  jaxflops compare train.py:loss --args "{w: f32[512,64]} f32[32,512]" --mode grad --json
  jaxflops compare jaxflops.models:mlp --mode grad --target tpu --no-compile

exit code: 0, 1 when anything is unexplained, 2 for wrong input.
"""
UNEXPLAINED = 1


def add(verbs: argparse._SubParsersAction[Any]) -> None:
    """Add the verb and its options."""
    verb = options.add_verb(
        verbs,
        "compare",
        help="account for every FLOP between a function and its compiled program",
        description="Count a function (jaxpr), what it is lowered to and what it is compiled to, "
        "and name the cause of every difference; it is compiled, up to twice, and not run.",
        epilog=EXAMPLES,
    )
    options.add_call(verb)
    options.add_loops(verb)
    options.add_sizes(verb)
    verb.add_argument(
        "--target",
        dest="platform",
        type=values.one_of("cpu", "cuda", "tpu"),
        metavar="PLATFORM",
        help="lower for cpu, cuda or tpu; compiled only where that is the backend at hand",
    )
    verb.add_argument("--no-compile", action="store_true", help="leave the compiled column out")
    verb.add_argument(
        "--json",
        metavar="PATH",
        nargs="?",
        const=output.STDOUT,
        help="write the ledger as JSON; to standard output, in place of the text, without PATH",
    )
    verb.add_argument(
        "--markdown",
        metavar="PATH",
        help=f"write the ledger as Markdown tables; {output.TO_STDOUT}",
    )
    verb.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Compare, write, print; 1 when anything is unexplained."""
    from jaxflops.cli import call
    from jaxflops.comparison import compare

    taken = output.takes_stdout(given)
    called = call.concrete(given)
    account = compare(
        called.fn,
        mode=given.mode,
        argnums=called.argnums,
        has_aux=given.has_aux,
        static_argnums=called.static,
        trip_counts=dict(given.trips),
        target=given.platform,
        compiled=not given.no_compile,
    )
    ledger = account(*called.args, **called.kwargs)
    output.write(ledger, given)
    if not taken:
        show([Verbatim(ledger)])
    return 0 if ledger.ok else UNEXPLAINED
