"""Results that nothing reads, of primitives that do less without them."""

from __future__ import annotations

from typing import Any

from jax.extend.core import DropVar, Literal

PARTIAL = frozenset({"qr", "eigh", "lu"})
"""Lowered as several instructions, some of which make only what may not be read."""


def unread_dropped(eqn: Any, jaxpr: Any) -> Any:
    """The equation, with a DropVar for each result that nothing in its `jaxpr` reads."""
    atoms = (*jaxpr.outvars, *(atom for each in jaxpr.eqns for atom in each.invars))
    read = {atom for atom in atoms if type(atom) is not Literal}
    if read.issuperset(eqn.outvars):
        return eqn
    return eqn.replace(outvars=[v if v in read else DropVar(v.aval) for v in eqn.outvars])


def unread(eqn: Any) -> tuple[int, ...]:
    """Positions of the results that nothing reads, of a primitive that does less without them."""
    if eqn.primitive.name not in PARTIAL:
        return ()
    return tuple(i for i, v in enumerate(eqn.outvars) if type(v) is DropVar)
