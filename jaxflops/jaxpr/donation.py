"""Which inputs a program may overwrite: those that the user donated to `jax.jit`."""

from __future__ import annotations

from typing import Any

import jax

from jaxflops.jaxpr import _jax


def donations(target: Any) -> tuple[bool, ...]:
    """For each flat input of a `Traced` or a jaxpr, whether it is donated; empty: none is.

    A jaxpr is of a jitted function where one call of it is all that it holds.
    """
    if isinstance(target, jax.stages.Traced):
        flags = tuple(bool(info.donated) for info in jax.tree.leaves(target.args_info))
    else:
        flags = _of_one_call(_jax.open_jaxpr(target))
    inputs = _jax.open_jaxpr(getattr(target, "jaxpr", target)).invars
    return flags if any(flags) and len(flags) == len(inputs) else ()


def _of_one_call(jaxpr: Any) -> tuple[bool, ...]:
    if len(jaxpr.eqns) != 1:
        return ()
    (eqn,) = jaxpr.eqns
    flags = eqn.params.get("donated_invars", ())
    given = {v for v, flag in zip(eqn.invars, flags, strict=False) if flag and _is_variable(v)}
    return tuple(v in given for v in jaxpr.invars)


def _is_variable(atom: Any) -> bool:
    return type(atom) is not _jax.Literal
