"""Trip counts: of one form of a program for another that says less, and where none is known."""

from __future__ import annotations

from pathlib import Path

from jaxflops.compare.entries import place_of
from jaxflops.coverage import distinct
from jaxflops.errors import JaxflopsError
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


def refuse_open(tree: Node, column: str) -> None:
    """Raise JaxflopsError for contractions in loops of a column whose trips it does not show."""
    for node, site, times in tree.leaves():
        if node.own.matmul_flops != 0 and not isinstance(times, int):
            raise JaxflopsError(
                f"the {column} program runs {node.label} at {place_of(site)} {times} times: data "
                "end that loop, or it is one that only this program has, so its contractions are "
                "no number to compare, and no trip_counts name it; jf.analyze counts the program "
                "as it is written, and jf.analyze_compiled shows the compiled one with its symbols"
            )
