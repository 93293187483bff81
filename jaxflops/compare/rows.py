"""Rows of the ledger: a difference between two columns, and its cause if that has a name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from jaxflops.compare.entries import Place
from jaxflops.compare.join import Difference

Step = Literal["counted to lowered", "lowered to XLA", "lowered to compiled"]


class Row(NamedTuple):
    """`flops` more (or less) in the right column of `step`, for a named cause.

    size: FLOPs concerned; work that is only somewhere else has a size and no `flops`.
    explained: whether `cause` names the equations, instructions or pass that did it.
    """

    step: Step
    cause: str
    flops: int
    size: int
    sites: tuple[str, ...]
    explained: bool


class WorkRow(NamedTuple):
    """FLOPs and calls more (or less) in the right column of `step`, for a named cause.

    size: operations concerned.
    """

    step: Step
    cause: str
    flops: int
    transcendentals: int
    size: int
    sites: tuple[str, ...]
    explained: bool


_WORDS = {
    "other count": "another number of FLOPs at one place",
    "other phase": "the same work in another phase",
    "other place": "the same work at another place",
    "missing": "work of the left column only",
    "added": "work of the right column only",
}


def unexplained(step: Step, differences: Iterable[Difference], where: str = "") -> list[Row]:
    """One row for each kind of difference that nothing accounts for."""
    grouped: dict[str, list[Difference]] = {}
    for difference in differences:
        grouped.setdefault(difference.how, []).append(difference)
    return [
        Row(step, f"unexplained: {_WORDS[how]}{where}", *summed(each), explained=False)
        for how, each in grouped.items()
        if any(difference.size for difference in each)
    ]


def summed(differences: Iterable[Difference]) -> tuple[int, int, tuple[str, ...]]:
    """(change, size, sites) of several differences."""
    every = list(differences)
    places: dict[Place, None] = {}
    for difference in every:
        places.update(dict.fromkeys(difference.places))
    change = sum(difference.change for difference in every)
    return change, sum(difference.size for difference in every), tuple(map(str, places))
