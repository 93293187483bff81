"""A roofline as a picture; the only file that needs matplotlib, and only when it is called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jaxflops.errors import JaxflopsError
from jaxflops.machine.roofline import Roofs, attainable
from jaxflops.report.measurement import rate
from jaxflops.tree import Kind

if TYPE_CHECKING:
    from jaxflops.roofline import Roofline

_LARGE = 2**62  # bytes: a working set that no cache holds
_LABELLED = 6
_MARGIN = 4.0


class Point(NamedTuple):
    """FLOP per byte, FLOP/s, and whether that is more than the roofs allow."""

    label: str
    intensity: float
    rate: float
    impossible: bool = False


class Sky(NamedTuple):
    """What the points are held against: roofs, kinds whose peaks are drawn, number of devices."""

    roofs: Roofs
    kinds: tuple[Kind, ...]
    devices: int = 1


def roofline(drawn: Roofline, path: str | Path | None = None, profile: Any = None) -> Any:
    """The figure; see `Roofline.plot`."""
    points = allowed(drawn) if profile is None else reached(profile)
    kinds = dict.fromkeys(kind for work in drawn.operations for kind in work.flops)
    sky = Sky(drawn.roofs, tuple(kinds), drawn.devices)
    title = f"{drawn.name} under {drawn.roofs.against}"
    what = "FLOP/s" if profile is not None else "FLOP/s that the roofs allow"
    return draw(points, sky, title, path, what)


def draw(
    points: Iterable[Point],
    sky: Sky,
    title: str,
    path: str | Path | None = None,
    what: str = "FLOP/s",
    *,
    beside: bool = False,
) -> Any:
    """Points under roofs, as a matplotlib Figure; raises JaxflopsError where that is missing.

    beside: every name stands beside its point; else the first few are in the legend.
    """
    shown = [point for point in points if 0 < point.intensity < float("inf") and point.rate > 0]
    figure = _figure()
    axes = figure.add_subplot()
    _draw_roofs(axes, sky, [point.intensity for point in shown])
    _draw_points(axes, shown, beside=beside)
    axes.set_title(title, fontsize=9, wrap=True)
    axes.set_xlabel("arithmetic intensity, FLOP / byte")
    axes.set_ylabel(what)
    axes.legend(fontsize=7, loc="best")
    if path is not None:
        figure.savefig(path)
    return figure


def allowed(drawn: Roofline) -> Iterator[Point]:
    """Every site at the rate that its roofs allow."""
    for work in drawn.sites:
        speed = work.total_flops / work.seconds if work.seconds else 0.0
        yield Point(f"{work.place.scope or '(no scope)'} {work.place.phase}", work.intensity, speed)


def reached(profile: Any) -> Iterator[Point]:
    """Every site of a profile at the rate that it reached, the one with the most seconds first."""
    rows = sorted(profile.by("site").values(), key=lambda row: -row.seconds)
    for row in rows:
        speed, cost = row.flops_per_second, row.cost
        if cost is not None and cost.bytes and speed:
            yield Point(row.key, float(cost.flops) / float(cost.bytes), speed, row.impossible)


def _figure() -> Any:
    try:
        library = import_module("matplotlib.figure")
    except ImportError as error:
        raise JaxflopsError("plots need matplotlib: pip install 'jaxflops[plot]'") from error
    return library.Figure(figsize=(8, 5), dpi=120, layout="constrained")


def _draw_roofs(axes: Any, sky: Sky, at: Iterable[float]) -> None:
    peaks = {kind: peak for kind in sky.kinds if (peak := sky.roofs.peak(kind))}
    if not peaks:
        raise JaxflopsError("there are no contractions with a known peak to draw")
    bandwidth, top = sky.roofs.bandwidth(_LARGE), max(peaks.values())
    bends = [peak / bandwidth for peak in peaks.values()] if bandwidth else []
    low, high = _range([*at, *bends])
    for kind, peak in peaks.items():
        label = f"{kind}: {rate(peak, 'FLOP')}"
        if bandwidth is None:
            axes.loglog([low, high], [peak * sky.devices] * 2, label=f"{label}, bandwidth unknown")
        else:
            xs, ys = _roof(low, high, peak, bandwidth, sky.devices)
            axes.loglog(xs, ys, label=f"{label}, {rate(bandwidth, 'B')}")
    fastest = sky.roofs.bandwidth(0)
    if bandwidth and fastest and fastest > bandwidth:
        xs, ys = _roof(low, high, top, fastest, sky.devices)
        axes.loglog(xs, ys, ":", color="grey", zorder=1, label=f"caches: {rate(fastest, 'B')}")


def _roof(
    low: float, high: float, peak: float, bandwidth: float, devices: int
) -> tuple[list[float], list[float]]:
    """The slope, the bend and the flat part."""
    xs = sorted((low, peak / bandwidth, high))
    return xs, [devices * attainable(x, peak, bandwidth) for x in xs]


def _range(xs: list[float]) -> tuple[float, float]:
    return min(xs, default=1.0) / _MARGIN, max(xs, default=1.0) * _MARGIN


def _draw_points(axes: Any, points: list[Point], *, beside: bool) -> None:
    for number, point in enumerate(points):
        named = number < _LABELLED or point.impossible or beside
        label = f"{'IMPOSSIBLE ' if point.impossible else ''}{point.label}"
        axes.scatter(
            [point.intensity],
            [point.rate],
            s=22,
            zorder=3 if named else 2,
            marker="x" if point.impossible else "o",
            color="red" if point.impossible else None if named else "lightgrey",
            label=label if named and not beside else None,
        )
        if beside:
            where = (point.intensity, point.rate)
            axes.annotate(label, where, (4, 3), textcoords="offset points", fontsize=6)
