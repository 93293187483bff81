"""The parts of a ledger beside its contractions: elementwise work, XLA's numbers, opaque calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jaxflops.polynomial import Count
from jaxflops.report import numbers
from jaxflops.report.text import paragraph

if TYPE_CHECKING:
    from jaxflops.compare.elementwise import Elementwise
    from jaxflops.compare.opaque import Opaque
    from jaxflops.compare.rows import WorkRow
    from jaxflops.comparison import Comparison

LISTED = 3
"""Sites that a row names before it says how many more there are."""
_Pair = tuple[Count, Count]


def lines(comparison: Comparison) -> Iterator[str]:
    """Elementwise work, or why it is no number; XLA's own numbers; opaque calls."""
    yield "elementwise work and reductions: FLOPs and transcendental calls"
    reason = comparison.no_elementwise
    if reason is None:
        yield from _account(comparison.elementwise)
    else:
        yield _columns("counted", _counted(comparison))
        yield from paragraph(f"NOT OK: {reason}").splitlines()
        yield ""
    yield from paragraph(_xla(comparison)).splitlines()
    yield from _opaque(comparison)


def _account(account: Elementwise) -> Iterator[str]:
    yield _columns("counted", account.counted)
    yield _columns("lowered", account.lowered)
    if account.compiled is not None:
        yield _columns("compiled", account.compiled)
    for row in account.rows:
        yield from paragraph(f"{_work(row)}  {row.step}: {row.cause}").splitlines()
        yield from paragraph(f"  at {sites(row.sites)}").splitlines()
    yield ""
    mark = "ok" if account.ok else "NOT OK"
    amount, whole = numbers.exact(account.unexplained), numbers.exact(sum(account.counted))
    yield f"{mark}: {amount} of {whole} elementwise operations unexplained"


def _columns(name: str, pair: _Pair) -> str:
    return f"{name:28}" + "".join(f"{numbers.exact(count):>14}" for count in pair)


def _work(row: WorkRow) -> str:
    return f"{row.flops:+,} FLOPs, {row.transcendentals:+,} calls"


def _counted(comparison: Comparison) -> _Pair:
    total = comparison.counted.tree.total
    return total.other_flops, total.transcendentals


def _xla(comparison: Comparison) -> str:
    """XLA's own numbers of the lowered program, and ours by its formulas."""
    against = comparison.lowered.against_xla
    flops, calls = against.projected
    ours = f"{flops:,} flops and {calls:,} transcendentals by XLA's formulas, bodies once"
    if against.reported is None:
        return f"{ours}; this backend reports no analysis of its own"
    off = max(map(abs, against.rounding))
    if not off:
        return f"{ours}, as XLA reports"
    cause = "the rounding of its float32 sums" if against.ok else "NOT OK, unexplained"
    return f"{ours}; XLA reports {off:,.0f} more or less: {cause}"


def _opaque(comparison: Comparison) -> Iterator[str]:
    """The calls of every column."""
    if any(comparison.unknown.values()):
        yield ""
        yield "calls whose FLOPs are unknown, and in no number above"
    for column, calls in comparison.unknown.items():
        for call in calls:
            yield f"{column:28}{call.name}, {numbers.exact(call.times)} times"
            yield from paragraph(f"  at {sites(call.sites)}").splitlines()


def sites(names: tuple[str, ...]) -> str:
    """The first of them, and how many more there are."""
    more = len(names) - LISTED
    shown = ", ".join(names[:LISTED]) or "the whole program"
    return f"{shown} and {more} more" if more > 0 else shown


def elementwise_data(comparison: Comparison) -> dict[str, Any]:
    """Elementwise work as plain JSON data; null where it is no number, with the reason."""
    reason = comparison.no_elementwise
    if reason is not None:
        nothing = dict.fromkeys(("lowered", "compiled", "unexplained"))
        counted = list(_counted(comparison))
        return {"counted": counted, **nothing, "ok": False, "rows": [], "reason": reason}
    account = comparison.elementwise
    return {
        "counted": list(account.counted),
        "lowered": list(account.lowered),
        "compiled": list(account.compiled or ()) or None,
        "unexplained": account.unexplained,
        "ok": account.ok,
        "rows": [row._asdict() for row in account.rows],
    }


def opaque_data(comparison: Comparison) -> dict[str, Any]:
    """The calls of every column as plain JSON data."""
    return {column: list(map(_call, calls)) for column, calls in comparison.unknown.items()}


def _call(call: Opaque) -> dict[str, Any]:
    times = call.times if isinstance(call.times, int) else str(call.times)
    return {**call._asdict(), "times": times, "flops": None}
