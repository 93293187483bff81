"""Where a loop, a call or a fusion stands: at the deepest scope and phase of all that is in it.

Sites in the tree are relative to the parent, so a container must not say more than its parts do.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from jaxflops.hlo.sites import COMPILER
from jaxflops.tree import Node, Phase, Site, compose_phase

_new = tuple.__new__  # a third of the time of a named tuple's own
Scope = tuple[str, ...]


def common_scope(scopes: Collection[Scope]) -> Scope:
    """The longest path that all begin with; the compiler's own site where there is none."""
    named = [scope for scope in scopes if scope != COMPILER]
    if len(named) < 2:  # noqa: PLR2004
        return named[0] if named else COMPILER
    first, last = min(named), max(named)
    length = next(
        (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b),
        min(len(first), len(last)),
    )
    return first[:length]


def common_phase(own: Phase | None, inner: frozenset[Phase | None]) -> Phase | None:
    """`own`, unless it would change the phase of something inside."""
    if inner == {own}:
        return own
    kept = all(each is None or compose_phase(own, each) == each for each in inner)
    return own if kept else None


def placed(
    own: Site, children: Sequence[Node], inner: frozenset[Phase | None]
) -> tuple[Site, tuple[Node, ...]]:
    """The container's site and its children, relative to it."""
    distinct = {id(child): child for child in children}  # alike ones stand there many times
    scope = common_scope({own.scope, *[child.site.scope for child in distinct.values()]})
    site = Site(scope, own.source, common_phase(own.phase, inner))
    if not scope:
        return site, tuple(children)
    inside = {key: _relative(child, scope) for key, child in distinct.items()}
    return site, tuple([inside[id(child)] for child in children])


def _relative(child: Node, outer: Scope) -> Node:
    """A node at an absolute site, seen from a container at `outer`."""
    site = child.site
    if site.scope == COMPILER != outer:
        return child
    inside = _new(Site, (site.scope[len(outer) :], site.source, site.phase))
    return _new(Node, (child.label, inside, *child[2:]))
