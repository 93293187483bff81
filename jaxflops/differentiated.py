"""The function that `mode=` asks to run: itself, or its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

from jaxflops.errors import JaxflopsError
from jaxflops.jaxpr.program import Mode


def differentiated(fn: Any, mode: Mode, argnums: int | Sequence[int], *, has_aux: bool) -> Any:
    """`fn`, its gradient, or its value and gradient; JaxflopsError for what cannot be run."""
    if mode == "call":
        return fn
    if mode not in ("grad", "value_and_grad"):
        raise JaxflopsError(
            f"mode={mode!r}: write 'call', 'grad' or 'value_and_grad', or pass a function that "
            "calls jax.vjp"
        )
    if not callable(fn) or isinstance(fn, jax.stages.Traced | jax.stages.Lowered):
        raise JaxflopsError(
            f"mode={mode!r} differentiates a function, and this is a {type(fn).__name__}"
        )
    transform = jax.grad if mode == "grad" else jax.value_and_grad
    return transform(fn, argnums=argnums, has_aux=has_aux)
