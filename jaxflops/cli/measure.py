"""`jaxflops measure`: how long a function, or its gradient, takes, and which share of the peak."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from jaxflops.cli import options, output, values
from jaxflops.cli.show import complain, show
from jaxflops.errors import JaxflopsError

if TYPE_CHECKING:
    from jaxflops.cli.call import Call
    from jaxflops.measurement import Measurement

EXAMPLES = """\
examples:
  jaxflops measure jaxflops.models:mlp --mode value_and_grad
  jaxflops measure train.py:loss --args "f32[B,D] f32[D,K]" --at B=32,D=512,K=10 --seconds 5
  jaxflops measure jaxflops.models:transformer --set layers=2 --against measured --json out.json

The arguments are random numbers of a fixed seed. exit code: 0, 1 for more than 100 % of a peak, 2
for wrong input and for a program that fails.
"""
IMPOSSIBLE = 1


def add(verbs: argparse._SubParsersAction[Any]) -> None:
    """Add the verb and its options."""
    verb = options.add_verb(
        verbs,
        "measure",
        help="time a function or its gradient, with MFU and HFU",
        description="Compile and time a function, or its gradient, and hold it against the peaks.",
        epilog=EXAMPLES,
    )
    options.add_call(verb)
    options.add_sizes(verb)
    options.add_loops(verb)
    verb.add_argument("--seconds", type=float, default=2.0, help="how long to take samples (2)")
    verb.add_argument("--samples", type=values.at_least(1), metavar="N", help="exactly so many")
    verb.add_argument("--device", metavar="NAME", help="whose peaks to use (see jaxflops devices)")
    verb.add_argument(
        "--against",
        type=values.one_of("datasheet", "measured"),
        default="datasheet",
        metavar="WHICH",
        help="the datasheet's peaks, or ceilings measured on this machine first (datasheet)",
    )
    verb.add_argument(
        "--json", metavar="PATH", help=f"write all samples and counts; {output.TO_STDOUT}"
    )
    verb.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Measure, write JSON, print; 1 for what is impossible."""
    from jaxflops.cli import call, target
    from jaxflops.report.blocks import Verbatim

    called = call.prepare(target.load(given.target), given)
    result = _measure(called, given)
    if given.against == "measured":
        result = _against_this_machine(result)
    output.write(result, given)
    parts: list[Any] = [Verbatim(result)]
    if given.mode != "call":
        parts.append(called.hint)
    if not output.takes_stdout(given):
        show(parts)
    return _verdict(result)


def _measure(called: Call, given: argparse.Namespace) -> Measurement:
    from jaxflops.measuring import measure

    if given.mode == "vjp":
        raise JaxflopsError("--mode vjp has no program to run; use value_and_grad or grad")
    ready = measure(
        called.fn,
        mode=given.mode,
        argnums=called.argnums,
        has_aux=given.has_aux,
        static_argnums=called.static,
        trip_counts=dict(given.trips),
        device=given.device,
        samples=given.samples,
        seconds=given.seconds,
    )
    args, kwargs = _filled((called.args, called.kwargs), given.at)
    return ready(*args, **kwargs)


def _filled(tree: Any, sizes: dict[str, int]) -> Any:
    """Abstract arguments with numbers for their symbols."""
    from jaxflops.jaxpr.sized import open_sizes, sized

    _check(sizes, open_sizes(tree))
    return sized(tree, sizes)


def _check(sizes: dict[str, int], symbols: frozenset[str]) -> None:
    """Every symbol has a size, and every size a symbol."""
    if missing := sorted(symbols - set(sizes)):
        example = ",".join(f"{name}={sizes.get(name, 8)}" for name in sorted(symbols))
        raise JaxflopsError(
            f"a measurement needs a number for {', '.join(missing)}: write --at {example}"
        )
    if unknown := sorted(set(sizes) - symbols):
        known = ", ".join(sorted(symbols)) or "none"
        raise JaxflopsError(f"--at {', '.join(unknown)}: the arguments' symbols are: {known}")


def _against_this_machine(result: Measurement) -> Measurement:
    from jaxflops.contractions import of_every_phase
    from jaxflops.machine.ceiling_cache import KINDS, ceilings
    from jaxflops.machine.roofline import measured

    trees = [t for t in (result.analysis and result.analysis.tree, result.compiled) if t]
    kinds = [kind for tree in trees for kind in of_every_phase(tree)]
    return result.against(measured(ceilings([*KINDS, *kinds])))


def _verdict(result: Measurement) -> int:
    open_loops = result.analysis is not None and result.analysis.symbols
    used = [] if open_loops else [result.model, result.hardware]
    if not any(share is not None and share.impossible for share in used):
        return 0
    complain("more than 100 % of a peak: the count, the time or the peak is wrong")
    return IMPOSSIBLE
