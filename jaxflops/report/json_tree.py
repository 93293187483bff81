"""The tree as tables of plain JSON data, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast, get_args

from jaxflops.cost import FIELDS, ZERO, Cost
from jaxflops.polynomial import from_json, to_json
from jaxflops.tree import HERE, PHASES, Frame, Kind, Node, Site, Source, State, gather

TABLES = ("sources", "kinds", "costs", "nodes")
_PLAIN = Node("", HERE, ZERO, ZERO)


def dump(tree: Node) -> dict[str, list[Any]]:
    """Tables of sources, kinds, costs and nodes; rows of nodes leave out what is as usual."""
    writer = _Writer()
    writer.node(tree)
    return {name: list(table.values()) for name, table in writer.tables.items()}


def load(data: Mapping[str, Any]) -> Node:
    """The root of what `dump` wrote; raises LookupError, TypeError or ValueError otherwise."""
    sources = [Frame(_text(file), _int(line), _text(name)) for file, line, name in data["sources"]]
    kinds = [Kind(tuple(map(_text, row[0])), _text(row[1]), _text(row[2])) for row in data["kinds"]]
    costs = [_cost(row) for row in data["costs"]]
    nodes: list[Node] = []
    for row in data["nodes"]:
        nodes.append(_node(row, sources, kinds, costs, nodes))
    return nodes[-1]


class _Writer:
    """Tables in which equal rows stand once, by their text."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Any]] = {name: {} for name in TABLES}
        self._places: dict[str, dict[str, int]] = {name: {} for name in TABLES}
        self._nodes: dict[int, int] = {}

    def node(self, node: Node) -> int:
        """The row of a node; its children's rows come before it."""
        known = self._nodes.get(id(node))
        if known is None:
            known = self._nodes[id(node)] = self._add("nodes", self._row(node))
        return known

    def _row(self, node: Node) -> dict[str, Any]:
        row = {
            "label": node.label,
            "scope": list(node.site.scope),
            "source": self._source(node.site.source),
            "phase": node.site.phase,
            "own": self._cost(node.own),
            "kind": self._kind(node.kind),
            "state": node.state,
            "times": to_json(node.times),
            "children": [self.node(child) for child in node.children],
            "notes": list(node.notes),
            "copies": node.copies,
            "choice": node.choice,
            "replicas": node.replicas,
        }
        return {name: value for name, value in row.items() if value != _USUAL.get(name, ...)}

    def _source(self, source: Source | None) -> int | None:
        if source is None:
            return None
        return self._add("sources", [source.file, source.line, source.function])

    def _kind(self, kind: Kind | None) -> int | None:
        if kind is None:
            return None
        return self._add("kinds", [list(kind.operands), kind.accumulator, kind.precision])

    def _cost(self, cost: Cost) -> int | None:
        if cost == ZERO:
            return None
        counts = {name: to_json(count) for name, count in cost.as_dict().items() if count != 0}
        return self._add("costs", counts)

    def _add(self, table: str, row: Any) -> int:
        key = json.dumps(row)
        place = self._places[table].setdefault(key, len(self._places[table]))
        self.tables[table].setdefault(key, row)
        return place


_USUAL: dict[str, Any] = {
    "scope": [],
    "source": None,
    "phase": None,
    "own": None,
    "kind": None,
    "state": _PLAIN.state,
    "times": _PLAIN.times,
    "children": [],
    "notes": [],
    "copies": _PLAIN.copies,
    "choice": _PLAIN.choice,
    "replicas": _PLAIN.replicas,
}


def _node(
    row: Mapping[str, Any],
    sources: list[Frame],
    kinds: list[Kind],
    costs: list[Cost],
    before: list[Node],
) -> Node:
    row = {**_USUAL, **row}
    own = ZERO if row["own"] is None else costs[_place(row["own"])]
    children = tuple(before[_place(i)] for i in row["children"])
    times = from_json(row["times"])
    return Node(
        label=_text(row["label"]),
        site=_site(row, sources),
        own=own,
        total=gather(own, children) * times,
        kind=None if row["kind"] is None else kinds[_place(row["kind"])],
        state=cast("State", _among(row["state"], get_args(State))),
        times=times,
        children=children,
        notes=tuple(map(_text, row["notes"])),
        copies=_int(row["copies"]),
        choice=bool(_among(row["choice"], (True, False))),
        replicas=_int(row["replicas"]),
    )


def _site(row: Mapping[str, Any], sources: list[Frame]) -> Site:
    return Site(
        tuple(map(_text, row["scope"])),
        None if row["source"] is None else sources[_place(row["source"])],
        _among(row["phase"], (None, *PHASES)),
    )


def _cost(row: Mapping[str, Any]) -> Cost:
    unknown = row.keys() - set(FIELDS)
    if unknown:
        raise ValueError(f"no count is called {', '.join(sorted(unknown))}")
    return Cost(**{name: from_json(count) for name, count in row.items()})


def _place(value: Any) -> int:
    if _int(value) < 0:
        raise ValueError(f"{value} is no row")
    return _int(value)


def _int(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} is no whole number")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _among(value: Any, choices: tuple[Any, ...]) -> Any:
    if value not in choices:
        raise ValueError(f"{value!r} is none of {', '.join(map(str, choices))}")
    return value
