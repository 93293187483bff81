"""Trip counts that the program does not say: inferred, a hint of the user's, or an open symbol."""

from __future__ import annotations

from collections.abc import Mapping
from operator import index
from pathlib import Path
from typing import Any, NamedTuple

from jaxflops.errors import JaxflopsError
from jaxflops.jaxpr.trip_counts import TripCount
from jaxflops.polynomial import Count, Polynomial, symbol
from jaxflops.tree import Source


class Trips(NamedTuple):
    """A trip count and where it comes from."""

    number: Count
    note: str


class OpenLoops:
    """One symbol a `while`, `trips(file:line)`; `#2` for a second one on a line.

    A `while` without a line of its own, in a library function, is one a line that calls it.
    """

    def __init__(self, hints: Mapping[str, Count]) -> None:
        self.hints = {k: n if isinstance(n, Polynomial) else index(n) for k, n in hints.items()}
        self._names: dict[tuple[int, str], str] = {}
        self._used: set[str] = set()
        self._places: dict[str, None] = {}
        self._inferred: dict[str, Count] = {}

    def trips(self, eqn: Any, source: Source, scope: tuple[str, ...], found: TripCount) -> Trips:
        """The loop's trips: as inferred, else by its scope or its `file:line`, else open."""
        place = f"{Path(source.file).name or '?'}:{source.line}"
        keys = ("/".join(scope), f"{source.file}:{source.line}", place)
        if found.count is not None:
            self._inferred.update(dict.fromkeys(keys, found.count))
            return Trips(
                found.count, f"while at {place}: {found.count} trips, inferred: {found.reason}"
            )
        name = self._name(eqn, place)
        self._places[name] = None
        for key in (name, *keys):
            if key and key in self.hints:
                self._used.add(key)
                return Trips(self.hints[key], f"while at {place}: trip count given for {key!r}")
        note = (
            f"while at {place}: trip count unknown ({found.reason}), kept as trips({name}); "
            f"give trip_counts={{{name!r}: n}}"
        )
        return Trips(symbol(f"trips({name})"), note)

    def check_hints(self) -> None:
        """Raise JaxflopsError for a hint that no open loop answers to, or that a count refutes.

        A hint that says what was inferred anyway is welcome.
        """
        for key in sorted(self.hints.keys() - self._used):
            if key not in self._inferred:
                raise self._unanswered(key)
            if self._inferred[key] != self.hints[key]:
                raise JaxflopsError(
                    f"trip_counts: the loop at {key!r} runs {self._inferred[key]} times by its own "
                    f"start, step and condition, not {self.hints[key]}: leave the hint out"
                )

    def _unanswered(self, key: str) -> JaxflopsError:
        open_loops = ", ".join(map(repr, self._places)) or "none"
        return JaxflopsError(
            f"trip_counts: no open loop at {key!r}; a hint names a loop "
            f"by its scope path or its file:line, and the open loops are at: {open_loops}"
        )

    def _name(self, eqn: Any, place: str) -> str:
        """Its place, and a number where another loop was there before."""
        if (id(eqn), place) not in self._names:
            number = 1 + sum(where == place for _, where in self._names)
            self._names[id(eqn), place] = place if number == 1 else f"{place}#{number}"
        return self._names[id(eqn), place]
