"""Which instruction launches one that a profiler names and that no computation runs by itself.

A GPU's profiler names what a kernel was made for: the instruction inside of an asynchronous pair,
or a library's call that XLA fused with the slices of its operands (`dynamic_slice_fusion`).
"""

from __future__ import annotations

from collections.abc import Iterator

from jaxflops.hlo.ir import Module

_FUSIONS = ("fusion", "fusion-start")


def launching(module: Module) -> dict[str, str]:
    """Name of an instruction inside -> of the outermost one around it, where that is only one."""
    around: dict[str, str | None] = dict(module.wrapped)
    for inner, outer in _fused(module):
        around[inner] = None if inner in around else outer
    return {name: found for name in around if (found := _outermost(name, around)) is not None}


def _fused(module: Module) -> Iterator[tuple[str, str]]:
    for where in module.computations.values():
        for ins in where:
            if ins.opcode in _FUSIONS:
                for inner in module[ins.called[0]]:
                    yield inner.name, ins.name


def _outermost(name: str, around: dict[str, str | None]) -> str | None:
    found: str | None = name
    while found is not None and found in around:
        found = around[found]
    return found
