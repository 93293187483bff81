"""Calls that mark a function for the compiler, for a device or for a rule: it runs once."""

from __future__ import annotations

from typing import Any

from jaxflops.jaxpr.op import Bodies, Op
from jaxflops.jaxpr.registry import body_rule
from jaxflops.jaxpr.rules.calls import straight


@body_rule("composite", "call", "xla_metadata_call", "compute_on", "fused_call")
@body_rule("fusible", "jaxpr_call", "pipeline_body")
def wrapped(op: Op, /, *, jaxpr: Any = None, call_jaxpr: Any = None, **_: Any) -> Bodies:
    """The function marked; JAX calls the parameter `jaxpr` or, in newer versions, `call_jaxpr`."""
    return (straight(op, call_jaxpr if jaxpr is None else jaxpr),)


@body_rule("custom_partitioning")
def custom_partitioning(op: Op, /, *, call: Any, **_: Any) -> Bodies:
    """The function as written; how it is partitioned is the compiler's part."""
    return (straight(op, call),)


@body_rule("linear_call")
def linear_call(op: Op, /, *, callee: Any, **_: Any) -> Bodies:
    """The function; its transpose has replaced it where it is transposed."""
    return (straight(op, callee),)


@body_rule("remat_opt")
def remat_opt(op: Op, /, *, fwd_jaxpr: Any, **_: Any) -> Bodies:
    """The forward rule of a custom_vjp that `remat` may drop; where it does, it has replaced it."""
    return (straight(op, fwd_jaxpr),)
