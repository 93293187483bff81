"""Group a tree by one key; every view sums to the total."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from jaxflops.cost import ZERO, Cost
from jaxflops.errors import JaxflopsError
from jaxflops.tree import Node, Source, compose_phase

Key = Literal["primitive", "scope", "source", "dtype", "kind", "phase"]
Part = object
Grouped = dict[Part, Cost]


class _View(NamedTuple):
    """part: what a leaf or call contributes; compose: (outer part, inner part) -> part."""

    part: Callable[[Node], Part]
    compose: Callable[[Part, Part], Part]
    show: Callable[[Part], str]


def by(tree: Node, key: Key, depth: int | None = None) -> dict[str, Cost]:
    """Cost by primitive, scope, source line, dtype, kind or phase; the largest first.

    depth: keep only the first so many names of a scope path.
    """
    if key not in get_args(Key):
        raise JaxflopsError(f"by({key!r}): write one of {', '.join(map(repr, get_args(Key)))}")
    if depth is not None and (key != "scope" or depth < 1):
        raise JaxflopsError(f"by({key!r}, depth={depth}): depth >= 1 shortens scope paths only")
    view = _VIEWS[key]
    merged: dict[str, Cost] = {}
    for part, cost in _group(tree, view, {}).items():
        name = view.show(part[:depth] if isinstance(part, tuple) and key == "scope" else part)
        merged[name] = merged.get(name, ZERO) + cost
    return _largest_first(merged)


def _group(node: Node, view: _View, memo: dict[int, Grouped]) -> Grouped:
    """Costs of a subtree by relative part; a shared subtree is grouped once."""
    known = memo.get(id(node))
    if known is not None:
        return known
    here = view.part(node)
    grouped: Grouped = {here: node.own} if node.own is not ZERO or not node.children else {}
    for child in node.children:
        for part, cost in _group(child, view, memo).items():
            whole = view.compose(here, part)
            grouped[whole] = grouped.get(whole, ZERO) + cost
    scaled = {part: cost * node.times for part, cost in grouped.items()} if node.times != 0 else {}
    memo[id(node)] = scaled
    return scaled


def _largest_first(costs: dict[str, Cost]) -> dict[str, Cost]:
    """By FLOPs where they can be ordered; else in the order of appearance."""
    try:
        return dict(sorted(costs.items(), key=lambda item: _weight(item[1]), reverse=True))
    except JaxflopsError:
        return costs


def _weight(cost: Cost) -> tuple[object, ...]:
    return (cost.flops, cost.transcendentals, cost.int_ops, cost.bytes)


def show_source(source: Source | None) -> str:
    """`file.py:12`, relative to the working directory when it lies below."""
    if source is None or not source.file:
        return "(no source)"
    path = Path(source.file)
    below = path.is_relative_to(Path.cwd())
    return f"{path.relative_to(Path.cwd()) if below else path}:{source.line}"


def _inner(outer: Part, inner: Part) -> Part:
    return inner if inner is not None else outer


def _place(node: Node) -> Part:
    source = node.site.source
    return show_source(source) if source is not None and source.file else None


_VIEWS: dict[str, _View] = {
    "primitive": _View(lambda n: n.label, _inner, str),
    "kind": _View(lambda n: n.kind, _inner, lambda k: str(k) if k else "(none)"),
    "dtype": _View(
        lambda n: n.kind.operands[0] if n.kind else None, _inner, lambda d: str(d or "(none)")
    ),
    "phase": _View(
        lambda n: n.site.phase,
        compose_phase,  # type: ignore[arg-type]
        lambda phase: str(phase or "forward"),
    ),
    "scope": _View(
        lambda n: n.site.scope,
        lambda outer, inner: outer + inner,  # type: ignore[operator]
        "/".join,  # type: ignore[arg-type]
    ),
    "source": _View(_place, _inner, lambda place: str(place or "(no source)")),
}
