"""Shapes and orders of elements: views, which cost nothing, and copies, which move bytes."""

from __future__ import annotations

from jaxflops.jaxpr.registry import DECLARED, PROVED, free, moved

free("reshape", "squeeze", "bitcast_convert_type", "bitcast", oracle=PROVED)
moved("broadcast_in_dim", "tile", "transpose", "rev", "concatenate", "stack", "pad", oracle=PROVED)
moved("iota", "empty", "real", "imag", "complex", "copy", "device_put", oracle=PROVED)
moved("broadcast_to", "roll", "einshape_lo", "empty2", oracle=PROVED)
moved("zeros_like", oracle=f"{DECLARED}JAX no longer traces it")
moved("thunky.copy", "thunky.inline_constant", oracle=f"{DECLARED}a copy by the GPU's runtime")
moved("thunky.memset", "thunky.memzero", oracle=f"{DECLARED}a fill by the GPU's runtime")
