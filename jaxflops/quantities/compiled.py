"""What XLA will run, and how it differs from what was asked for."""

from __future__ import annotations

from jaxflops.quantities.quantity import Quantity

QUANTITIES: tuple[Quantity, ...] = (
    Quantity(
        "bytes_fused",
        "hlo",
        "of the compiled program, what one device runs: operands read and results written by each "
        "fusion, and by each instruction outside one",
        "",
        "bytes",
        "an assumption, not a bound on time: caches keep what fusions hand on",
    ),
    Quantity(
        "memory",
        "hlo",
        "arguments, outputs, temporaries, buffers that are both (donated), and the most held at a "
        "time, of one device",
        "",
        "bytes",
        "XLA, buffer assignment (memory_analysis)",
    ),
    Quantity(
        "collectives",
        "hlo",
        "each collective of the compiled program: operand bytes of one device in one execution, "
        "executions, groups and mesh axes; not bytes on a wire, which depend on the algorithm",
        "",
        "bytes",
        "HLO, operands of the instruction",
    ),
    Quantity(
        "xla_reported",
        "hlo",
        "XLA's own dictionary as it is: loop bodies once, -1 FLOP for each library call, float32 "
        "sums, zero-valued keys absent",
        "",
        "as XLA has them",
        "XLA, HloCostAnalysis",
    ),
    Quantity(
        "unexplained",
        "ledger",
        "contraction FLOPs that differ between counted, lowered and compiled, and that no named "
        "equation, instruction or compiler pass accounts for",
        "",
        "FLOP",
        "the join of the lanes on phase, scope, source line and FLOPs of one execution",
    ),
    Quantity(
        "elementwise",
        "ledger",
        "other_flops and transcendentals: counted against lowered, each equation with its own "
        "instructions, lowered by itself; lowered against compiled, each instruction that a "
        "compiler pass took away or made, within what that pass can do",
        "",
        "FLOP, calls",
        "XLA's instructions for each equation, and its dump after each pass",
    ),
)
