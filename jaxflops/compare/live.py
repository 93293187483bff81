"""What of a module is needed, and what of that does any work."""

from __future__ import annotations

from dataclasses import replace

from jaxflops.hlo.ir import Computation, Module

_ACTS = frozenset(
    """custom-call infeed outfeed send send-done recv recv-done rng
    rng-get-and-update-state""".split()  # noqa: SIM905
)
"""What may act beside its result, so that it is never called dead."""
_FREE = frozenset(
    """parameter constant tuple get-tuple-element bitcast copy copy-start copy-done reshape
    transpose broadcast iota slice pad concatenate dynamic-slice reverse""".split()  # noqa: SIM905
)
"""What costs no operation, and whose place in a module tells nothing of what does."""


def live(module: Module) -> Module:
    """The module without dead work: no path leads from it to the result of the program.

    What only dead instructions call is dead, too. Itself where nothing that costs anything is.
    """
    needed = _needed(module)
    dead = any(
        ins.opcode not in _FREE and ins.name not in needed.get(where.name, ())
        for where in module.computations.values()
        for ins in where
    )
    if not dead:
        return module
    kept = {name: _kept(module[name], names) for name, names in needed.items()}
    return replace(module, computations={n: kept[n] for n in module.computations if n in kept})


def _kept(computation: Computation, names: set[str]) -> Computation:
    instructions = {
        name: ins
        for name, ins in computation.instructions.items()
        if name in names or ins.opcode == "parameter"
    }
    return replace(computation, instructions=instructions)


def _needed(module: Module) -> dict[str, set[str]]:
    """By computation that runs, the instructions that its result needs, and those that act."""
    found: dict[str, set[str]] = {}
    waiting = [module.entry]
    while waiting:
        name = waiting.pop()
        if name not in found:
            computation = module[name]
            found[name] = _paths(computation)
            waiting += [each for ins in found[name] for each in computation[ins].called]
    return found


def _paths(computation: Computation) -> set[str]:
    waiting = [computation.root, *(ins.name for ins in computation if ins.opcode in _ACTS)]
    found = set(waiting)
    while waiting:
        new = set(computation[waiting.pop()].operands) - found
        found |= new
        waiting += new
    return found


def working(module: Module) -> frozenset[tuple[object, ...]]:
    """Instructions that do something, by all that decides what they cost and where it stands.

    Two forms of a module for which this is the same have the same costs.
    """
    return frozenset(
        (
            where.name,
            *(ins.name, ins.opcode, ins.op_name, ins.shape, ins.called),
            *[where[name].shape for name in ins.operands],
        )
        for where in module.computations.values()
        for ins in where
        if ins.opcode not in _FREE
    )
