"""At which sizes a program is sampled, and what that shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from math import gcd
from operator import index
from typing import Any, TypeAlias

from jaxflops.errors import JaxflopsError

Point: TypeAlias = Mapping[str, int]
# Multiples of 8 from 16 on: below, kernels are smaller than their windows and shapes degenerate.
_FIRST, _STEP = 16, 8
_FEWEST = 3  # sizes of a constant: one to fit, two to confirm


@dataclass(frozen=True)
class Evidence:
    """What a polynomial was seen to hold for.

    samples: variable -> sizes sampled. held_out: points that took no part in the fit and agree.
    points: how many points were evaluated in all.
    """

    samples: Mapping[str, Sequence[int]]
    held_out: tuple[Point, ...]
    points: int

    @property
    def range(self) -> dict[str, tuple[int, int]]:
        """Variable -> smallest and largest size seen."""
        seen = {
            name: [*values, *(point[name] for point in self.held_out)]
            for name, values in self.samples.items()
        }
        return {name: (min(values), max(values)) for name, values in seen.items()}

    @property
    def residues(self) -> dict[str, tuple[int, int]]:
        """Variable -> (r, m): every size seen is r modulo m."""
        return {name: _residue(values) for name, values in self.samples.items()}

    def check(self, sizes: Point) -> None:
        """Raise for a size below the range or of another residue class."""
        for name, value in sizes.items():
            if name not in self.samples:
                raise JaxflopsError(f"no variable {name}; sampled were: {', '.join(self.samples)}")
            remainder, modulus = self.residues[name]
            if value < self.range[name][0] or value % modulus != remainder:
                raise JaxflopsError(
                    f"{name}={value} is outside what was sampled ({self._class(name)}); sample it "
                    "too, or ask the polynomial itself, which does not check"
                )

    def _class(self, name: str) -> str:
        low, high = self.range[name]
        remainder, modulus = self.residues[name]
        return f"{name} = {low}..{high}" + (
            f", {name} ≡ {remainder} mod {modulus}" if modulus > 1 else ""
        )

    def __str__(self) -> str:
        classes = "; ".join(map(self._class, self.samples))
        farthest = max(self.held_out, key=lambda point: sum(point.values()))
        return (
            f"sampled {classes}: {self.points} points, of which {len(self.held_out)} were held "
            f"out and predicted exactly, the farthest at {point_text(farthest)}"
        )


def made(make_args: Any, point: Point) -> tuple[Any, ...]:
    """The arguments that `make_args` makes at a point; it takes the sizes by their names."""
    write = f"write lambda {', '.join(point)}: jf.specs(...)"
    try:
        signature(make_args).bind(**point)
    except (TypeError, ValueError) as error:
        raise JaxflopsError(f"{make_args!r} does not take the sizes: {error}; {write}") from None
    args = make_args(**point)
    if not isinstance(args, (tuple, list)):
        raise JaxflopsError(
            f"the arguments were made as one {type(args).__name__}, but are a tuple of all; {write}"
        )
    return tuple(args)


def read_samples(
    sizes: Mapping[str, Sequence[int]] | Iterable[str], number: int
) -> dict[str, tuple[int, ...]]:
    """Variable -> distinct sizes to sample, smallest first; `number` of them for a bare name."""
    if not isinstance(sizes, Mapping):
        names = [sizes] if isinstance(sizes, str) else sizes
        sizes = {name: range(_FIRST, _FIRST + _STEP * (number + 1), _STEP) for name in names}
    result = {name: _distinct(name, values) for name, values in sizes.items()}
    for name, values in result.items():
        if len(values) < _FEWEST or values[0] < 0:
            raise JaxflopsError(
                f"{name}: {list(sizes[name])} cannot be interpolated; give at least degree + 3 "
                f"distinct sizes >= 0, such as sizes={{{name!r}: range(16, 88, 8)}}"
            )
    if not result:
        raise JaxflopsError("no variable; name what varies, as in sizes={'T': range(16, 88, 8)}")
    return result


def _distinct(name: str, values: Sequence[int]) -> tuple[int, ...]:
    try:
        return tuple(sorted({index(size) for size in values}))
    except TypeError:
        raise JaxflopsError(
            f"{name}: {values} are no sizes; write a range or a list of ints, such as "
            f"sizes={{{name!r}: range(16, 88, 8)}}"
        ) from None


def read_point(point: Point, samples: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """A held-out point, which must have every variable, in the class sampled."""
    if point.keys() != samples.keys():
        raise JaxflopsError(
            f"the held-out point {dict(point)} must give a size to each of: {', '.join(samples)}"
        )
    for name, value in point.items():
        remainder, modulus = _residue(samples[name])
        if value % modulus != remainder:
            raise JaxflopsError(
                f"held out {name}={value} is not ≡ {remainder} mod {modulus} as the sampled sizes "
                f"are; choose, say, {name}={value - (value - remainder) % modulus}"
            )
    return {name: index(point[name]) for name in samples}


def point_text(point: Point) -> str:
    """`B=4, T=72`."""
    return ", ".join(f"{name}={value}" for name, value in point.items())


def _residue(values: Sequence[int]) -> tuple[int, int]:
    modulus = gcd(*(value - values[0] for value in values))
    return values[0] % modulus, modulus
