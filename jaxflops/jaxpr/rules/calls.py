"""Call-like primitives: which jaxpr they run, once, on their own operands."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.op import Bodies, Body, Op
from jaxflops.jaxpr.registry import body_rule
from jaxflops.jaxpr.replication import replicating_axes
from jaxflops.polynomial import Count


def straight(op: Op, jaxpr: Any, *, label: str = "", times: Count = 1, skip: int = 0) -> Body:
    """A body whose inputs are the operands after the first `skip`, and whose results are ours."""
    inner = _jax.open_jaxpr(jaxpr)
    return Body(
        jaxpr,
        times,
        label,
        inputs=tuple(range(skip, skip + len(inner.invars))),
        outputs=tuple(range(len(op.outputs))),
    )


@body_rule("jit", "pjit", "remat", "remat2", "remat3", "checkpoint", "core_closed_call")
def call_with_jaxpr(op: Op, /, *, jaxpr: Any, **_: Any) -> Bodies:
    """The jaxpr runs once; whether it is compiled apart or rematerialised changes no count."""
    return (straight(op, jaxpr),)


@body_rule("closed_call", "core_call", "eval_jaxpr", "program_order")
@body_rule("custom_jvp_call", "custom_vjp_call")
def call_with_call_jaxpr(op: Op, /, *, call_jaxpr: Any, **_: Any) -> Bodies:
    """The primal function runs once; under differentiation JAX has replaced it by its rule."""
    return (straight(op, call_jaxpr),)


@body_rule("custom_vjp_call_jaxpr")
def call_with_fun_jaxpr(op: Op, /, *, fun_jaxpr: Any, **_: Any) -> Bodies:
    """The primal function of a custom_vjp in older jaxprs."""
    return (straight(op, fun_jaxpr),)


@body_rule("custom_vmap_call")
def custom_vmap_call(op: Op, /, *, call: Any, **_: Any) -> Bodies:
    """The function itself; its batching rule has replaced it where it is mapped."""
    return (straight(op, call),)


@body_rule("custom_linear_solve")
def custom_linear_solve(op: Op, /, *, const_lengths: Any, jaxprs: Any, **_: Any) -> Bodies:
    """Only `solve` runs forward: (its constants, b); the transposed solve belongs to the vjp.

    Operands are the constants of (matvec, vecmat, solve, transpose_solve), then b.
    """
    first = const_lengths.matvec + const_lengths.vecmat
    constants = range(first, first + const_lengths.solve)
    right = range(sum(const_lengths), len(op.inputs))
    return (
        Body(
            jaxprs.solve,
            label="solve",
            inputs=(*constants, *right),
            outputs=tuple(range(len(op.outputs))),
        ),
    )


@body_rule("xla_pmap")
def xla_pmap(op: Op, /, *, call_jaxpr: Any, global_axis_size: int, **_: Any) -> Bodies:
    """One execution on each device; counts are global."""
    return (straight(op, call_jaxpr, label="shard", times=global_axis_size),)


@body_rule("shard_map")
def shard_map(
    op: Op,
    /,
    *,
    jaxpr: Any,
    mesh: Any,
    newly_manual_axes: Any,
    in_specs: Any,
    out_specs: Any,
    **_: Any,
) -> Bodies:
    """One execution on each shard of the manual axes, with per-shard shapes; counts are global."""
    shards = prod(mesh.shape[name] for name in newly_manual_axes)
    idle = replicating_axes(jaxpr, newly_manual_axes, (*in_specs, *out_specs))
    replicas = prod(mesh.shape[name] for name in idle)
    return (replace(straight(op, jaxpr, label="shard", times=shards), replicas=replicas),)
