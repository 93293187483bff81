"""Which instructions of a module nothing needs: dead until a pass removes them."""

from __future__ import annotations

from jaxflops.hlo.ir import Computation, Module

_ACTS = frozenset(
    """custom-call infeed outfeed send send-done recv recv-done rng
    rng-get-and-update-state""".split()  # noqa: SIM905
)
"""What may act beside its result, so that it is never called dead."""


def dead(module: Module) -> frozenset[str]:
    """Names of instructions from which no path leads to the result of the program.

    Instructions of a computation that only dead instructions call are dead, too.
    """
    live: set[str] = set()
    reached, waiting = {module.entry}, [module.entry]
    while waiting:
        computation = module[waiting.pop()]
        for name in _needed(computation):
            live.add(name)
            new = set(computation[name].called) - reached
            reached |= new
            waiting += new
    return frozenset(ins.name for where in module.computations.values() for ins in where) - live


def _needed(computation: Computation) -> set[str]:
    """Instructions that the computation's result needs, and those that act."""
    waiting = [computation.root, *(ins.name for ins in computation if ins.opcode in _ACTS)]
    found = set(waiting)
    while waiting:
        new = set(computation[waiting.pop()].operands) - found
        found |= new
        waiting += new
    return found
