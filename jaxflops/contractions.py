"""Contraction FLOPs by phase and kind: what utilization is counted from."""

from __future__ import annotations

from jaxflops.errors import JaxflopsError
from jaxflops.polynomial import Count, Polynomial
from jaxflops.tree import Kind, Node, Phase, compose_phase

_Grouped = dict[tuple[Phase | None, Kind], Count]


def by_phase_and_kind(tree: Node, *, replicated: bool = True) -> dict[tuple[Phase, Kind], Count]:
    """Contraction FLOPs of each (phase, kind); they sum to the tree's total.

    replicated: whether work that several devices do alike counts on each of them, or once.
    """
    merged: dict[tuple[Phase, Kind], Count] = {}
    for (phase, kind), flops in _group(tree, replicated, {}).items():
        key = (phase or "forward", kind)
        merged[key] = merged.get(key, 0) + flops
    return merged


def of_the_model(tree: Node, *, replicated: bool = False) -> dict[Kind, Count]:
    """Contraction FLOPs of forward and backward by kind: MFU's.

    Without recompute and update; work that a mesh axis only replicates counts once, unless it is
    asked for as often as it is done.
    """
    model: dict[Kind, Count] = {}
    for (phase, kind), flops in by_phase_and_kind(tree, replicated=replicated).items():
        if phase in ("forward", "backward"):
            model[kind] = model.get(kind, 0) + flops
    return model


def of_every_phase(tree: Node) -> dict[Kind, Count]:
    """Contraction FLOPs of the whole tree by kind; of a compiled program's, they are HFU's."""
    every: dict[Kind, Count] = {}
    for (_, kind), flops in by_phase_and_kind(tree).items():
        every[kind] = every.get(kind, 0) + flops
    return every


def open_symbols(tree: Node) -> list[str]:
    """Sizes and trip counts on which a tree's contraction FLOPs still depend."""
    count = tree.total.matmul_flops
    return sorted(count.symbols) if isinstance(count, Polynomial) else []


def closed(count: Count, what: str) -> int:
    """A count without open symbols; else an error that names the sizes or the loops."""
    if not isinstance(count, Polynomial):
        return count
    symbols = sorted(count.symbols)
    if sizes := [name for name in symbols if not name.startswith("trips(")]:
        example = ", ".join(f"{name}=64" for name in sizes)
        raise JaxflopsError(
            f"{what} needs numbers for {', '.join(sizes)}: pass arguments of such sizes, or "
            f"analysis.at({example})"
        )
    places = [name.removeprefix("trips(").removesuffix(")") for name in symbols]
    hints = ", ".join(f"{place!r}: n" for place in places)
    raise JaxflopsError(
        f"{what} needs the trip count of the while loop at {', '.join(places)}, which only running "
        f"it tells: pass trip_counts={{{hints}}}"
    )


def _group(node: Node, replicated: bool, memo: dict[int, _Grouped]) -> _Grouped:
    """FLOPs of a subtree by relative phase and kind; a shared subtree is grouped once."""
    known = memo.get(id(node))
    if known is not None:
        return known
    grouped: _Grouped = {}
    if node.own.matmul_flops != 0:
        assert node.kind is not None, f"{node.label} contracts and has no kind"
        grouped[node.site.phase, node.kind] = node.own.matmul_flops
    for child in node.children:
        for (phase, kind), flops in _group(child, replicated, memo).items():
            key = (compose_phase(node.site.phase, phase), kind)
            grouped[key] = grouped.get(key, 0) + flops
    times = node.times if replicated or node.replicas == 1 else node.times // node.replicas
    scaled = {key: flops * times for key, flops in grouped.items()} if times != 0 else {}
    memo[id(node)] = scaled
    return scaled
