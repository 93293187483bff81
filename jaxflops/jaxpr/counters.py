"""Counters that a compiled program carries: two 32-bit words, since 64-bit integers may be off."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxflops.jaxpr.observable import Key

Counter = Any
"""uint32[2]: the lower word, then the upper one."""

Counters = dict[Key, Counter]


def zeros(keys: Iterable[Key]) -> Counters:
    """Counters that have seen nothing."""
    return {key: jnp.zeros(2, jnp.uint32) for key in keys}


def one() -> Counter:
    """A counter that says 1."""
    return jnp.array([1, 0], jnp.uint32)


def how_many(flags: Any) -> Counter:
    """The number of flags that are set, as a counter."""
    number = jnp.sum(flags, dtype=jnp.uint32)
    return jnp.stack([number, jnp.zeros_like(number)])


def add(left: Counters, right: Counters) -> Counters:
    """The sum; keys of `right` are among those of `left`."""
    return {key: _sum(count, right[key]) if key in right else count for key, count in left.items()}


def _sum(left: Counter, right: Counter) -> Counter:
    low = left[0] + right[0]
    carry = (low < left[0]).astype(jnp.uint32)
    return jnp.stack([low, left[1] + right[1] + carry])


def read(counter: Counter) -> int:
    """What a counter says."""
    low, high = np.asarray(counter).tolist()
    return int(low) + (int(high) << 32)
