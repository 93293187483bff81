"""Iterations that lowering writes out beside a scan's loop (`unroll`), without their dead code.

In a loop every iteration runs the whole body. JAX 0.12 removes dead code from the iterations that
stand outside of it: what only the next carry needs is dead in the last one. Where no iteration is
left to the loop, each sees what the one before made, constants too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import jax
from jax import lax
from jax.extend import core

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.inside import rewritten


def written_out(jaxpr: Any) -> Any:
    """A live jaxpr with such iterations as calls of their own; itself where there are none.

    To be walked, not run: the calls stand for what they cost.
    """
    eqns = jaxpr.eqns
    changed = [new for eqn in eqns for new in _equation(eqn, jaxpr)]
    same = len(changed) == len(eqns) and all(a is b for a, b in zip(changed, eqns, strict=True))
    return jaxpr if same else jaxpr.replace(eqns=changed)


def _equation(eqn: Any, where: Any) -> Iterator[Any]:
    whole = _unrolled(eqn, where) if _is_unrolled(eqn) else None
    if whole is not None:
        yield whole
        return
    params = {name: rewritten(value, written_out) for name, value in eqn.params.items()}
    apart = list(_apart(eqn, where)) if eqn.primitive.name == "scan" else []
    if apart:
        params["length"] -= len(apart)
    same = all(params[name] is value for name, value in eqn.params.items())
    yield eqn if same else eqn.replace(params=params)
    yield from apart


def _is_unrolled(eqn: Any) -> bool:
    length = eqn.params.get("length")
    return bool(eqn.primitive.name == "scan" and length and _beside(eqn.params) == length)


def _unrolled(eqn: Any, where: Any) -> Any:
    """A call, written out in turn, of all iterations; None where they cannot be traced here."""
    shapes = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in eqn.invars]  # type: ignore[no-untyped-call]
    try:
        traced = jax.make_jaxpr(partial(_iterations, eqn.params))(*shapes)
    except Exception:  # noqa: BLE001 - axis names of a mesh around it: counted one by one
        return None
    wanted = _wanted(eqn, where)
    body, used = _jax.dce(traced, wanted)
    info = _jax.open_jaxpr(eqn.params["jaxpr"]).debug_info  # its equations are the user's, or not
    body = body.replace(debug_info=info._replace(arg_names=None, result_paths=None))
    call = _as_call(eqn, written_out(body), used, wanted)
    return call.replace(params={**call.params, "inline": True})


def _iterations(params: dict[str, Any], *operands: Any) -> list[Any]:
    """What the scan computes: its last carry, and what it stacks."""
    consts, carries = _jax.scan_counts(params)
    order, made = range(params["length"]), {}
    carry, stacked = operands[consts : consts + carries], operands[consts + carries :]
    for i in reversed(order) if params["reverse"] else order:
        slices = [lax.squeeze(lax.slice_in_dim(x, i, i + 1), (0,)) for x in stacked]
        results = core.jaxpr_as_fun(params["jaxpr"])(*operands[:consts], *carry, *slices)
        carry, made[i] = results[:carries], results[carries:]
    columns = zip(*(made[i] for i in order), strict=True)
    return [*carry, *(_stacked(column) for column in columns)]


def _stacked(slices: Sequence[Any]) -> Any:
    return lax.concatenate([lax.expand_dims(x, (0,)) for x in slices], 0)


def _apart(eqn: Any, where: Any) -> Iterator[Any]:
    """A call for each iteration outside of the loop in which something is dead, the last first."""
    consts, carries = _jax.scan_counts(eqn.params)
    wanted = _wanted(eqn, where)
    for _ in range(_beside(eqn.params)):
        if all(wanted):
            return
        body, used = _jax.dce(eqn.params["jaxpr"], wanted)
        yield _as_call(eqn, written_out(body), used, wanted)
        wanted = [*used[consts : consts + carries], *wanted[carries:]]


def _wanted(eqn: Any, where: Any) -> list[bool]:
    """Of each of its results, whether something in the jaxpr `where` reads it."""
    read = {id(v) for other in where.eqns for v in other.invars} | {id(v) for v in where.outvars}
    return [id(v) in read for v in eqn.outvars]


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
