"""Shapes and orders of elements: views, which cost nothing, and copies, which move bytes."""

from __future__ import annotations

from jaxflops.jaxpr.registry import DECLARED, PROVED, free, moved

free("reshape", "squeeze", "bitcast_convert_type", "bitcast", oracle=PROVED)
moved("broadcast_in_dim", "tile", "transpose", "rev", "concatenate", "stack", "pad", oracle=PROVED)
moved("iota", "empty", "real", "imag", "complex", "copy", "device_put", oracle=PROVED)
moved("broadcast_to", "roll", "empty2", oracle=PROVED)
moved("einshape_lo", "zeros_like", oracle=DECLARED)
moved("thunky.copy", "thunky.memset", "thunky.memzero", "thunky.inline_constant", oracle=DECLARED)
