"""Control flow: how often each jaxpr of a loop or a choice runs, and how values pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.op import Bodies, Body, OneOf, Op, OpenLoop
from jaxflops.jaxpr.platforms import chosen
from jaxflops.jaxpr.registry import body_rule
from jaxflops.jaxpr.rules.calls import straight
from jaxflops.jaxpr.symbols import to_count


@body_rule("scan")
def scan(op: Op, /, *, jaxpr: Any, length: Any, unroll: Any = 1, **params: Any) -> Bodies:
    """`length` executions of the body, whatever `unroll`; the carry feeds the next iteration."""
    consts, carries = _jax.scan_counts(params)
    body = straight(op, jaxpr, label="body", times=to_count(length))
    feedback = tuple((i, consts + i) for i in range(carries))
    copies = lowered_copies(length, unroll)
    return (Body(body.jaxpr, body.times, "body", body.inputs, body.outputs, feedback, copies),)


def lowered_copies(length: Any, unroll: Any) -> int:
    """How often lowering writes a scan's body: `unroll` in the loop, the remainder beside it.

    A loop of one block is written straight out (jax/_src/lax/control_flow/loops.py, _scan_impl).
    """
    if not isinstance(length, int) or not isinstance(unroll, int):
        return 1
    if unroll == 0 or length == 0:  # 0 means: wholly unrolled
        return length
    block = min(unroll, length)
    return block + length % block


@body_rule("while")
def while_loop(
    op: Op,
    /,
    *,
    cond_jaxpr: Any,
    cond_nconsts: int,
    body_jaxpr: Any,
    body_nconsts: int,
    **_: Any,
) -> Bodies:
    """The body runs as often as the condition holds; the condition runs once more."""
    first = cond_nconsts + body_nconsts
    carry = tuple(range(first, len(op.inputs)))
    results = tuple(range(len(op.outputs)))
    test = Body(cond_jaxpr, label="cond", inputs=(*range(cond_nconsts), *carry), outputs=(None,))
    body = Body(
        body_jaxpr,
        label="body",
        inputs=(*range(cond_nconsts, first), *carry),
        outputs=results,
        feedback=tuple((i, body_nconsts + i) for i in results),
    )
    return OpenLoop(test, body)


@body_rule("cond")
def cond(op: Op, /, *, branches: Any, branches_platforms: Any = None, **_: Any) -> Bodies:
    """One branch runs. `branches_platforms` selects by platform at lowering, not by data."""
    bodies = tuple(
        straight(op, jaxpr, label=f"branch {i}", skip=1) for i, jaxpr in enumerate(branches)
    )
    names = tuple(map(_name, branches))
    taken = None if branches_platforms is None else chosen(branches_platforms)
    return OneOf(bodies, taken, names)


def _name(branch: Any) -> str:
    """The name of the function that was traced into a branch; empty where unknown."""
    info = getattr(_jax.open_jaxpr(branch), "debug_info", None)
    return str(getattr(info, "func_name", "") or "")


def unknown_bodies(params: Mapping[str, Any]) -> tuple[Body, ...]:
    """Every jaxpr in the parameters of a primitive without a rule, once each: a guess, marked."""
    return tuple(Body(jaxpr, label=name) for name, jaxpr in _jax.jaxprs_in(params))
