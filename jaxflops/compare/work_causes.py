"""Compiler passes by what they do to elementwise work, each with the law that its changes keep.

Sources: the comments of these passes in XLA (`xla/hlo/transforms`, `xla/service`).
"""

from __future__ import annotations

from typing import NamedTuple

from jaxflops.compare import work_laws as laws
from jaxflops.compare.work_laws import Law


class WorkCause(NamedTuple):
    """A cause's name, and which pieces of a change can be of it."""

    name: str
    law: Law


DEAD = WorkCause("dead code removed", laws.removes)
CONVERTED = WorkCause("converts inserted or removed", laws.converts)
ELEMENTWISE = WorkCause("product made elementwise", laws.rewrites)
REPEATED = WorkCause("repeated in each fusion that needs it", laws.repeats)
SHARED = WorkCause("one device's share, not that of all", laws.shares_out)
COMPOSITE = "composite expanded"
WORK_CAUSES = {
    "cse": WorkCause("common subexpression merged", laws.merges),
    "dce": DEAD,
    "simplify-while-loops": DEAD,
    "algsimp": WorkCause("algebraic rewrite", laws.rewrites),
    "dot-strength-reduction": ELEMENTWISE,
    "dot_decomposer": ELEMENTWISE,
    "constant_folding": WorkCause("constant folded", laws.removes),
    "while-loop-invariant-code-motion": WorkCause("loop-invariant work hoisted", laws.merges),
    "fusion": REPEATED,
    "priority-fusion": REPEATED,
    "triton-gemm-rewriter": REPEATED,
    "operand_upcaster": CONVERTED,
    "result_caster": CONVERTED,
    "float-normalization-bf16": CONVERTED,
    "simplify-fp-conversions": CONVERTED,
    "convolution-group-converter": WorkCause(
        "grouped convolution made dense", laws.around_products
    ),
    "ragged_dot_rewriter": WorkCause(
        "ragged product made dense over its groups", laws.around_products
    ),
    "reduce-window-rewriter": WorkCause("running sum made a tree", laws.made_of("reduce-window")),
    "tree_reduction_rewriter": WorkCause(
        "sum made a tree", laws.made_of("reduce", "reduce-window")
    ),
    "select_and_scatter_expander": WorkCause(COMPOSITE, laws.expands("select-and-scatter")),
    "scatter_expander": WorkCause(COMPOSITE, laws.expands("scatter")),
    "logistic-expander": WorkCause(COMPOSITE, laws.expands("logistic")),
    "topk-decomposer": WorkCause(COMPOSITE, laws.swaps("topk", "TopK", "sort")),
    "comparison-expander": WorkCause(
        "floats compared as integers", laws.made_of("sort", "compare")
    ),
    "spmd-partitioning": SHARED,
    "spmd-cleanup/pipeline-start": SHARED,  # the pipeline runs inside of spmd-partitioning
    "cpu-all-reduce-combiner": WorkCause("collectives combined", laws.made_of("all-reduce")),
    "topk-rewriter": WorkCause("sort made a library call", laws.swaps("sort", "TopK")),
    "cudnn-fused-convolution-rewriter": WorkCause(
        "made part of a library's call", laws.goes_into("__cudnn$conv")
    ),
}
"""By the pass's name as XLA writes it in a dump."""
