"""Every reported quantity, defined once, as data; the README and the reports quote it.

A quantity says the lane it is read from, what is counted (numerator), what it is divided by
(denominator, if anything), its unit, and where the convention comes from.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class Quantity(NamedTuple):
    """One reported number."""

    name: str
    lane: Literal["jaxpr", "hlo", "ledger", "machine", "profile"]
    numerator: str
    denominator: str
    unit: str
    source: str


QUANTITIES: tuple[Quantity, ...] = (
    Quantity(
        "matmul_flops",
        "jaxpr",
        "contractions (dot, convolution, ragged and scaled dots) of any dtype: a multiply-add is "
        "2, [m,k]@[k,n] is 2mkn; a complex multiply-add is 8; work under a mask runs and counts",
        "",
        "FLOP",
        "Golub and Van Loan, Matrix Computations, 1.1; PaLM (2022), appendix B",
    ),
    Quantity(
        "other_flops",
        "jaxpr",
        "floating-point elementwise work, 1 per result element (compares, selects and converts "
        "included), and reductions, elements combined minus results",
        "",
        "FLOP",
        "XLA, HloCostAnalysis",
    ),
    Quantity(
        "flops",
        "jaxpr",
        "matmul_flops + other_flops; transcendentals and integer work are apart",
        "",
        "FLOP",
        "XLA, HloCostAnalysis",
    ),
    Quantity(
        "transcendentals",
        "jaxpr",
        "results of exp, log, tanh, sqrt, pow, erf and the like, 1 per element",
        "",
        "calls",
        "XLA, HloCostAnalysis",
    ),
    Quantity(
        "int_ops",
        "jaxpr",
        "elementwise work and reductions on integers and booleans, 1 per result element",
        "",
        "operations",
        "the same counting as other_flops",
    ),
    Quantity(
        "bytes_unfused",
        "jaxpr",
        "operands read and results written when every operation stands alone; indexing touches "
        "what it addresses; views are free",
        "",
        "bytes",
        "an assumption, not a bound on time",
    ),
    Quantity(
        "ratio",
        "jaxpr",
        "matmul_flops of the backward phase, without recompute and update",
        "matmul_flops of the forward phase of the same trace",
        "",
        "backpropagation: one product forward and two backward a layer",
    ),
    Quantity(
        "coverage",
        "jaxpr",
        "equations, trip counts included, whose primitive is not unknown",
        "all equations, trip counts included",
        "",
        "a share of equations, not of FLOPs",
    ),
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
        "flops_per_second",
        "machine",
        "flops as asked for, of all devices",
        "median wall-clock seconds of a call, until all results are ready",
        "FLOP/s",
        "all samples are kept; the interval of the median is printed beside it",
    ),
    Quantity(
        "bytes_per_second",
        "machine",
        "bytes_unfused",
        "median wall-clock seconds of a call",
        "B/s",
        "an assumption about traffic, not a measurement of it",
    ),
    Quantity(
        "mfu",
        "machine",
        "seconds at peak: matmul_flops of forward and backward as asked for, without recompute and "
        "update, each kind over its own peak",
        "devices that the executable uses, times median seconds of a call",
        "",
        "PaLM (2022), appendix B; peaks per dtype and precision in jaxflops/machine/data",
    ),
    Quantity(
        "hfu",
        "machine",
        "seconds at peak: matmul_flops of the compiled program, of whatever phase, of all devices, "
        "each kind over its own peak",
        "devices that the executable uses, times median seconds of a call",
        "",
        "Korthikanti et al. (2022); read from the compiled HLO: recompute that the "
        "compiler merged is not in it",
    ),
    Quantity(
        "device_seconds",
        "profile",
        "seconds on the device from a run's first instruction to its last; an instant belongs in "
        "equal parts to all instructions active in it; loops and calls get only what nothing in "
        "them takes",
        "runs that are whole in the trace: the mean",
        "s",
        "events of the JAX profiler, joined with the compiled HLO by instruction",
    ),
    Quantity(
        "explained",
        "profile",
        "device seconds of instructions that the program named, at a scope or else a line; fused "
        "code at its deepest common scope, which must not be the root",
        "device seconds",
        "",
        "op_name of the compiled HLO; (compiler) and the root explain nothing",
    ),
    Quantity(
        "inferred",
        "profile",
        "device seconds of unnamed instructions in a loop, or that copy or fill its buffers, given "
        "to the loop's site",
        "device seconds",
        "",
        "data flow of the compiled HLO; never added to `explained`",
    ),
    Quantity(
        "of_peak",
        "profile",
        "seconds at peak: matmul_flops of the compiled program, as often as its events show it "
        "ran, each kind over its own peak",
        "device seconds of the same instructions",
        "",
        "Williams, Waterman and Patterson (2009); one device's FLOPs and seconds",
    ),
    Quantity(
        "above_ideal",
        "profile",
        "device seconds less the ideal: of each instruction the greater of FLOPs over peak and "
        "bytes over bandwidth, where those are known",
        "",
        "s",
        "Williams, Waterman and Patterson (2009)",
    ),
)

ASSUMPTIONS: tuple[str, ...] = (
    "a multiply-add is 2 FLOPs",
    "dead code is removed before counting; common subexpressions are not merged",
    "counts are global: a sharded body runs once on each shard",
)

CONVOLUTION = {
    "taps": "convolutions count the taps that meet real input",
    "nominal": "convolutions count every tap, padding included",
}


def define(name: str) -> Quantity:
    """The definition of a reported quantity; KeyError for a name that is not reported."""
    return {quantity.name: quantity for quantity in QUANTITIES}[name]


def markdown() -> str:
    """The definitions as a Markdown table; the README carries it."""
    head = "| quantity | counts | over | unit | source |\n|---|---|---|---|---|"
    rows = [
        f"| `{q.name}` | {q.numerator} | {q.denominator} | {q.unit} | {q.source} |"
        for q in QUANTITIES
    ]
    return "\n".join([head, *rows])
