"""Calls whose work a program does not show: each by its name, how often and where."""

from __future__ import annotations

from typing import NamedTuple

from jaxflops.compare.entries import place_of
from jaxflops.polynomial import Count
from jaxflops.tree import Node


class Opaque(NamedTuple):
    """An operation whose FLOPs are unknown, and in no total."""

    name: str
    times: Count
    sites: tuple[str, ...]


def opaque(tree: Node) -> tuple[Opaque, ...]:
    """Every such operation of a column that runs, in program order."""
    times: dict[str, Count] = {}
    sites: dict[str, dict[str, None]] = {}
    for node, site, count in tree.leaves():
        if node.state == "unknown" and count != 0:
            times[node.label] = times.get(node.label, 0) + count
            sites.setdefault(node.label, {})[str(place_of(site))] = None
    return tuple(Opaque(name, count, tuple(sites[name])) for name, count in times.items())
