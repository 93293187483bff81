"""A profile as plain text and as data: where the device seconds went, and what explains them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from jaxflops import views
from jaxflops.report import files, numbers
from jaxflops.report.measurement import duration, percent
from jaxflops.report.text import paragraph

if TYPE_CHECKING:
    from jaxflops.attribution.executions import Loop
    from jaxflops.attribution.spent import Item, Spent
    from jaxflops.profiled import Profile

LISTED = 10
"""Rows of a table, before it says how many more there are."""

_WIDEST = 28
_HEADINGS = ("seconds", "share", "FLOPs", "FLOP/s", "of peak", "B/s", "above ideal")


def text(profile: Profile) -> str:
    """`str(profile)`."""
    return "\n\n".join(blocks(profile))


def blocks(
    profile: Profile, keys: Sequence[str] = ("phase", "scope"), top: int = LISTED
) -> list[str]:
    """Header, a table for each key, what wastes most, loops, and what nothing explains."""
    parts = [_lines(_header(profile)), *(view(profile, key, top) for key in keys)]
    parts += [_slowest(profile, top), _loops(profile.loops), _unexplained(profile)]
    parts += [_impossible(profile), _lines(f"caveat: {each}" for each in profile.caveats)]
    return [part for part in parts if part]


def view(profile: Profile, key: str, top: int = LISTED, depth: int | None = None) -> str:
    """The table of `profile.by(key)`; with `top`, only the first rows and how many more."""
    return _table(key, list(profile.by(key, depth).values()), profile, top)  # type: ignore[arg-type]


def _header(profile: Profile) -> Iterator[str]:
    low, high = min(profile.spans), max(profile.spans)
    yield (
        f"{profile.name} on {profile.device_kind}: {duration(profile.device_seconds)} on the "
        f"device, mean of {len(profile.spans)} runs of {duration(low)} to {duration(high)}; "
        f"on the wall clock {duration(median(profile.walls))} a call (median), without the "
        f"profiler {duration(median(profile.free))}"
    )
    yield (
        f"explained by a site of the program: {percent(profile.explained)}; inferred from "
        f"the data flow, of what has no name: {percent(profile.inferred)}; no instruction active: "
        f"{percent(profile.between / profile.device_seconds)}"
    )
    against = (
        profile.roofs.against if profile.roofs else f"no peaks known for {profile.device_kind}"
    )
    yield (
        f"roofs: {against}; seconds: each instant in equal parts to all instructions active in it; "
        "FLOPs and bytes of the compiled program, as often as it ran"
    )


def _slowest(profile: Profile, top: int) -> str:
    rows = profile.slowest(top)
    table = _table("most above ideal", rows, profile, 0, total=False)
    return table if profile.roofs else ""


def _table(
    corner: str, rows: list[Spent], profile: Profile, top: int, *, total: bool = True
) -> str:
    shown = rows[:top] if top and len(rows) > top + 1 else rows
    labels = [corner, *(_elided(row.key) for row in shown)]
    cells = [list(_HEADINGS), *(_cells(row) for row in shown)]
    if len(shown) < len(rows):
        rest = sum(row.seconds for row in rows[len(shown) :])
        labels.append(f"... {len(rows) - len(shown)} more")
        cells.append([duration(rest), _share(rest / profile.device_seconds), *[""] * 5])
    if total:
        labels.append("total")
        cells.append(_cells(profile.total))
    return _aligned(labels, cells, rule_before_last=total)


def _cells(row: Spent) -> list[str]:
    cost = row.cost
    used = row.of_peak
    return [
        duration(row.seconds),
        _share(row.share),
        "?" if cost is None else numbers.rounded(int(cost.flops)) if cost.flops else "",
        _rate(row.flops_per_second),
        "" if used is None else _share(used) + (" !" if row.impossible else ""),
        _rate(row.bytes_per_second),
        "" if row.above_ideal is None else duration(row.above_ideal),
    ]


def _share(value: float) -> str:
    """Of one width in a table, and not 0 unless it is."""
    return "< 0.1 %" if 0 < value < 0.0005 else f"{value:.1%}".replace("%", " %")  # noqa: PLR2004


def _rate(per_second: float | None) -> str:
    """With decimal prefixes, as peaks and bandwidths are given; the heading has the unit."""
    return numbers.rounded(round(per_second)) if per_second else ""


def _aligned(labels: list[str], cells: list[list[str]], *, rule_before_last: bool) -> str:
    margin = max(map(len, labels)) + 2
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        (label.ljust(margin) + "  ".join(map(str.rjust, texts, widths))).rstrip()
        for label, texts in zip(labels, cells, strict=True)
    ]
    rule = "-" * max(map(len, lines))
    last = [rule, lines[-1]] if rule_before_last else [lines[-1]]
    return "\n".join([lines[0], rule, *lines[1:-1], *last])


def _loops(loops: Iterable[Loop]) -> str:
    return _lines(
        f"loop {loop.name} ({'/'.join(loop.site.scope) or 'no scope'}, "
        f"{views.show_source(loop.site.source)}): trips inferred {loop.inferred}, observed "
        f"{'none' if loop.observed is None else loop.observed}"
        f"{'' if loop.agrees else ': DISAGREE'}"
        for loop in loops
    )


def _unexplained(profile: Profile) -> str:
    """The instructions that no site explains, with what they are."""
    found = profile.unexplained
    if not found:
        return ""
    share = sum(each.seconds for each in found) / profile.device_seconds
    lines = [f"no site explains {percent(share)} (the compiler's own, or shared by unlike scopes):"]
    lines += [_own(each) for each in found[:LISTED]]
    if len(found) > LISTED:
        lines.append(f"  ... {len(found) - LISTED} more")
    return "\n".join(lines)


def _own(each: Item) -> str:
    what = f"{each.opcode} of {each.copies}" if each.copies else each.opcode
    return f"  {each.name} {what}: {duration(each.seconds)}"


def _impossible(profile: Profile) -> str:
    return _lines(
        f"IMPOSSIBLE: {row.key} took {duration(row.active)}, and at its kinds' peaks it takes "
        f"{duration(row.peak_seconds or 0)}: a time, a count or a peak is wrong"
        for row in profile.impossible
    )


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(paragraph(line) for line in lines)


def _elided(label: str) -> str:
    """The end of a long label: the innermost scope, the file and line."""
    return label if len(label) <= _WIDEST else f"...{label[3 - _WIDEST :]}"


def dump(profile: Profile, path: str | Path | None = None) -> dict[str, Any]:
    """The profile as plain JSON data; written to `path` when given."""
    data: dict[str, Any] = {
        "function": profile.name,
        "device_kind": profile.device_kind,
        "roofs": profile.roofs.against if profile.roofs else None,
        "wall_seconds": list(profile.walls),
        "wall_seconds_without_profiler": list(profile.free),
        "run_seconds": list(profile.spans),
        "device_seconds": profile.device_seconds,
        "between_instructions": profile.between,
        "explained": profile.explained,
        "inferred": profile.inferred,
        "sites": [_row(row) for row in profile.by("site").values()],
        "instructions": [_item(each) for each in profile.items],
        "loops": [
            {
                "name": loop.name,
                "scope": "/".join(loop.site.scope),
                "inferred": str(loop.inferred),
                "observed": None if loop.observed is None else float(loop.observed),
            }
            for loop in profile.loops
        ],
        "impossible": [row.key for row in profile.impossible],
        "caveats": list(profile.caveats),
    }
    if path is not None:
        files.write(json.dumps(data, indent=1) + "\n", path)
    return data


def _row(row: Spent) -> dict[str, Any]:
    return {
        "site": row.key,
        "seconds": row.seconds,
        "share": row.share,
        "inferred_seconds": row.inferred,
        "shared_seconds": row.shared,
        "flops": None if row.cost is None else int(row.cost.flops),
        "bytes": None if row.cost is None else int(row.cost.bytes),
        "of_peak": row.of_peak,
        "ideal_seconds": row.ideal_seconds,
    }


def _item(each: Item) -> dict[str, Any]:
    return {
        "name": each.name,
        "opcode": each.opcode,
        "scope": "/".join(each.site.scope),
        "source": views.show_source(each.site.source),
        "phase": each.site.phase or "forward",
        "explained_by": each.how,
        "shared": each.shared,
        "runs": each.runs,
        "seconds": each.seconds,
        "active_seconds": each.active,
        "kernels": list(each.kernels),
        "flops": None if each.cost is None else int(each.cost.flops),
    }
