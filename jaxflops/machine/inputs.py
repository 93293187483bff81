"""Arguments to time a program with: random where they are abstract, placed where it wants them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxflops.errors import JaxflopsError

# Random values made for one array; a larger one repeats them, which costs no time to make.
_BLOCK = 2**22
_GENERATORS = ("threefry2x32", "rbg", "unsafe_rbg")


@dataclass
class Inputs:
    """Makes concrete arguments, the same ones for the same seed; `made` counts what it drew.

    integers: the range [low, high) of integers, cut to what a dtype holds. They are often indices.
    """

    seed: int = 0
    integers: tuple[int, int] = (0, 128)
    made: dict[str, int] = field(default_factory=dict)

    def concrete(self, leaves: Sequence[Any], shardings: Sequence[Any]) -> list[Any]:
        """Every leaf as an array on the devices that its sharding names; Python numbers stay.

        A sharding is None where the program does not read the argument.
        """
        return [self._place(leaf, where) for leaf, where in zip(leaves, shardings, strict=True)]

    def _place(self, leaf: Any, sharding: Any) -> Any:
        if isinstance(leaf, (bool, int, float, complex)):
            return leaf
        if isinstance(leaf, (jax.Array, np.ndarray, np.generic)):
            return jax.device_put(leaf, sharding)
        return jax.device_put(self._draw(tuple(leaf.shape), leaf.dtype), sharding)

    def _draw(self, shape: tuple[int, ...], dtype: Any) -> Any:
        rng = np.random.default_rng((self.seed, sum(self.made.values())))
        family = _family(dtype)
        self.made[family] = self.made.get(family, 0) + 1
        if family == "key":
            bits = _fill(_words(shape, dtype), lambda n: rng.integers(0, 2**32, n, np.uint32))
            return jax.random.wrap_key_data(bits, impl=_implementation(dtype))
        if family == "integer":
            low, high = _range(dtype, self.integers)
            return _fill(shape, lambda n: rng.integers(low, high, n).astype(dtype))
        if family == "bool":
            return _fill(shape, lambda n: rng.integers(0, 2, n).astype(bool))
        if family == "complex":
            return _fill(shape, lambda n: (rng.standard_normal((n, 2)) @ [1, 1j]).astype(dtype))
        return _fill(shape, lambda n: rng.standard_normal((n,), np.float32).astype(dtype))

    @property
    def note(self) -> str:
        """What was drawn, in a sentence; empty when every argument was given."""
        if not self.made:
            return ""
        how = {
            "float": "from a normal distribution",
            "complex": "from a normal distribution",
            "integer": "uniform in [{}, {}) as far as the dtype reaches".format(*self.integers),
            "bool": "fair coins",
            "key": "random bits",
        }
        drawn = "; ".join(f"{n} {family} {how[family]}" for family, n in self.made.items())
        return f"random arguments, seed {self.seed}: {drawn}"


def _fill(shape: tuple[int, ...], draw: Any) -> Any:
    size = int(np.prod(shape, dtype=np.int64))
    return np.resize(draw(min(size, _BLOCK)), shape)


def _family(dtype: Any) -> str:
    families = {
        "key": jax.dtypes.prng_key,
        "bool": np.bool_,
        "integer": jnp.integer,
        "complex": jnp.complexfloating,
    }
    return next((name for name, kind in families.items() if jnp.issubdtype(dtype, kind)), "float")


def _range(dtype: Any, wanted: tuple[int, int]) -> tuple[int, int]:
    holds: Any = jnp.iinfo(dtype)  # type: ignore[no-untyped-call]
    return max(wanted[0], int(holds.min)), min(wanted[1], int(holds.max) + 1)


def _words(shape: tuple[int, ...], dtype: Any) -> tuple[int, ...]:
    """The shape of the integers behind an array of random keys."""
    keys = jax.ShapeDtypeStruct(shape, dtype)  # type: ignore[no-untyped-call]
    return tuple(jax.eval_shape(jax.random.key_data, keys).shape)


def _implementation(dtype: Any) -> str:
    """The name of a key dtype's generator."""
    for name in _GENERATORS:
        if jax.eval_shape(lambda name=name: jax.random.key(0, impl=name)).dtype == dtype:
            return name
    raise JaxflopsError(
        f"no random keys of {dtype} can be made: pass an array of them instead of its shape"
    )
