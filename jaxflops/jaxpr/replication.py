"""Which mesh axes of a `shard_map` only replicate its body: the devices along them do the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from jaxflops.jaxpr import _jax

# Given the same on every device along an axis, these give the same again.
_KEEP = {"psum", "psum_invariant", "pmax", "pmin", "pvary"}


def replicating_axes(jaxpr: Any, axes: Iterable[str], specs: Iterable[Any]) -> set[str]:
    """Those of `axes` along which every device runs `jaxpr` on the same values.

    No argument or result is split over them (`specs`), and no operation tells their devices apart
    (as `axis_index` and `ppermute` do). An axis that is used in a part only is not among them, nor
    are those of a gradient under `check_vma=False`: it hands residuals on as if split over all.
    """
    split = {name for spec in specs for name in _names(_mentioned(spec))}
    return set(axes) - split - set(_told_apart(jaxpr, set()))


def _mentioned(spec: Any) -> tuple[Any, ...]:
    """What stands in a PartitionSpec; one with unreduced axes refuses to be unpacked."""
    split = getattr(spec, "partitions", None)
    unreduced, reduced = getattr(spec, "unreduced", ()), getattr(spec, "reduced", ())
    return (*(spec if split is None else split), *unreduced, *reduced)


def _told_apart(jaxpr: Any, seen: set[int]) -> Iterator[str]:
    """Every name, of an axis or not, in a parameter of what may make devices differ."""
    opened = _jax.open_jaxpr(jaxpr)
    if id(opened) in seen:
        return
    seen.add(id(opened))
    for eqn in opened.eqns:
        if eqn.primitive.name not in _KEEP:
            yield from _names(value for key, value in eqn.params.items() if key != "name")
        for _, inner in _jax.jaxprs_in(eqn.params):
            yield from _told_apart(inner, seen)


def _names(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, (tuple, list, set, frozenset)):
            yield from _names(value)
