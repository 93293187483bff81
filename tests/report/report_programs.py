"""Programs whose reports are kept; line numbers are part of them."""

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive

mystery = Primitive("mystery")
mystery.def_abstract_eval(lambda x: x)


def mixed(flag, x, n):
    """A choice, a loop without a known end, and a primitive that nobody knows."""
    x = jax.lax.cond(flag > 0, lambda v: v @ v, lambda v: v + 1.0, x)
    x = mystery.bind(x)
    return jax.lax.fori_loop(0, n, lambda i, v: v * 2.0, x)


def deep(x):
    """More scopes than a table shows."""
    for i in range(30):
        with jax.named_scope(f"layer_{i}"):
            x = x @ x * 1.5
    return jnp.sum(x)


def large(ws, x):
    """Counts of every magnitude, remat in a scan, and an optimizer's step."""

    def loss(ws):
        def layer(h, w):
            with jax.named_scope("layer"):
                return jnp.sin(h @ w), None

        return jnp.mean(jax.lax.scan(jax.checkpoint(layer), x, ws)[0] ** 2)

    return ws - 0.1 * jax.grad(loss)(ws)
