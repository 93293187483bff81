"""Which branch of a conditional is counted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from jaxflops.cost import ZERO, Cost
from jaxflops.errors import JaxflopsError
from jaxflops.tree import Node, Site

BranchPolicy = Literal["max", "min", "sum"]


def choose(
    nodes: Sequence[Node],
    known: int | None,
    policy: BranchPolicy | int | str,
    site: Site,
    names: Sequence[str] = (),
) -> tuple[set[int], tuple[str, ...]]:
    """Positions of the branches that count, and a note when it is the policy that decides.

    `known` is the branch that lowering selects (a platform's). Branches are ordered by FLOPs,
    then transcendentals, integer operations and bytes. `names` are those of their functions; a
    policy that is the name of just one selects it, and where there is none, the costliest counts.
    """
    if known is not None:
        return {known}, ()
    source = site.source
    place = f"cond at {Path(source.file).name or '?'}:{source.line}" if source else "cond"
    if policy == "sum":
        return set(range(len(nodes))), (f"{place}: all {len(nodes)} branches counted",)
    if isinstance(policy, int) or list(names).count(policy) == 1:
        given = policy if isinstance(policy, int) else list(names).index(policy)
        return {_index(given, nodes, place)}, (f"{place}: branch {policy} counted, as given",)
    return _extreme(nodes, "min" if policy == "min" else "max", place)


def _extreme(
    nodes: Sequence[Node], policy: BranchPolicy, place: str
) -> tuple[set[int], tuple[str, ...]]:
    """The least or costliest branch; nothing to say of it where all cost the same."""
    if len({node.total for node in nodes}) == 1:
        return {0}, ()
    try:
        ranked = sorted(range(len(nodes)), key=lambda i: _rank(nodes[i].total))
    except JaxflopsError:
        return {0}, (f"{place}: its branches cannot be ordered in symbols; branch 0 counted",)
    chosen = ranked[0] if policy == "min" else ranked[-1]
    costs = ", ".join(str(nodes[i].total.flops) for i in ranked)
    return {chosen}, (f"{place}: branch {chosen} counted ({policy} of {costs} FLOPs)",)


def taken(nodes: Sequence[Node], chosen: set[int]) -> tuple[Node, ...]:
    """The branches, with times 0 for those not chosen."""
    return tuple(
        node if i in chosen else node._replace(times=0, total=ZERO) for i, node in enumerate(nodes)
    )


def _index(policy: int, nodes: Sequence[Node], place: str) -> int:
    if not 0 <= policy < len(nodes):
        raise JaxflopsError(f"{place}: branch={policy}, but it has branches 0..{len(nodes) - 1}")
    return policy


def _rank(cost: Cost) -> tuple[object, ...]:
    return (cost.flops, cost.transcendentals, cost.int_ops, cost.bytes)
