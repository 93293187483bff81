"""Exact polynomials from concrete sizes, where a function cannot be traced with symbolic ones.

A count is sampled along each variable until its degree shows, fitted on a tensor grid by Newton's
divided differences in exact fractions, and verified at sizes that took no part in the fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

from jaxflops.cost import FIELDS, Cost
from jaxflops.errors import JaxflopsError
from jaxflops.jaxpr.samples import Evidence, Point, point_text, read_point, read_samples
from jaxflops.polynomial import Count, evaluate, lowest_coefficients
from jaxflops.polynomial.newton import distance, newton, next_row

Row: TypeAlias = Mapping[str, Count]  # label -> count, one of many that are interpolated at once
_CONFIRMATIONS = 2  # sizes along each variable that a degree must predict before it is believed

_SPREAD = 6  # held-out sizes along each variable, at most


@dataclass(frozen=True)
class Interpolated:
    """An exact polynomial and what it was seen to hold for."""

    polynomial: Count
    evidence: Evidence

    def at(self, **sizes: int) -> Count:
        """The count at sizes in the residue classes sampled; above the range it extrapolates."""
        self.evidence.check(sizes)
        return evaluate(self.polynomial, sizes)

    def __str__(self) -> str:
        return f"{self.polynomial}\n  {self.evidence}"


@dataclass(frozen=True)
class InterpolatedCost:
    """A cost whose counts are exact polynomials, and what they were seen to hold for."""

    cost: Cost
    evidence: Evidence

    def at(self, **sizes: int) -> Cost:
        """The cost at sizes in the residue classes sampled; above the range it extrapolates."""
        self.evidence.check(sizes)
        return self.cost.at(**sizes)

    def __str__(self) -> str:
        counts = {name: getattr(self.cost, name) for name in FIELDS}
        lines = [f"{name}: {count}" for name, count in counts.items() if count != 0]
        return "\n".join([*lines, f"  {self.evidence}"])


def interpolate_costs(
    cost_at: Callable[..., Cost],
    *,
    sizes: Mapping[str, Sequence[int]] | Iterable[str],
    held_out: Sequence[Point] = (),
    degree: int = 6,
) -> InterpolatedCost:
    """`interpolate_count` for every count of a `Cost`; `cost_at` is called once a point."""
    rows, evidence = interpolate_rows(
        lambda point: cost_at(**point).as_dict(), sizes=sizes, held_out=held_out, degree=degree
    )
    return InterpolatedCost(Cost(**rows), evidence)


def interpolate_count(
    count_at: Callable[..., Count],
    *,
    sizes: Mapping[str, Sequence[int]] | Iterable[str],
    held_out: Sequence[Point] = (),
    degree: int = 6,
) -> Interpolated:
    """The polynomial that `count_at(**sizes)` is, exactly; raises JaxflopsError if it is none.

    sizes: variable -> sizes to sample, of one residue class and above the sizes at which kernels
      change, such as `{"T": range(16, 88, 8)}`; names alone stand for such a range each.
    held_out: further points to verify at, such as `[{"T": 1000}]`.
    degree: the highest degree that is tried in any one variable.
    """
    rows, evidence = interpolate_rows(
        lambda point: {"count": count_at(**point)}, sizes=sizes, held_out=held_out, degree=degree
    )
    return Interpolated(rows["count"], evidence)


def interpolate_rows(
    row_at: Callable[[dict[str, int]], Row],
    *,
    sizes: Mapping[str, Sequence[int]] | Iterable[str],
    held_out: Sequence[Point] = (),
    degree: int = 6,
) -> tuple[dict[str, Count], Evidence]:
    """Label -> polynomial for every count of a row; the labels must be the same at every point."""
    samples = read_samples(sizes, degree + 1 + _CONFIRMATIONS)
    table = _Table(row_at)
    asked = [read_point(point, samples) for point in held_out]
    bases = [{name: values[i] for name, values in samples.items()} for i in (0, -1)]
    degrees = {
        name: max(_degree_along(table, name, values, base, degree) for base in bases)
        for name, values in samples.items()
    }
    nodes = {name: values[: degrees[name] + 1] for name, values in samples.items()}
    fitted = {label: _fit(table, nodes, label) for label in table(bases[0])}
    unused = {name: values[degrees[name] + 1 :] for name, values in samples.items()}
    extra = [p for p in asked if any(p[name] not in nodes[name] for name in nodes)]
    checks = list(_held_out(unused, extra))
    for point in checks:
        _verify(fitted, point, table(point))
    return fitted, Evidence(samples, tuple(checks), table.points)


def _held_out(unused: Mapping[str, Sequence[int]], extra: Sequence[Point]) -> Iterator[Point]:
    """The first unused sizes together, then each variable alone among the last, then `extra`."""
    last = {name: values[-1] for name, values in unused.items()}
    points = [{name: values[0] for name, values in unused.items()}]
    for name, values in unused.items():
        stride = -(-len(values) // _SPREAD)
        points += [{**last, name: value} for value in values[::-1][::stride][::-1]]
    seen = {tuple(point.items()): point for point in [*points, *extra]}
    yield from seen.values()


class _Table:
    """Rows by point, each asked for once."""

    def __init__(self, row_at: Callable[[dict[str, int]], Row]) -> None:
        self._row_at = row_at
        self._rows: dict[tuple[tuple[str, int], ...], Row] = {}

    @property
    def points(self) -> int:
        return len(self._rows)

    def __call__(self, point: Point) -> Row:
        key = tuple(sorted(point.items()))
        if key not in self._rows:
            try:
                row = self._rows[key] = self._row_at(dict(point))
            except Exception as error:
                error.add_note(f"(while interpolating, at {point_text(point)})")
                raise
            first = next(iter(self._rows.values()))
            if row.keys() != first.keys():
                raise JaxflopsError(
                    f"the counts at {point_text(point)} are called {sorted(row)}, at other sizes "
                    f"{sorted(first)}; interpolate counts that exist at every size"
                )
        return self._rows[key]


def _degree_along(table: _Table, name: str, values: Sequence[int], base: Point, most: int) -> int:
    """The degree in one variable, the others at `base`; raises where more than `most` shows."""
    differences: dict[str, list[Count]] = {}
    found = 0
    for number, x in enumerate(values):
        point = {**base, name: x}
        for label, value in table(point).items():
            row = differences[label] = next_row(differences.get(label, []), value, values, number)
            if row[-1] != 0:
                found = number
                if number > most or number + _CONFIRMATIONS >= len(values):
                    predicted = value - row[-1] * distance(values, number)
                    raise _refusal(
                        label, predicted, value, point, f" of degree <= {number - 1} in {name}"
                    )
        if number >= found + _CONFIRMATIONS:
            return found
    raise AssertionError("the last difference decides")


def _fit(table: _Table, nodes: Mapping[str, Sequence[int]], label: str) -> Count:
    """The polynomial through all points of the grid of `nodes`."""
    names = list(nodes)
    values: dict[tuple[int, ...], Count] = {
        point: table(dict(zip(names, point, strict=True)))[label]
        for point in product(*nodes.values())
    }
    for name in reversed(names):  # one variable after the other becomes a symbol
        heads = dict.fromkeys(point[:-1] for point in values)
        values = {
            head: newton(name, nodes[name], [values[*head, x] for x in nodes[name]])
            for head in heads
        }
    return lowest_coefficients(values[()])


def _verify(fitted: Mapping[str, Count], point: Point, actual: Row) -> None:
    for label, polynomial in fitted.items():
        predicted = evaluate(polynomial, point)
        if predicted != actual[label]:
            raise _refusal(label, predicted, actual[label], point)


def _refusal(
    label: str, predicted: Count, actual: Count, point: Point, tried: str = ""
) -> JaxflopsError:
    name = next(iter(point))
    return JaxflopsError(
        f"{label} is no polynomial{tried} over these sizes: at {point_text(point)} the fit to "
        f"other sizes predicts {predicted}, the program has {actual}; sample one residue class, "
        f"away from small sizes, as in sizes={{{name!r}: range(64, 256, 16)}}, and degree + 3 "
        "sizes or more"
    )
