"""Shapes and orders of elements: views, which cost nothing, and copies, which move bytes."""

from __future__ import annotations

from jaxflops.hlo.rules._rule import nothing, rule

# The end of an asynchronous operation and bookkeeping; what starts an operation has its cost.
_FREE = """bitcast reshape optimization-barrier opt-barrier add-dependency after-all partition-id
replica-id get-dimension-size set-dimension-size domain""".split()  # noqa: SIM905
_ENDS = """copy-done async-done async-update send-done recv recv-done all-gather-done
all-reduce-done collective-permute-done reduce-scatter-done all-to-all-done fusion-done
custom-call-done call-done ragged-all-to-all-done collective-broadcast-done slice-done
dynamic-slice-done dynamic-update-slice-done fusion-update custom-call-update""".split()  # noqa: SIM905
_MOVED = """broadcast transpose reverse concatenate pad iota copy copy-start complex real imag
infeed outfeed bitcast-convert dynamic-reshape""".split()  # noqa: SIM905

rule(*_FREE, *_ENDS, state="free")(nothing)
rule(*_MOVED, state="moved")(nothing)
