"""Iterations that lowering writes out beside a scan's loop (`unroll`), without their dead code.

In a loop every iteration runs the whole body. JAX 0.12 removes dead code from the iterations that
stand outside of it: what only the next carry needs is dead in the last one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jax.extend import core

from jaxflops.jaxpr import _jax


def written_out(jaxpr: Any) -> Any:
    """A live jaxpr with such iterations as calls of their own; itself where there are none.

    To be walked, not run: the calls stand for what they cost.
    """
    eqns = jaxpr.eqns
    changed = [new for eqn in eqns for new in _equation(eqn, jaxpr)]
    same = len(changed) == len(eqns) and all(a is b for a, b in zip(changed, eqns, strict=True))
    return jaxpr if same else jaxpr.replace(eqns=changed)


def _equation(eqn: Any, where: Any) -> Iterator[Any]:
    params = {name: _inside(value) for name, value in eqn.params.items()}
    apart = list(_apart(eqn, where)) if eqn.primitive.name == "scan" else []
    if apart:
        params["length"] -= len(apart)
    same = all(params[name] is value for name, value in eqn.params.items())
    yield eqn if same else eqn.replace(params=params)
    yield from apart


def _inside(value: Any) -> Any:
    """A parameter's value with the jaxprs in it written out."""
    if isinstance(value, (tuple, list)) and any(map(_jax.is_jaxpr, value)):
        inner = [_inside(item) for item in value]
        same = all(a is b for a, b in zip(inner, value, strict=True))
        return value if same else type(value)(inner)
    if not _jax.is_jaxpr(value):
        return value
    opened = _jax.open_jaxpr(value)
    inner = written_out(opened)
    if inner is opened:
        return value
    return inner if opened is value else value.replace(jaxpr=inner)


def _apart(eqn: Any, where: Any) -> Iterator[Any]:
    """A call for each iteration outside of the loop in which something is dead, the last first."""
    consts, carries = _jax.scan_counts(eqn.params)
    read = {id(v) for other in where.eqns for v in other.invars} | {id(v) for v in where.outvars}
    wanted = [id(v) in read for v in eqn.outvars]
    for _ in range(_beside(eqn.params)):
        if all(wanted):
            return
        body, used = _jax.dce(eqn.params["jaxpr"], wanted)
        yield _as_call(eqn, written_out(body), used, wanted)
        wanted = [*used[consts : consts + carries], *wanted[carries:]]


def _beside(params: Any) -> int:
    """How many iterations lowering writes outside of the loop."""
    length, unroll = params["length"], params.get("unroll", 1)
    if unroll == 1 or not isinstance(length, int):
        return 0
    return length if unroll == 0 or unroll >= length else length % unroll


def _as_call(eqn: Any, body: Any, used: list[bool], wanted: list[bool]) -> Any:
    """An equation at the same place that calls `body` once, with what it uses."""
    return eqn.replace(
        primitive=core.primitives.closed_call_p,
        params={"call_jaxpr": body},
        invars=[v for v, flag in zip(eqn.invars, used, strict=True) if flag],
        outvars=[v for v, flag in zip(eqn.outvars, wanted, strict=True) if flag],
    )
