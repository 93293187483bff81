"""Where a loop, a call or a fusion stands: at the deepest scope and phase of all that is in it.

Sites in the tree are relative to the parent, so a container must not say more than its parts do.
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxflops.hlo.sites import COMPILER
from jaxflops.tree import Node, Phase, Site, compose_phase

Scope = tuple[str, ...]


def common_scope(scopes: Sequence[Scope]) -> Scope:
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


def relative(node: Node, outer: Scope) -> Node:
    """A node at an absolute site as the child of a container at `outer`."""
    scope = node.site.scope
    if scope == COMPILER != outer:
        return node
    if not outer:
        return node
    site = Site(scope[len(outer) :], node.site.source, node.site.phase)
    return Node(node.label, site, *node[2:])


def placed(
    own: Site, children: Sequence[Node], inner: frozenset[Phase | None]
) -> tuple[Site, tuple[Node, ...]]:
    """The container's site and its children, relative to it."""
    scope = common_scope([own.scope, *(child.site.scope for child in children)])
    site = Site(scope, own.source, common_phase(own.phase, inner))
    return site, tuple(relative(child, scope) for child in children)
