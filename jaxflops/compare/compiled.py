"""Lowered against compiled: which pass of the compiler changed what."""

from __future__ import annotations

from collections.abc import Iterator

from jaxflops.compare.causes import cause_of
from jaxflops.compare.entries import Entries
from jaxflops.compare.join import join
from jaxflops.compare.passes import Change, Passes, changes
from jaxflops.compare.rows import Row, Step, summed, unexplained

STEP: Step = "lowered to compiled"
MOVED = "instruction named after another site by the compiler"


def compiled_rows(passes: Passes, before: Entries, after: Entries) -> list[Row]:
    """Every difference between a lowered program's contractions and its compiled program's.

    Passes are looked at only where FLOPs differ: to read what they did takes time. Equal work under
    another name is one row.
    """
    differences = join(before, after)
    if any(difference.change for difference in differences):
        steps = changes(passes)
        if not steps:
            return unexplained(STEP, differences, " (this backend dumps no HLO between passes)")
        return list(_of_passes(steps, before, after))
    return [Row(STEP, MOVED, *summed(differences), explained=True)] if differences else []


def _of_passes(steps: list[Change], before: Entries, after: Entries) -> Iterator[Row]:
    """A row a pass, and what the passes do not lead from or to."""
    yield from unexplained(STEP, join(before, steps[0].after), " (before the first pass)")
    for change in steps[1:-1]:
        yield from _of_pass(change)
    yield from _end(steps[-1].after, after)


def _of_pass(change: Change) -> Iterator[Row]:
    cause = cause_of(change)
    if cause is None:
        yield from unexplained(STEP, change.differences, f" (pass {change.name})")
        return
    row = Row(STEP, f"{cause} (pass {change.name})", *summed(change.differences), explained=True)
    if row.flops:
        yield row


def _end(last: Entries, after: Entries) -> Iterator[Row]:
    """What happened after the last pass: nothing may."""
    yield from unexplained(STEP, join(last, after), " (after the last pass)")
