"""Custom calls that compute nothing, and selections."""

from __future__ import annotations

from jaxflops.cost import Cost
from jaxflops.errors import UnknownCostError
from jaxflops.formulas.sorting import sort_comparisons
from jaxflops.hlo.rules._rule import HloOp, arithmetic, call_rule, nothing
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


@call_rule(
    r"xla\.gpu\.ext\.cub_sort_(keys|pairs)",
    r"__cub\$DeviceRadixSort(Unstable)?",
    note="a radix sort, which compares nothing: counted as the comparisons of a merge sort",
)
def radix_sort(op: HloOp) -> Cost:
    """`batch_size` lines of n keys: n⌈log2 n⌉ - 2^⌈log2 n⌉ + 1 comparisons each, as `sort`."""
    keys = op.operands[0]
    lines = _batch(op)
    if not lines or keys.size % lines:
        raise UnknownCostError(f"{keys.size} keys are not {lines} lines")
    return arithmetic(keys, lines * int(sort_comparisons(keys.size // lines)))


def _batch(op: HloOp) -> int:
    """How many lines are sorted; older calls sort along the last axis and do not say."""
    try:
        return int(op.setting("batch_size"))
    except UnknownCostError:
        keys = op.operands[0]
        return keys.size // keys.dims[-1] if keys.dims and keys.dims[-1] else 0
