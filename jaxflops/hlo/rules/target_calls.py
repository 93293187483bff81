"""Custom calls that compute nothing, and selections."""

from __future__ import annotations

from jaxflops.cost import Cost
from jaxflops.hlo.rules._rule import HloOp, call_rule, nothing
from jaxflops.hlo.rules.sorting import top_k

call_rule(
    r"Sharding|SPMD(FullToShard|ShardToFull)Shape|annotate_device_placement|LayoutConstraint",
    r"X64(SplitLow|SplitHigh|Combine)|ConcatBitcast|AllocateBuffer|CreateBuffer|Pin|Unpin",
    r"AsyncCollective(Start|Done)|shape_assertion|xla\.sdy\..*|inspect_sharding.*|GlobalToLocalShape",
    state="free",
)(nothing)
call_rule(
    r"MoveTo(Host|Device)|SliceToDynamic|PadToStatic|(cu|hip)_lu_pivots_to_permutation",
    state="moved",
)(nothing)


@call_rule("TopK", r"__gpu\$TopK", "PartialReduce", "ApproxTopK")
def select_largest(op: HloOp) -> Cost:
    """Each element inserted into the k best so far by bisection; along the last axis."""
    return top_k(op)
