"""`jaxflops compile`: what XLA will run of a function, or of a dumped module."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxflops.cli import options, output
from jaxflops.cli.show import complain, show
from jaxflops.errors import JaxflopsError
from jaxflops.report import blocks

if TYPE_CHECKING:
    from jaxflops.compiled import CompiledAnalysis
    from jaxflops.report.blocks import Block

EXAMPLES = """\
examples:
  jaxflops compile jaxflops.models:two_layer --at B=32,D=512,K=10 --mode grad --by primitive
  jaxflops compile train.py:step --args "{w: f32[512,64]} f32[32,512]" --json compiled.json
  jaxflops compile dumps/module_0000.jit_step.after_optimizations.txt --by scope,source

exit code: 0, 1 with --strict and an unknown instruction, 2 for wrong input.
"""
UNKNOWN = 1
_DUMPS = (".txt", ".pb", ".hlo", ".mlir")


def add(verbs: argparse._SubParsersAction[Any]) -> None:
    """Add the verb and its options."""
    verb = options.add_verb(
        verbs,
        "compile",
        help="count what XLA will run of a function",
        description="Count what XLA will run of a function, or of a dumped HLO module (text, or "
        "a serialized proto), with memory and collectives; it is compiled, and not run.",
        epilog=EXAMPLES,
    )
    options.add_call(verb)
    options.add_loops(verb)
    options.add_branch(verb)
    verb.add_argument("--strict", action="store_true", help="exit 1 on an unknown instruction")
    options.add_sizes(verb)
    options.add_tables(verb)
    verb.add_argument(
        "--json", metavar="PATH", help=f"write everything, exactly; {output.TO_STDOUT}"
    )
    verb.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Compile or read, write JSON, print; 1 under --strict when something is unknown."""
    options.check_depth(given)
    result, hint = _of_dump(given) if _is_dump(given.target) else _of_function(given)
    output.write(result, given)
    if not output.takes_stdout(given):
        show(_blocks(result, hint, given))
    if given.strict and result.unknown:
        complain(f"--strict: no rule for {', '.join(item.name for item in result.unknown)}")
        return UNKNOWN
    return 0


def _is_dump(target: str) -> bool:
    """Whether it is the path of a module; raises JaxflopsError for one where no file is."""
    path = Path(target)
    if path.suffix == ".py" or (":" in target and not path.is_file()):
        return False
    if not path.is_file() and (path.is_dir() or path.suffix in _DUMPS or "/" in target):
        what = f"{path} is a folder" if path.is_dir() else f"no file {path} in {Path.cwd()}"
        raise JaxflopsError(f"{what}; write the path of a dump, or module:function")
    return path.is_file()


def _of_dump(given: argparse.Namespace) -> tuple[CompiledAnalysis, str]:
    from jaxflops.compiled import analyze_compiled

    if given.args or given.set or given.preset or given.mode != "call" or given.at:
        raise JaxflopsError(
            f"{given.target} is a module, which has its arguments: leave --args, --set, --preset, "
            "--mode and --at out"
        )
    read = analyze_compiled(Path(given.target), branch=given.branch, trip_counts=dict(given.trips))
    return read(), ""


def _of_function(given: argparse.Namespace) -> tuple[CompiledAnalysis, str]:
    from jaxflops.cli import call
    from jaxflops.compiled import analyze_compiled

    called = call.concrete(given)
    count = analyze_compiled(
        called.fn,
        mode=given.mode,
        argnums=called.argnums,
        has_aux=given.has_aux,
        static_argnums=called.static,
        branch=given.branch,
        trip_counts=dict(given.trips),
    )
    hint = called.hint if given.mode != "call" else ""
    return count(*called.args, **called.kwargs), hint


def _blocks(result: CompiledAnalysis, hint: str, given: argparse.Namespace) -> list[Block]:
    from jaxflops.report import compiled as report

    parts = list(report.blocks_of(result))
    for key in given.by:
        costs = result.by(key, depth=given.depth if key == "scope" else None)
        parts.append(blocks.view(key, costs, given.top, traffic=report.TRAFFIC))
    return [*parts, hint] if hint else parts
