"""Real arrays for abstract trees: parameters scaled by name and shape, batches of unit variance.

Drawn by NumPy on the host: JAX would compile a program for every shape.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxflops.errors import JaxflopsError

Abstract = jax.ShapeDtypeStruct


def random_parameters(rng: np.random.Generator, tree: Any) -> Any:
    """`scale*` one, `bias*` zero, every other leaf normal with variance 1 / fan-in."""
    return jax.tree.map_with_path(lambda path, leaf: _parameter(rng, _name(path), leaf), tree)


def random_batch(rng: np.random.Generator, tree: Any, below: int) -> Any:
    """Standard normal; integers uniform in [0, below)."""
    return jax.tree.map(lambda leaf: _datum(rng, leaf, below), tree)


def _name(path: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(path[-1:], simple=True)


def _parameter(rng: np.random.Generator, name: str, leaf: Abstract) -> jax.Array:
    shape = _concrete(leaf)
    if name.startswith("scale"):
        return jnp.asarray(np.ones(shape), leaf.dtype)
    if name.startswith("bias"):
        return jnp.asarray(np.zeros(shape), leaf.dtype)
    normal = rng.standard_normal(shape, np.float32)
    return jnp.asarray(normal * _fan_in(name, shape) ** -0.5, leaf.dtype)


def _fan_in(name: str, shape: tuple[int, ...]) -> int:
    """Elements summed into one output: a kernel's taps, an embedding's width, a matrix's rows."""
    if name.startswith("kernel"):
        return math.prod(shape[:-1])
    return shape[-1] if name.startswith("embedding") or len(shape) == 1 else shape[-2]


def _datum(rng: np.random.Generator, leaf: Abstract, below: int) -> jax.Array:
    shape = _concrete(leaf)
    if jnp.issubdtype(leaf.dtype, jnp.integer):
        return jnp.asarray(rng.integers(0, below, shape), leaf.dtype)
    return jnp.asarray(rng.standard_normal(shape, np.float32), leaf.dtype)


def _concrete(leaf: Abstract) -> tuple[int, ...]:
    for size in leaf.shape:
        if not isinstance(size, int):
            raise JaxflopsError(
                f"random_args: shape {leaf.shape} has the symbolic size {size}; "
                "give the model numbers first, such as model.with_config(batch=8)"
            )
    return tuple(leaf.shape)
