"""What the program asks for, counted from its jaxpr."""

from __future__ import annotations

from jaxflops.quantities.quantity import Quantity

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
        "macs",
        "jaxpr",
        "multiply-adds of contractions, matmul_flops / 2: [m,k]@[k,n] is mkn; a complex one is 4",
        "",
        "MAC",
        "what papers on vision models call FLOPs (He et al., 2016)",
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
        "bytes_compulsory",
        "jaxpr",
        "elements touched of arguments, through indexing, views and elementwise work, at most; and "
        "elements written of results: of a donated argument updated in place, the updates",
        "",
        "bytes",
        "an assumption, not a bound on time; an argument of unknown access is read whole",
    ),
    Quantity(
        "peak_bytes",
        "jaxpr",
        "the most alive at once in program order: arguments (a donated one until its last use), "
        "results, stored values until their last use; elementwise work that its readers can repeat "
        "is not stored, updates are in place; of all devices together",
        "",
        "bytes",
        "an estimate of what a compiler allocates (scripts/check_memory.py holds it against XLA)",
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
)
