"""A `while` with counters: as it stands, or with its condition carried along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jax import lax

from jaxflops.jaxpr.counters import Counters, add, how_many, one
from jaxflops.jaxpr.observable import Path

Values = list[Any]
Mask = Any
"""Which elements of the enclosing batched loops are active; None outside them."""

Part = Callable[[Values, Mask], tuple[Values, Counters]]
"""The condition or the body: (state, mask) -> (results, counters)."""


@dataclass(frozen=True)
class While:
    """One execution of a loop: its parts, its counters at zero, its path.

    batched: each element of a batch has a condition of its own.
    """

    test: Part
    body: Part
    zeros: Counters
    path: Path
    mask: Mask
    batched: bool

    def plain(self, state: Values) -> tuple[Values, Counters]:
        """The loop as it stands; its condition holds nothing to be counted."""

        def step(state: tuple[Values, Counters]) -> tuple[Values, Counters]:
            after, seen = self.body(state[0], self.mask)
            return after, add(state[1], {**seen, (self.path, 0): one()})

        return lax.while_loop(
            lambda state: self.test(state[0], self.mask)[0][0], step, (state, self.zeros)
        )

    def carried(self, state: Values) -> tuple[Values, Counters]:
        """The loop with its condition evaluated ahead, which shows what that runs and for whom."""
        (holds,), seen = self.test(state, self.mask)
        start = holds, state, add(self.zeros, seen)
        _, after, counts = lax.while_loop(lambda state: jnp.any(state[0]), self._step, start)
        return after, counts

    def _step(self, state: tuple[Any, Values, Counters]) -> tuple[Any, Values, Counters]:
        holds, before, counts = state
        active = within(self.mask, holds) if self.batched else self.mask
        after, seen = self.body(before, active)
        counts = add(counts, {**seen, (self.path, 0): one()})
        if self.batched:
            counts = add(counts, {(self.path, 1): how_many(active)})
            after = [_where(holds, new, old) for new, old in zip(after, before, strict=True)]
        (holds,), tested = self.test(after, active)
        return holds, after, add(counts, tested)


def within(outer: Mask, holds: Any) -> Any:
    """The active elements of a loop, given those of the loop around it.

    Batches are leading axes, the outer `vmap` first. Where the inner batch is the coarser one, an
    element of it is active if any of its parts is; batches that do not fit are independent.
    """
    if outer is None:
        return holds
    if holds.shape[: outer.ndim] == outer.shape:
        return holds & _like(outer, holds.shape)
    if outer.shape[: holds.ndim] == holds.shape:
        return holds & jnp.any(outer, axis=tuple(range(holds.ndim, outer.ndim)))
    return holds


def _where(holds: Any, new: Any, old: Any) -> Any:
    return lax.select(_like(holds, new.shape), new, old)


def _like(flags: Any, shape: tuple[int, ...]) -> Any:
    return lax.broadcast_in_dim(flags, shape, tuple(range(flags.ndim)))
