"""Values that a jaxpr carries beside its inputs: what its function closed over."""

from __future__ import annotations

from typing import Any

import numpy as np
from jax.extend import core

from jaxflops.jaxpr import _jax


def constants(jaxpr: Any) -> dict[Any, Any]:
    """The values of a jaxpr's constants, by variable; an open one of JAX < 0.11 has none."""
    values = getattr(jaxpr, "consts", None) or ()
    return dict(zip(_jax.open_jaxpr(jaxpr).constvars, values, strict=True)) if values else {}


def with_constants(jaxpr: Any, closed: Any) -> Any:
    """An open jaxpr with the constants of the closed one that it was made of."""
    if not _jax.CLOSED_APART or not isinstance(closed, core.ClosedJaxpr):
        return jaxpr
    return core.ClosedJaxpr(jaxpr, closed.consts)


def only_element(value: Any) -> int:
    """The element of an integer array of size 1, or a Python number."""
    return int(np.asarray(value).reshape(()))
