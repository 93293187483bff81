"""Numbers for symbolic sizes of arguments: what is compiled has no symbols."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax

from jaxflops.errors import JaxflopsError
from jaxflops.jaxpr.symbols import to_count
from jaxflops.polynomial import Polynomial, evaluate


def sized(tree: Any, sizes: Mapping[str, int]) -> Any:
    """A pytree of arguments with numbers for its symbolic sizes.

    Raises JaxflopsError for a name that is no size of them.
    """
    unknown = sorted(sizes.keys() - open_sizes(tree))
    if unknown:
        known = ", ".join(sorted(open_sizes(tree))) or "none"
        raise JaxflopsError(f"{', '.join(unknown)}: the open sizes of the arguments are: {known}")
    return jax.tree.map(lambda leaf: _sized(leaf, sizes), tree)


def open_sizes(tree: Any) -> frozenset[str]:
    """The names of the symbolic sizes in a pytree of arguments."""
    counts = (to_count(dim) for leaf in jax.tree.leaves(tree) for dim in _shape(leaf))
    symbols = (count.symbols for count in counts if isinstance(count, Polynomial))
    return frozenset().union(*symbols)


def _sized(leaf: Any, sizes: Mapping[str, int]) -> Any:
    if not open_sizes(leaf):
        return leaf
    counts = [evaluate(to_count(dim), sizes) for dim in leaf.shape]
    shape = tuple(
        dim if isinstance(count, Polynomial) else count
        for dim, count in zip(leaf.shape, counts, strict=True)
    )
    return leaf.update(shape=shape)


def _shape(leaf: Any) -> tuple[Any, ...]:
    return tuple(getattr(leaf, "shape", ()))
