"""Shapes and orders of elements: views, which cost nothing, and copies, which move bytes."""

from __future__ import annotations

from jaxflops.jaxpr.registry import free, moved

PROOF = "lowers to no arithmetic"

free("reshape", "squeeze", "bitcast_convert_type", "bitcast", oracle=PROOF)
moved("broadcast_in_dim", "broadcast_to", "tile", oracle=PROOF)
moved("transpose", "rev", "concatenate", "stack", "pad", "roll", "einshape_lo", oracle=PROOF)
moved("iota", "empty", "empty2", "zeros_like", oracle=PROOF)
moved("thunky.copy", "thunky.memset", "thunky.memzero", "thunky.inline_constant", oracle=PROOF)
moved("real", "imag", "complex", "copy", "device_put", oracle=PROOF)
