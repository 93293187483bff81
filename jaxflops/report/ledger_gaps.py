"""What a ledger has no number for: opaque calls, and elementwise work that data decide."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxflops.compare.elementwise import Elementwise
from jaxflops.polynomial import Count
from jaxflops.report import files, ledger, numbers
from jaxflops.report.text import paragraph

if TYPE_CHECKING:
    from jaxflops.compare.opaque import Opaque
    from jaxflops.comparison import Comparison

HEADING = "elementwise work and reductions"
INDENT = "    "


def text(comparison: Comparison) -> str:
    """`str(comparison)`: the ledger, then what has no number."""
    parts = (_numbers(comparison, ledger.text(_contractions(comparison))), *_opaque(comparison))
    return "\n".join(parts)


def markdown(comparison: Comparison) -> str:
    """The same as Markdown."""
    shown = ledger.markdown(_contractions(comparison))
    return "\n".join(
        (
            _numbers(comparison, shown, INDENT),
            *(f"{INDENT}{line}" if line else "" for line in _opaque(comparison)),
        )
    )


def dump(comparison: Comparison, path: str | Path | None = None) -> dict[str, Any]:
    """The same as plain JSON data; written to `path` when given."""
    data = ledger.dump(_contractions(comparison))
    reason = comparison.no_elementwise
    if reason is not None:
        counted = list(_counted(comparison))
        known = {"counted": counted, "ok": False, "rows": [], "reason": reason}
        data |= {"ok": comparison.ok, "elementwise": dict.fromkeys(data["elementwise"]) | known}
    data["unknown"] = {
        column: [{**call._asdict(), "times": _plain(call.times), "flops": None} for call in calls]
        for column, calls in comparison.unknown.items()
    }
    if path is not None:
        files.write(json.dumps(data, indent=1) + "\n", path)
    return data


def _contractions(comparison: Comparison) -> Comparison:
    """The comparison; where elementwise work has no number, with an account of nothing."""
    if comparison.no_elementwise is None:
        return comparison
    return replace(comparison, account=lambda: Elementwise((0, 0), (0, 0), ()))


def _numbers(comparison: Comparison, shown: str, indent: str = "") -> str:
    """The ledger as shown; the part that has no number says why."""
    if comparison.no_elementwise is None:
        return shown
    before, _, _ = shown.partition(HEADING)
    counted = "".join(f"{numbers.exact(count):>14}" for count in _counted(comparison))
    lines = [
        f"{'counted':28}{counted}",
        *paragraph(f"NOT OK: {comparison.no_elementwise}").splitlines(),
        "",
        *paragraph(ledger.xla_line(comparison)).splitlines(),
    ]
    title = f"{HEADING}: FLOPs and transcendental calls"
    return before + "\n".join([title, *(f"{indent}{line}" if line else "" for line in lines)])


def _counted(comparison: Comparison) -> tuple[Count, Count]:
    total = comparison.counted.tree.total
    return total.other_flops, total.transcendentals


def _opaque(comparison: Comparison) -> Iterator[str]:
    """The calls of every column."""
    if any(comparison.unknown.values()):
        yield ""
        yield "calls whose FLOPs are unknown, and in no number above"
    for column, calls in comparison.unknown.items():
        for call in calls:
            yield from _call(column, call)


def _call(column: str, call: Opaque) -> Iterator[str]:
    more = len(call.sites) - ledger.LISTED
    shown = ", ".join(call.sites[: ledger.LISTED]) + (f" and {more} more" if more > 0 else "")
    yield f"{column:28}{call.name}, {numbers.exact(call.times)} times"
    yield from paragraph(f"  at {shown}").splitlines()


def _plain(times: Count) -> int | str:
    return times if isinstance(times, int) else str(times)
