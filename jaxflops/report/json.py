"""An analysis as plain JSON data, and back, exactly.

Counts are ints (decimal strings above 2^53) or lists of polynomial terms. The tree is a table of
nodes, children before parents, in which shared subtrees stay shared; the last row is the root.
`summary` is there for readers without jaxflops and is held against the tree when read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from jaxflops import coverage
from jaxflops.cost import Cost
from jaxflops.errors import JaxflopsError
from jaxflops.polynomial import ratio_to_json, to_json
from jaxflops.report import files, json_tree
from jaxflops.tree import PHASES, Node
from jaxflops.viewed import Viewed

if TYPE_CHECKING:
    from jaxflops.results import Analysis, Provenance

FORMAT, VERSION = "jaxflops.analysis", 1
T = TypeVar("T")


class Parts(NamedTuple):
    """What a file holds: the tree, how it was made, and other rows as data."""

    tree: Node
    provenance: dict[str, Any]
    derivation: Any
    executions: Any = ()
    memory: Any = None


def dump(analysis: Analysis, path: str | Path | None = None) -> dict[str, Any]:
    """Everything as plain data, written to `path` when given."""
    data = {
        "format": FORMAT,
        "version": VERSION,
        "provenance": provenance(analysis.provenance),
        "summary": summary(analysis),
        "tree": json_tree.dump(analysis.tree),
        "derivation": analysis.derivation.to_json(),
        "memory": None if analysis.remember is None else analysis.footprint.to_json(),
    }
    if analysis.executions:
        data["executions"] = [execution.to_json() for execution in analysis.executions]
    if path is not None:
        files.write("".join(_lines(data)), path)
    return data


def provenance(made: Provenance) -> dict[str, Any]:
    """What a number was counted from, and by what, as plain data."""
    return {
        "function": made.function,
        "mode": made.mode,
        "arguments": list(made.arguments),
        "conventions": dict(made.conventions),
        "versions": dict(made.versions),
    }


def read(source: str | Path | Mapping[str, Any]) -> Parts:
    """What `dump` wrote, from a file or as data; JaxflopsError for anything else."""
    data: Any = source if isinstance(source, Mapping) else _parse(source)
    name = _name(source)
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        raise JaxflopsError(f"{name} is no analysis: give a file that analysis.to_json(path) wrote")
    if data.get("version") != VERSION:
        raise JaxflopsError(
            f"{name} has version {data.get('version')!r} of the format and this jaxflops reads "
            f"{VERSION}: write it again with this one, or read it with the one that wrote it"
        )
    tree = decoded(source, _tree, data)
    made = decoded(source, _provenance, data)
    executions, memory = data.get("executions", ()), data.get("memory")
    return Parts(tree, made, data.get("derivation"), executions, memory)


def decoded(source: Any, decode: Callable[[Any], T], data: Any) -> T:
    """`decode(data)`; whatever is wrong with the data becomes one error that names the source."""
    try:
        return decode(data)
    except (
        JaxflopsError,
        LookupError,
        TypeError,
        ValueError,
        ArithmeticError,
        AttributeError,
    ) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise JaxflopsError(
            f"{_name(source)} is damaged ({what}); write it again with analysis.to_json(path)"
        ) from error


def _tree(data: Mapping[str, Any]) -> Node:
    tree = json_tree.load(data["tree"])
    if data["summary"]["total"] != cost(tree.total):
        raise ValueError("its tree does not add up to its total")
    return tree


def _name(source: Any) -> str:
    return "the data" if isinstance(source, Mapping) else str(source)


def cost(value: Cost) -> dict[str, Any]:
    """A cost's counts by field."""
    return {name: to_json(count) for name, count in value.as_dict().items()}


def summary(analysis: Viewed) -> dict[str, Any]:
    """Totals and what is not known, for readers without jaxflops."""
    known, equations = coverage.tally(analysis.tree)
    return {
        "total": cost(analysis.total),
        "phases": {phase: cost(analysis.phase(phase)) for phase in PHASES},
        "backward_over_forward": _ratio(analysis),
        "coverage": {"known": to_json(known), "equations": to_json(equations)},
        "unknown": [
            {"primitive": item.name, "times": to_json(item.times), "note": item.note}
            for item in analysis.unknown
        ],
        "caveats": list(analysis.caveats),
        "symbols": sorted(analysis.symbols),
    }


def _ratio(analysis: Viewed) -> Any:
    """None where there is no forward contraction to divide by."""
    return ratio_to_json(analysis.ratio) if analysis.forward.matmul_flops != 0 else None


def _provenance(whole: Mapping[str, Any]) -> dict[str, Any]:
    data = whole["provenance"]
    texts = {name: _text(data[name]) for name in ("function", "mode")}
    tables = {
        name: {_text(key): _text(value) for key, value in data[name].items()}
        for name in ("conventions", "versions")
    }
    return {**texts, "arguments": tuple(map(_text, data["arguments"])), **tables}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _parse(path: str | Path) -> Any:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise JaxflopsError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise JaxflopsError(
            f"{path} is no JSON ({error}): give a file that analysis.to_json(path) wrote"
        ) from error


def _lines(data: dict[str, Any]) -> Iterator[str]:
    """One line for each entry and row, so that files can be read and compared."""
    yield "{\n"
    for i, (name, value) in enumerate(data.items()):
        yield (",\n" if i else "") + f"{_compact(name)}: "
        if name == "tree":
            tables = (f"{_compact(table)}: {_rows(rows)}" for table, rows in value.items())
            yield "{\n" + ",\n".join(tables) + "}"
        else:
            yield _rows(value) if isinstance(value, list) else _compact(value)
    yield "}\n"


def _rows(rows: list[Any]) -> str:
    return "[\n" + ",\n".join(map(_compact, rows)) + "]"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
