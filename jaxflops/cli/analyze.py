"""`jaxflops analyze`: what a function, or its gradient, costs, and where."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from jaxflops.cli import options, output
from jaxflops.cli.show import complain, show
from jaxflops.errors import JaxflopsError
from jaxflops.report import blocks

if TYPE_CHECKING:
    from jaxflops.cli.call import Call
    from jaxflops.report.blocks import Block
    from jaxflops.results import Analysis

EXAMPLES = """\
examples:
  jaxflops analyze jaxflops.models:two_layer --mode grad --derive
  jaxflops analyze train.py:loss --args "f32[32,784] [{w: f32[784,784]}]*3" --by primitive,source
  jaxflops analyze jaxflops.models:transformer --preset llama3-8b --set seq=4096 --by scope
  jaxflops analyze jaxflops.models:two_layer --at B=32,D=512 --json out.json

A function may carry its own example: `loss.example_args = "f32[B,D] f32[D,K]"` (or a tuple of
arguments, or a function that returns either), and `loss.argnums = (1,)` for what is differentiated.

exit code: 0, 1 with --strict and an unknown primitive, 2 for wrong input.
"""
UNKNOWN = 1


def add(verbs: argparse._SubParsersAction[Any]) -> None:
    """Add the verb and its options."""
    verb = options.add_verb(
        verbs,
        "analyze",
        help="count a function or its gradient",
        description="Count what a function, or its gradient, costs; nothing is compiled or run.",
        epilog=EXAMPLES,
    )
    options.add_call(verb)
    options.add_counting(verb)
    options.add_output(verb)
    verb.add_argument("--macs", action="store_true", help="print contractions in MACs, not FLOPs")
    verb.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Count, write JSON, print; 1 under --strict when something is unknown."""
    from jaxflops.cli import call, target

    _check(given)
    called = call.prepare(target.load(given.target), given)
    result = _count(called, given)
    output.write(result, given)
    if not output.takes_stdout(given):
        show(_blocks(result, called, given))
    return _verdict(result) if given.strict else 0


def _check(given: argparse.Namespace) -> None:
    """Options that would have no effect."""
    if given.mode == "call" and given.argnums is not None:
        raise JaxflopsError("--argnums chooses what is differentiated: add --mode grad")
    options.check_depth(given)
    output.takes_stdout(given)


def _count(called: Call, given: argparse.Namespace) -> Analysis:
    from jaxflops.analysis import analyze

    count = analyze(
        called.fn,
        mode=given.mode,
        argnums=called.argnums,
        has_aux=given.has_aux,
        static_argnums=called.static,
        conv=given.conv,
        branch=given.branch,
        trip_counts=dict(given.trips),
    )
    result = count(*called.args, **called.kwargs)
    result = result.at(**given.at) if given.at else result
    return result.printed_in("MACs") if given.macs else result


def _blocks(result: Analysis, called: Call, given: argparse.Namespace) -> list[Block]:
    """The report, then a table for each key, the derivation, and what was differentiated."""
    parts = list(blocks.report(result))
    for key in given.by:
        costs = result.by(key, depth=given.depth if key == "scope" else None)
        parts.append(blocks.view(key, costs, given.top, unit=result.unit))
    if given.derive:
        parts.append(blocks.Verbatim(result.derivation))
    if given.mode != "call":
        parts.append(called.hint)
    return parts


def _verdict(result: Analysis) -> int:
    if not result.unknown:
        return 0
    names = ", ".join(item.name for item in result.unknown)
    complain(f"--strict: no cost rule for {names}; write one with @jf.cost_rule")
    return UNKNOWN
