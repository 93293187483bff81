"""`jaxflops profile`: where a function's device seconds go, by scope, source line and phase."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from jaxflops.cli import options, output, values
from jaxflops.cli.show import complain, show

if TYPE_CHECKING:
    from jaxflops.cli.call import Call
    from jaxflops.profiled import Profile

EXAMPLES = """\
examples:
  jaxflops profile jaxflops.models:transformer --preset tiny --mode value_and_grad
  jaxflops profile train.py:loss --args "f32[B,D] f32[D,K]" --at B=32,D=512,K=10 --by source

The arguments are random numbers of a fixed seed. On a GPU it compiles without command buffers,
which hide instructions. exit code: 0, 1 for a site above 100 % of its own kinds' peaks, 2 for wrong
input and for a program that fails.
"""
KEYS = ("scope", "source", "phase", "site", "opcode", "instruction")
IMPOSSIBLE = 1


def add(verbs: argparse._SubParsersAction[Any]) -> None:
    """Add the verb and its options."""
    verb = options.add_verb(
        verbs,
        "profile",
        help="device seconds of a function or its gradient, by layer",
        description="Run a function, or its gradient, under the profiler, and say where time goes.",
        epilog=EXAMPLES,
    )
    options.add_call(verb)
    options.add_sizes(verb)
    options.add_loops(verb)
    verb.add_argument(
        "--by",
        type=values.several_of(*KEYS),
        default=("phase", "scope"),
        metavar="KEYS",
        help=f"a table for each: {','.join(KEYS)} (phase,scope)",
    )
    verb.add_argument(
        "--top",
        type=values.at_least(0),
        default=10,
        metavar="N",
        help="rows of a table; 0: all (10)",
    )
    verb.add_argument(
        "--runs",
        type=values.at_least(1),
        metavar="N",
        help="calls to record (5, fewer of long ones)",
    )
    verb.add_argument("--device", metavar="NAME", help="whose peaks to use (see jaxflops devices)")
    verb.add_argument(
        "--json", metavar="PATH", help=f"write every instruction's seconds; {output.TO_STDOUT}"
    )
    verb.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Profile, write JSON, print; 1 for what is impossible."""
    from jaxflops.cli import call
    from jaxflops.report import profile as report
    from jaxflops.report.blocks import Verbatim

    called = call.concrete(given)
    result = _profile(called, given)
    output.write(result, given)
    parts = [
        *report.blocks(result, given.by, given.top),
        called.hint if given.mode != "call" else "",
    ]
    if not output.takes_stdout(given):
        show([Verbatim(part) for part in parts if part])
    if not result.impossible:
        return 0
    complain("a site is above 100 % of its kinds' peaks: a count, a time or a peak is wrong")
    return IMPOSSIBLE


def _profile(called: Call, given: argparse.Namespace) -> Profile:
    from jaxflops.profiling import profile

    ready = profile(
        called.fn,
        mode=given.mode,
        argnums=called.argnums,
        has_aux=given.has_aux,
        static_argnums=called.static,
        trip_counts=dict(given.trips),
        device=given.device,
        runs=given.runs,
    )
    return ready(*called.args, **called.kwargs)
