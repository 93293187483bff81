"""A program run again equation by equation, with its contractions or without them.

XLA reports one number for a whole program. Lowering the program with contractions and without,
and subtracting, gives what XLA itself says of the contractions alone. An empty array stands for
each one; its operands stay alive through an optimization barrier, which costs nothing, so nothing
else changes. Both sides are run again alike, because inlining a call can change how much dead
code lowering finds.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax import lax
from jax.extend import core

CONTRACTIONS = {"dot_general", "conv_general_dilated", "ragged_dot_general"}
INLINED = {"jit", "pjit", "closed_call", "remat", "remat2", "checkpoint", "custom_jvp_call"}
INLINED |= {"custom_vjp_call"}


def run_again(jaxpr: Any, *, contractions: bool) -> Callable[..., list[Any]]:
    """A function of the jaxpr's flat inputs that runs its equations, contractions or not."""
    opened = getattr(jaxpr, "jaxpr", jaxpr)
    constants = getattr(jaxpr, "consts", ())

    def run(*args: Any) -> list[Any]:
        values = dict(zip(opened.constvars, constants, strict=True))
        values.update(zip(opened.invars, args, strict=True))

        def read(atom: Any) -> Any:
            return atom.val if isinstance(atom, core.Literal) else values[atom]

        for eqn in opened.eqns:
            results = _equation(eqn, [read(v) for v in eqn.invars], contractions)
            values.update(zip(eqn.outvars, results, strict=True))
        return [read(v) for v in opened.outvars]

    return run


def _equation(eqn: Any, operands: Sequence[Any], contractions: bool) -> Sequence[Any]:
    name, params = eqn.primitive.name, eqn.params
    if name in CONTRACTIONS and not contractions:
        empty = [lax.full(v.aval.shape, 0, v.aval.dtype) for v in eqn.outvars]
        return lax.optimization_barrier((*empty, *operands))[: len(empty)]
    if name in INLINED:
        inner = params.get("jaxpr", params.get("call_jaxpr"))
        return run_again(inner, contractions=contractions)(*operands)
    if name == "custom_linear_solve":
        raise NotImplementedError("custom_linear_solve: its contractions stay")
    replaced = {key: _rebuild(value, contractions) for key, value in params.items()}
    results = eqn.primitive.bind(*operands, **replaced)
    return results if eqn.primitive.multiple_results else [results]


def _rebuild(value: Any, contractions: bool) -> Any:
    if isinstance(value, (core.ClosedJaxpr, core.Jaxpr)) and not _is_scatter_combiner(value):
        opened = getattr(value, "jaxpr", value)
        avals = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in opened.invars]
        return jax.make_jaxpr(run_again(value, contractions=contractions))(*avals)
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple(_rebuild(item, contractions) for item in value)
    return value


def _is_scatter_combiner(jaxpr: Any) -> bool:
    """A jaxpr of scalars: the combiner of a scatter or a reduction, left as it is."""
    opened = getattr(jaxpr, "jaxpr", jaxpr)
    return bool(opened.invars) and all(getattr(v.aval, "shape", ()) == () for v in opened.invars)
