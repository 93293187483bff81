"""Trip counts that the program does not say: a hint of the user's, or an open symbol."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jaxflops.errors import JaxflopsError
from jaxflops.polynomial import Count, symbol
from jaxflops.tree import Source


class Trips(NamedTuple):
    """A trip count and where it comes from."""

    number: Count
    note: str


class OpenLoops:
    """One symbol a `while` equation, `trips(file:line)`; `#2` for a second one on a line."""

    def __init__(self, hints: Mapping[str, Count]) -> None:
        self.hints = dict(hints)
        self._symbols: dict[int, Count] = {}
        self._names: set[str] = set()
        self._used: set[str] = set()
        self._places: dict[str, None] = {}

    def trips(self, eqn: Any, source: Source, scope: tuple[str, ...]) -> Trips:
        """The loop's trips: by its scope, by its `file:line`, or open."""
        place = f"{Path(source.file).name or '?'}:{source.line}"
        self._places[place] = None
        for key in ("/".join(scope), f"{source.file}:{source.line}", place):
            if key and key in self.hints:
                self._used.add(key)
                return Trips(self.hints[key], f"while at {place}: trip count given for {key!r}")
        name = self._symbol(eqn, place)
        note = (
            f"while at {place}: trip count unknown, kept as {name}; "
            f"give trip_counts={{{place!r}: n}}"
        )
        return Trips(name, note)

    def check_hints(self) -> None:
        """Raise JaxflopsError for a hint that no open loop of the program answers to."""
        unused = sorted(self.hints.keys() - self._used)
        if unused:
            open_loops = ", ".join(map(repr, self._places)) or "none"
            raise JaxflopsError(
                f"trip_counts: no open loop at {', '.join(map(repr, unused))}; a hint names a loop "
                f"by its scope path or its file:line, and the open loops are at: {open_loops}"
            )

    def _symbol(self, eqn: Any, place: str) -> Count:
        if id(eqn) not in self._symbols:
            number, name = 1, f"trips({place})"
            while name in self._names:
                number += 1
                name = f"trips({place}#{number})"
            self._names.add(name)
            self._symbols[id(eqn)] = symbol(name)
        return self._symbols[id(eqn)]
