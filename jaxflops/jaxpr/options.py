"""The choices that change what is counted; every analysis carries the ones it was made with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from jaxflops.branches import BranchPolicy
from jaxflops.errors import JaxflopsError
from jaxflops.jaxpr.op import Convolutions
from jaxflops.polynomial import Count, Polynomial

BRANCH_CHOICES = (
    "write branch='max', 'min', 'sum', a branch's index, or the name of a branch's function"
)


@dataclass(frozen=True)
class Options:
    """How to count.

    conv: `taps` (those that meet real input) or `nominal` (padding counted too).
    branch: what a `cond` costs: its `max`, `min` or `sum`, the index of the branch that runs, or
      the name of its function (a `cond` that has none of that name costs its `max`).
    trip_counts: trips of `while` loops whose count the program does not say, by scope path
      (`encoder/loop`) or by `file:line`.
    strict: raise on a primitive without a rule.
    rules: cost rules for this call only, by primitive name.
    cells: whether a kernel's branches that its grid decides count in the cells that take them
      alone; if not, as `branch` says, as they do for XLA.
    """

    conv: Convolutions = "taps"
    branch: BranchPolicy | int | str = "max"
    trip_counts: Mapping[str, Count] = field(default_factory=dict)
    strict: bool = False
    rules: Mapping[str, Any] = field(default_factory=dict)
    cells: bool = True

    def __post_init__(self) -> None:
        if self.conv not in get_args(Convolutions):
            raise JaxflopsError(f"conv={self.conv!r}: write conv='taps' or conv='nominal'")
        if type(self.branch) not in (int, str):
            raise JaxflopsError(f"branch={self.branch!r}: {BRANCH_CHOICES}")
        for place, trips in self.trip_counts.items():
            whole = isinstance(trips, Polynomial) or (hasattr(trips, "__index__") and trips >= 0)
            if not whole:
                raise JaxflopsError(
                    f"trip_counts: {trips!r} trips at {place!r}; write an int >= 0, or a polynomial"
                )

    def check_branches(self, names: Collection[str]) -> None:
        """Raise JaxflopsError if `branch` names a function and no `cond` has one of that name."""
        named = isinstance(self.branch, str) and self.branch not in get_args(BranchPolicy)
        if named and self.branch not in names:
            known = ", ".join(map(repr, sorted(set(names) - {"<lambda>"}))) or "no names"
            raise JaxflopsError(f"branch={self.branch!r}: {BRANCH_CHOICES}; the conds have {known}")
