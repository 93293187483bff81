"""Trip counts of one form of a program as hints for another form that says less."""

from __future__ import annotations

from pathlib import Path

from jaxflops.coverage import distinct
from jaxflops.polynomial import Count
from jaxflops.tree import Node


def trips_by_place(tree: Node) -> dict[str, Count]:
    """The trips of each `while` of a jaxpr's tree, by `file:line`, where they are the same."""
    found: dict[str, set[Count]] = {}
    for node in distinct(tree):
        if node.label == "while" and node.site.source is not None:
            place = f"{Path(node.site.source.file).name or '?'}:{node.site.source.line}"
            found.setdefault(place, set()).add(node.children[-1].times)
    return {place: counts.pop() for place, counts in found.items() if len(counts) == 1}
