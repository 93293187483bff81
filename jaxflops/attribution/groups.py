"""Instructions grouped by where they stand or by what they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, get_args

from jaxflops import views
from jaxflops.attribution.spent import Item
from jaxflops.errors import JaxflopsError

Key = Literal["scope", "source", "phase", "site", "opcode", "instruction"]


def group(items: Iterable[Item], key: Key, depth: int | None = None) -> dict[str, list[Item]]:
    """The items by key, each in one group; `site` is scope and phase together.

    depth: keep only the first so many names of a scope path.
    """
    if key not in get_args(Key):
        raise JaxflopsError(f"by({key!r}): write one of {', '.join(map(repr, get_args(Key)))}")
    if depth is not None and (key not in ("scope", "site") or depth < 1):
        raise JaxflopsError(f"by({key!r}, depth={depth}): depth >= 1 shortens scope paths only")
    groups: dict[str, list[Item]] = {}
    for each in items:
        groups.setdefault(_KEYS[key](each, depth), []).append(each)
    return groups


def _scope(each: Item, depth: int | None) -> str:
    return "/".join(each.site.scope[:depth]) or "(no scope)"


def _phase(each: Item, depth: int | None) -> str:
    del depth
    return each.site.phase or "forward"


_KEYS: dict[str, Callable[[Item, int | None], str]] = {
    "scope": _scope,
    "source": lambda each, _: views.show_source(each.site.source),
    "phase": _phase,
    "site": lambda each, depth: f"{_scope(each, depth)} {_phase(each, depth)}",
    "opcode": lambda each, _: each.opcode,
    "instruction": lambda each, _: each.name,
}
