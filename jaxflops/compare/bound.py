"""An equation by itself, on operands of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
from jax import lax
from jax.sharding import AxisType, PartitionSpec

from jaxflops.jaxpr.unread import unread


def bound(eqn: Any, values: Sequence[Any], same: Sequence[int], given: Sequence[Any]) -> Any:
    """The results of the equation that something reads.

    values: of operands that are constants, None for the others, which are `given` in order.
    same: of each operand the first that is the same array.
    """
    axes = _manual(eqn)
    if not axes:
        return _bound(eqn, values, same, given)
    mesh = eqn.ctx.cur_abstract_mesh
    spec: Any = PartitionSpec
    shard_map: Any = jax.shard_map
    each = shard_map(
        lambda *operands: _shards(_bound(eqn, values, same, _varying(eqn, values, operands))),
        mesh=mesh.update(axis_types=(AxisType.Auto,) * len(mesh.axis_names)),
        in_specs=spec(),
        out_specs=spec(axes),
        axis_names=set(axes),
        check_vma=any(map(_axes, eqn.invars)),
    )
    return each(*given)


def _bound(eqn: Any, values: Sequence[Any], same: Sequence[int], given: Sequence[Any]) -> Any:
    rest = iter(given)
    operands: list[Any] = []
    for place, (v, value) in enumerate(zip(eqn.invars, values, strict=True)):
        own = next(rest) if value is None else lax.full(v.aval.shape, value, v.aval.dtype)
        operands.append(own if same[place] == place else operands[same[place]])
    found = eqn.primitive.get_bind_params(eqn.params)
    functions, params = found if isinstance(found, tuple) else ((), found)  # JAX < 0.11 has both
    with eqn.ctx.manager:
        results = eqn.primitive.bind(*functions, *operands, **params)
    dead = unread(eqn)
    return [each for i, each in enumerate(results) if i not in dead] if dead else results


def _manual(eqn: Any) -> tuple[str, ...]:
    """The axes of the shard_map around it."""
    mesh = eqn.ctx.cur_abstract_mesh
    types = zip(mesh.axis_names, mesh.axis_types, strict=True) if mesh.axis_names else ()
    return tuple(name for name, kind in types if kind == AxisType.Manual)


def _axes(v: Any) -> tuple[str, ...]:
    """The axes along which shards of a variable differ."""
    return tuple(sorted(getattr(getattr(v.aval, "mat", None), "varying", ())))


def _varying(eqn: Any, values: Sequence[Any], given: Sequence[Any]) -> list[Any]:
    """The operands given, different on the shards on which the equation's are."""
    free = [v for v, value in zip(eqn.invars, values, strict=True) if value is None]
    return [
        lax.pcast(x, _axes(v), to="varying") if _axes(v) else x
        for v, x in zip(free, given, strict=True)
    ]


def _shards(results: Any) -> Any:
    """Each shard's results as one of several."""
    return jax.tree.map(lambda x: x[None], results)
