"""`jf.costed`: a function whose cost is stated by who wrote it (a kernel, a foreign function).

The function becomes one equation that runs what it always ran; its cost is the one stated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, wraps
from typing import Any

import jax
from jax.extend import core
from jax.interpreters import ad as _ad
from jax.interpreters import batching, mlir

from jaxflops.cost import Cost
from jaxflops.errors import JaxflopsError
from jaxflops.jaxpr.leaf import array_of
from jaxflops.jaxpr.symbols import to_count
from jaxflops.jaxpr.users_rules import told, written

ad: Any = _ad  # untyped, as primitives are
Stated = Cost | Callable[..., Cost]


def costed(
    fn: Callable[..., Any], cost: Stated, *, backward: Stated | None = None, name: str = ""
) -> Callable[..., Any]:
    """`fn`, counted as `cost`: `kernel = jf.costed(kernel, lambda q, k: jf.Cost(...))`.

    cost: of one call; a `Cost`, or a function of `fn`'s own arguments, in which each array is a
      `jf.Array` (shape, dtype; sizes may be symbols). Without bytes, those of operands and results
      are added.
    backward: of one call's pullback, likewise; reverse mode then runs `jax.vjp` of `fn`, its
      forward counted as `cost`, its pullback as `backward`. Without it a derivative of `fn` is
      counted from its own code, and the analysis says so; where `fn` has none, write a
      `jax.custom_vjp` and put `costed` around its two parts.

    Works under `jit`, `scan` and `remat`; `vmap` over n multiplies the cost by n. `fn` takes
    pytrees of arrays (bind other arguments with functools.partial) and has no side effects and no
    collectives.
    """
    name = name or getattr(fn, "__name__", type(fn).__name__)
    _check(cost, "cost", name)
    if backward is not None:
        _check(backward, "backward", name)

    @wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = jax.tree.flatten((args, kwargs))

        def flat(*leaves: Any) -> Any:
            args, kwargs = jax.tree.unflatten(structure, leaves)
            return fn(*args, **kwargs)

        forward = _stated(cost, name, args, kwargs)
        if backward is None:
            return _one_equation(flat, leaves, forward, name)
        pulled = _stated(backward, f"{name}, backward", args, kwargs)
        return _with_pullback(flat, leaves, (forward, pulled), name)

    return call


def _one_equation(fn: Callable[..., Any], leaves: Sequence[Any], cost: Cost, name: str) -> Any:
    """`fn(*leaves)` as one equation; what it closes over becomes an operand."""
    structures: list[Any] = []

    def flat(*leaves: Any) -> list[Any]:
        results, structure = jax.tree.flatten(fn(*leaves))
        structures.append(structure)
        return results

    jaxpr, constants = _close_over(flat, leaves)
    if jaxpr.effects:
        effects = ", ".join(sorted(map(str, jaxpr.effects)))
        raise JaxflopsError(
            f"jf.costed({name}): it has side effects or collectives ({effects}), and one equation "
            "cannot stand for them; put jf.costed around the parts without"
        )
    with jax.named_scope(name):
        results = costed_p.bind(*constants, *leaves, jaxpr=jaxpr, cost=cost, name=name)
    return jax.tree.unflatten(structures[0], results)


def _with_pullback(
    fn: Callable[..., Any], leaves: Sequence[Any], costs: tuple[Cost, Cost], name: str
) -> Any:
    """`fn(*leaves)` whose reverse mode is two equations, each of stated cost."""

    @jax.custom_vjp
    def call(*leaves: Any) -> Any:
        return _one_equation(fn, leaves, costs[0], name)

    def forward(*leaves: Any) -> Any:
        return _one_equation(lambda *x: jax.vjp(fn, *x), leaves, costs[0], name)

    def pull(pullback: Any, cotangents: Any) -> tuple[Any, ...]:
        operands, structure = jax.tree.flatten((pullback, cotangents))

        def flat(*operands: Any) -> tuple[Any, ...]:
            pullback, cotangents = jax.tree.unflatten(structure, operands)
            return tuple(map(_gradient, pullback(cotangents)))

        gradients: tuple[Any, ...] = _one_equation(flat, operands, costs[1], f"{name}, backward")
        return gradients

    call.defvjp(forward, pull)
    return call(*leaves)


def _close_over(fn: Callable[..., Any], args: Sequence[Any]) -> tuple[Any, list[Any]]:
    """The jaxpr of `fn(*args)` with what `fn` closes over as its first inputs, and those values."""
    closed = jax.make_jaxpr(fn)(*args)
    constants = list(closed.consts)
    count = len(constants)

    def whole(*values: Any) -> Any:
        return jax.core.eval_jaxpr(closed.jaxpr, values[:count], *values[count:])

    return (jax.make_jaxpr(whole)(*constants, *args) if constants else closed), constants


def _gradient(value: Any) -> Any:
    """None for an argument that has no gradient (an integer)."""
    return None if value.dtype == jax.dtypes.float0 else value


def _check(cost: Any, word: str, name: str) -> None:
    if not isinstance(cost, Cost) and not callable(cost):
        raise JaxflopsError(
            f"jf.costed({name}): {word} is a {type(cost).__name__}; write a jf.Cost, or a function "
            "of the same arguments that returns one"
        )


def _stated(cost: Stated, name: str, args: Any, kwargs: Any) -> Cost:
    """The cost of one call on these arguments."""
    if isinstance(cost, Cost):
        return cost
    shapes = jax.tree.map(lambda x: array_of(jax.typeof(x)), (args, kwargs))
    try:
        value = cost(*shapes[0], **shapes[1])
    except JaxflopsError:
        raise
    except Exception as error:
        raise JaxflopsError(
            f"jf.costed({name}): its cost function, {written(cost)}, raised {told(error)}"
        ) from error
    if not isinstance(value, Cost):
        raise JaxflopsError(
            f"jf.costed({name}): its cost function returned a {type(value).__name__}; "
            "return a jf.Cost"
        )
    return value


costed_p: Any = core.Primitive("costed")
costed_p.multiple_results = True
differentiated_p: Any = core.Primitive("costed_differentiated")
"""Stands on every tangent that enters the derivative of a costed function: it tells of it."""


@lru_cache(maxsize=512)
def _compiled(jaxpr: Any) -> Any:
    return jax.jit(core.jaxpr_as_fun(jaxpr))


def _run(*args: Any, jaxpr: Any, **_: Any) -> Any:
    return _compiled(jaxpr)(*args)


def _results(*_args: Any, jaxpr: Any, **_: Any) -> Any:
    return jaxpr.out_avals


def _inside(*args: Any, jaxpr: Any, **_: Any) -> Any:
    return core.jaxpr_as_fun(jaxpr)(*args)


def _map(args: Any, axes: Any, *, jaxpr: Any, cost: Cost, name: str) -> Any:
    """n calls at once cost n times as much."""
    size = next(x.shape[axis] for x, axis in zip(args, axes, strict=True) if axis is not None)
    mapped = jax.vmap(core.jaxpr_as_fun(jaxpr), in_axes=tuple(axes), axis_size=size)
    jaxpr = jax.make_jaxpr(mapped)(*args)
    results = costed_p.bind(*args, jaxpr=jaxpr, cost=cost * to_count(size), name=name)
    return results, [0] * len(results)


def _push_forward(primals: Any, tangents: Any, *, jaxpr: Any, name: str, **_: Any) -> Any:
    """The derivative of the function's own code, in the arguments that have a tangent."""
    moving = [i for i, tangent in enumerate(tangents) if type(tangent) is not ad.Zero]
    marked = [differentiated_p.bind(tangents[i], name=name) for i in moving]

    def moved(*some: Any) -> Any:
        full = list(primals)
        for i, value in zip(moving, some, strict=True):
            full[i] = value
        return core.jaxpr_as_fun(jaxpr)(*full)

    results, pushed = jax.jvp(moved, [primals[i] for i in moving], marked)
    return results, [_tangent(t, x) for t, x in zip(pushed, results, strict=True)]


def _tangent(tangent: Any, result: Any) -> Any:
    is_none = tangent.dtype == jax.dtypes.float0
    return ad.Zero.from_primal_value(result) if is_none else tangent


costed_p.def_impl(_run)
costed_p.def_abstract_eval(_results)
mlir.register_lowering(costed_p, mlir.lower_fun(_inside, multiple_results=True))
batching.primitive_batchers[costed_p] = _map
ad.primitive_jvps[costed_p] = _push_forward

differentiated_p.def_impl(lambda x, **_: x)
differentiated_p.def_abstract_eval(lambda x, **_: x)
mlir.register_lowering(differentiated_p, lambda _, x, **__: [x])
batching.primitive_batchers[differentiated_p] = lambda args, axes, **name: (
    differentiated_p.bind(*args, **name),
    axes[0],
)
ad.deflinear2(differentiated_p, lambda ct, _, **name: [differentiated_p.bind(ct, **name)])
