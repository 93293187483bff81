"""Where a loop, a call or a fusion stands: at the deepest scope and phase of all that is in it.

Sites in the tree are relative to the parent, so a container must not say more than its parts do.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from jaxflops.hlo.sites import COMPILER
from jaxflops.tree import Node, Phase, Site, compose_phase

Scope = tuple[str, ...]


def common_scope(scopes: Collection[Scope]) -> Scope:
    """The longest path that all begin with; the compiler's own site where there is none."""
    named = [scope for scope in scopes if scope != COMPILER]
    if not named:
        return COMPILER
    first, last = min(named), max(named)
    length = next(
        (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b),
        min(len(first), len(last)),
    )
    return first[:length]


def common_phase(own: Phase | None, inner: frozenset[Phase | None]) -> Phase | None:
    """`own`, unless it would change the phase of something inside."""
    kept = all(each is None or compose_phase(own, each) == each for each in inner)
    return own if kept else None


def placed(
    own: Site, children: Sequence[Node], inner: frozenset[Phase | None]
) -> tuple[Site, tuple[Node, ...]]:
    """The container's site and its children, relative to it."""
    scope = common_scope({own.scope, *[child.site.scope for child in children]})
    site = Site(scope, own.source, common_phase(own.phase, inner))
    return site, _relative(children, scope) if scope else tuple(children)


def _relative(children: Sequence[Node], outer: Scope) -> tuple[Node, ...]:
    """Nodes at absolute sites, seen from a container at `outer`; a shared site stays shared."""
    inside: dict[int, Site] = {}
    for site in {id(child.site): child.site for child in children}.values():
        kept = site.scope == COMPILER != outer
        inside[id(site)] = site if kept else Site(site.scope[len(outer) :], site.source, site.phase)
    return tuple(
        [tuple.__new__(Node, (each.label, inside[id(each.site)], *each[2:])) for each in children]
    )
