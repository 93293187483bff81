"""Unnamed instructions whose result the program named through a view of it.

When XLA rewrites an instruction, as a convolution into one of another layout, the name can stay
with the bitcast that gives the result its old shape. A bitcast does nothing: its name is the
result's.
"""

from __future__ import annotations

from jaxflops.hlo.ir import Computation, Instruction, Module

_VIEWS = ("bitcast", "reshape")


def named_views(module: Module) -> dict[str, str]:
    """Name of an unnamed instruction -> a named view of its result, where all that use it are."""
    found: dict[str, str] = {}
    for where in module.computations.values():
        users = _users(where)
        for ins in where:
            views = users.get(ins.name, [])
            if not ins.op_name and ins.name != where.root and _agree(views):
                found[ins.name] = views[0].name
    return found


def _agree(views: list[Instruction]) -> bool:
    """Whether there are any, all of them views, and all of one name."""
    names = {view.op_name for view in views if view.opcode in _VIEWS}
    return len(names) == 1 and "" not in names and all(v.opcode in _VIEWS for v in views)


def _users(where: Computation) -> dict[str, list[Instruction]]:
    users: dict[str, list[Instruction]] = {}
    for ins in where:
        for name in ins.operands:
            users.setdefault(name, []).append(ins)
    return users
