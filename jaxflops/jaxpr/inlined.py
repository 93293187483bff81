"""Calls written out where they stand; constant operands are seen where lowering sees them.

Lowering writes custom derivatives out, and then folds what depends on constants alone; a jitted
function stays a function, whose parameters are no constants. The result is to be walked, not run:
a function that is called twice has the same variables twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jax.extend import core

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.inside import rewritten
from jaxflops.jaxpr.unread import PARTIAL, unread_dropped

_SEEN = ("custom_jvp_call", "custom_vjp_call")
_CALLS = ("jit", "pjit", "closed_call", "eval_jaxpr", "core_call", *_SEEN)
_REMAT = ("remat", "remat2", "checkpoint")
_Env = dict[int, Any]
"""Id of a variable -> what stands for it: a variable outside of the call, or a literal."""


def inlined(jaxpr: Any) -> Any:
    """An open jaxpr with its calls, and those in its loops and branches, written out."""
    return _inlined(jaxpr, {})


def _inlined(jaxpr: Any, env: _Env) -> Any:
    eqns = list(_equations(jaxpr, env))
    return jaxpr.replace(eqns=eqns, outvars=[_seen(v, env) for v in jaxpr.outvars])


def _equations(jaxpr: Any, env: _Env) -> Iterator[Any]:
    for eqn in jaxpr.eqns:
        if eqn.primitive.name in PARTIAL:
            eqn = unread_dropped(eqn, jaxpr)  # noqa: PLW2901
        operands = [_seen(v, env) for v in eqn.invars]
        inner = _called(eqn)
        if inner is None:
            for out in eqn.outvars:
                env.pop(id(out), None)
            yield eqn.replace(invars=operands, params=_inside(eqn, operands))
            continue
        within = dict(zip(map(id, inner.invars), operands, strict=True)) if _is_seen(eqn) else {}
        library = _jax.is_library(inner)
        for each in _equations(inner, within):
            yield each.replace(source_info=_placed(each.source_info, eqn.source_info, library))
        env.update(
            zip(map(id, eqn.outvars), (_seen(v, within) for v in inner.outvars), strict=True)
        )


def _placed(info: Any, call: Any, library: bool) -> Any:
    """Where an equation stands, seen from outside its call; library code stands at the call."""
    stack = call.name_stack + info.name_stack
    return (call if library else info).replace(name_stack=stack)


def _seen(v: Any, env: _Env) -> Any:
    return v if isinstance(v, core.Literal) else env.get(id(v), v)


def _is_seen(eqn: Any) -> bool:
    """Whether lowering writes the call out: JAX 0.12 has a word for that, before it is a truth."""
    inline = eqn.params.get("inline", False)
    return (
        eqn.primitive.name in _REMAT
        or eqn.primitive.name in _SEEN
        or inline is True
        or getattr(inline, "name", "") == "JAX_LATE"
    )


def _called(eqn: Any) -> Any:
    """The open jaxpr that the equation calls once on its operands; None for any other."""
    name, params = eqn.primitive.name, eqn.params
    if name in _REMAT and params.get("differentiated") and _kept_apart(params.get("prevent_cse")):
        return None
    if name not in (*_CALLS, *_REMAT):
        return None
    inner = _jax.open_jaxpr(eqn.params.get("jaxpr", eqn.params.get("call_jaxpr")))
    return inner if inner is not None and len(inner.invars) == len(eqn.invars) else None


def _kept_apart(prevent_cse: Any) -> bool:
    """Whether remat puts a barrier before its operands; JAX 0.11 asks for each of them."""
    return any(prevent_cse) if isinstance(prevent_cse, (tuple, list)) else bool(prevent_cse)


def _inside(eqn: Any, operands: list[Any]) -> dict[str, Any]:
    """Its parameters with their jaxprs written out; a branch has no parameters of its own."""

    def written(jaxpr: Any) -> Any:
        taken = operands[1:] if eqn.primitive.name == "cond" else ()
        known = zip(map(id, jaxpr.invars), taken, strict=True) if taken else ()
        return _inlined(jaxpr, dict(known))

    return {name: rewritten(value, written) for name, value in eqn.params.items()}
