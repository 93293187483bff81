"""The source lines that led to an equation, across the calls of a program."""

from __future__ import annotations

import os
import re
import sysconfig
from dataclasses import dataclass
from functools import lru_cache

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.derivation.values import Scope

_STDLIB = sysconfig.get_path("stdlib") + os.sep
# Layer and wrapper libraries: what their own lines call a value, no user wrote.
_LAYERS = re.compile(
    r"[/\\]site-packages[/\\]"
    r"(flax|haiku|equinox|optax|einops|jaxtyping|beartype|chex|keras|distrax)[/\\]"
)


@dataclass(eq=False, slots=True)
class Chain:
    """The user's frames of an equation, innermost first; one object for equal chains."""

    position: _jax.Position | None
    rest: Chain | None
    depth: int

    def within(self, other: Chain) -> bool:
        """Whether it is the other chain, or was called from its innermost expression."""
        chain: Chain | None = self
        while chain is not None and chain.depth > other.depth:
            chain = chain.rest
        return chain is other

    @property
    def callers(self) -> tuple[Chain, ...]:
        """Itself and what is left of it further out, as long as there is a frame."""
        found: list[Chain] = []
        chain: Chain | None = self
        while chain is not None and chain.position is not None:
            found.append(chain)
            chain = chain.rest
        return tuple(found)

    @property
    def frames(self) -> tuple[_jax.Position, ...]:
        """Innermost first."""
        return tuple(c.position for c in self.callers if c.position is not None)


class Chains:
    """The chain of each equation: its own frames, then those of the calls that led to it."""

    def __init__(self) -> None:
        self._nowhere = Chain(None, None, 0)
        self._known: dict[tuple[int, int], Chain] = {}
        self._interned: dict[tuple[_jax.Position, int], Chain] = {}

    def of(self, scope: Scope, at: int) -> Chain:
        """The chain of the equation at a position of a scope."""
        key = (id(scope), at)
        if key not in self._known:
            chain = self._nowhere
            if scope.parent is not None:
                chain = self.of(scope.parent, scope.call)
            info = scope.jaxpr.eqns[at].source_info
            frames = () if scope.borrowed else _jax.positions(info.traceback)
            for frame in reversed([f for f in frames if is_users(f.file)]):
                chain = self._join(frame, chain)
            self._known[key] = chain
        return self._known[key]

    def _join(self, frame: _jax.Position, rest: Chain) -> Chain:
        key = (frame, id(rest))
        if key not in self._interned:
            self._interned[key] = Chain(frame, rest, rest.depth + 1)
        return self._interned[key]


@lru_cache(maxsize=1024)
def is_users(file: str) -> bool:
    """Whether a file's assignments are the user's: not the standard library's, nor a layer's."""
    in_library = file.startswith(_STDLIB) and "site-packages" not in file
    return not in_library and _LAYERS.search(file) is None
