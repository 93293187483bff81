"""Which loops and choices of a program can be observed while it runs, and by what key."""

from __future__ import annotations

from typing import Any

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.leaf import make_op
from jaxflops.jaxpr.op import Bodies, Body, OneOf, OpenLoop
from jaxflops.jaxpr.options import Options
from jaxflops.jaxpr.registry import BODY_RULES

Path = tuple[int, ...]
"""From the program down to a jaxpr or an equation: equation, body, equation, body, ..."""

Key = tuple[Path, int]
"""A counter of the equation at a path: body executions (0) and active ones (1) of a `while`; of a
`cond`, the executions of each branch."""

# Calls that may be replaced by what they run; others (a kernel, a sharded body) run as they stand.
_IN_PLACE = frozenset(
    (
        *("jit", "pjit", "remat", "remat2", "remat3", "checkpoint", "closed_call", "core_call"),
        *("core_closed_call", "eval_jaxpr", "custom_jvp_call", "custom_vjp_call", "scan", "while"),
        *("custom_vjp_call_jaxpr", "custom_vmap_call", "custom_linear_solve", "cond"),
    )
)


def bodies_of(eqn: Any) -> Bodies | None:
    """The bodies of an equation that can be run in its place; None where it runs as it stands."""
    name = eqn.primitive.name
    if name not in _IN_PLACE:
        return None
    return BODY_RULES[name](make_op(eqn, Options()), **eqn.params)


def as_tuple(bodies: Bodies) -> tuple[Body, ...]:
    """The bodies in the order in which a walk makes their nodes."""
    if isinstance(bodies, OneOf):
        return bodies.branches
    return (bodies.test, bodies.body) if isinstance(bodies, OpenLoop) else bodies


class Observable:
    """What is to be observed in a program; each jaxpr is looked through once."""

    def __init__(self) -> None:
        self._found: dict[int, bool] = {}
        self._alive: list[Any] = []  # keeps jaxprs alive while their ids are keys

    def inside(self, jaxpr: Any) -> bool:
        """Whether a loop or choice that data decides stands anywhere in the jaxpr."""
        opened = _jax.open_jaxpr(jaxpr)
        if id(opened) not in self._found:
            self._alive.append(opened)
            self._found[id(opened)] = any(map(self.in_equation, opened.eqns))
        return self._found[id(opened)]

    def in_equation(self, eqn: Any) -> bool:
        """Whether an equation is one, or runs one."""
        name = eqn.primitive.name
        if name in ("while", "cond") or name not in _IN_PLACE:
            return name in ("while", "cond")
        return any(self.inside(body.jaxpr) for body in as_tuple(bodies_of(eqn) or ()))

    def keys(self, jaxpr: Any, path: Path) -> list[Key]:
        """The counters of a jaxpr at a path."""
        found: list[Key] = []
        for at, eqn in enumerate(_jax.open_jaxpr(jaxpr).eqns):
            if self.in_equation(eqn):
                here = (*path, at)
                bodies = bodies_of(eqn) or ()
                found += [(here, number) for number in range(_own(bodies))]
                for number, body in enumerate(as_tuple(bodies)):
                    found += self.keys(body.jaxpr, (*here, number))
        return found


def batch_of(loop: OpenLoop) -> tuple[int, ...]:
    """The sizes of the batch whose elements each have a condition; empty without `vmap`."""
    (condition,) = _jax.open_jaxpr(loop.test.jaxpr).outvars
    return tuple(condition.aval.shape)


def _own(bodies: Bodies) -> int:
    if isinstance(bodies, OpenLoop):
        return 2 if batch_of(bodies) else 1
    return len(bodies.branches) if isinstance(bodies, OneOf) else 0
