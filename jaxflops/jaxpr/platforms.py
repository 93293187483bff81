"""Choices by platform (`lax.platform_dependent`): the branch that is counted, in place of them all.

What only a branch for another platform reads is dead then, as it is when the program is lowered.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.inside import rewritten

_Memo = dict[int, tuple[Any, Any]]  # id of an open jaxpr -> it, and what it became


def chosen(platforms: Any) -> int:
    """The branch for every platform that has none of its own, or the last."""
    generic = [i for i, names in enumerate(platforms) if names is None]
    return generic[0] if generic else len(platforms) - 1


def platforms_chosen(jaxpr: Any, memo: _Memo | None = None) -> Any:
    """The open jaxpr with all branches of such a choice that one; itself where there is none.

    What is shared stays shared.
    """
    memo = {} if memo is None else memo
    opened = _jax.open_jaxpr(jaxpr)
    if id(opened) not in memo:
        eqns = [_equation(eqn, memo) for eqn in opened.eqns]
        same = all(a is b for a, b in zip(eqns, opened.eqns, strict=True))
        memo[id(opened)] = opened, opened if same else opened.replace(eqns=eqns)
    return memo[id(opened)][1]


def _equation(eqn: Any, memo: _Memo) -> Any:
    changed = {}
    for name, value in eqn.params.items():
        inner = rewritten(value, partial(platforms_chosen, memo=memo))
        if inner is not value:
            changed[name] = inner
    platforms = eqn.params.get("branches_platforms")
    if platforms is not None:
        branches = changed.get("branches", eqn.params["branches"])
        changed["branches"] = (branches[chosen(platforms)],) * len(branches)
    return eqn.replace(params={**eqn.params, **changed}) if changed else eqn
