"""jax.experimental.sparse: work follows the stored elements, whether they are zero or not.

These products gather, multiply and scatter-add; they do not run on matrix units.
"""

from __future__ import annotations

from math import prod
from typing import Any

from jaxflops.cost import Cost
from jaxflops.formulas.arithmetic import multiply_add
from jaxflops.formulas.sorting import sort_comparisons
from jaxflops.jaxpr.op import Array, Op
from jaxflops.jaxpr.registry import cost_rule, moved
from jaxflops.jaxpr.rules._fields import arithmetic, is_complex
from jaxflops.polynomial import Count

SCALAR = "scalar loop"

moved("bcoo_transpose", "bcoo_extract", "bcsr_extract", "todense", oracle="lowers to look-ups")


@cost_rule("bcoo_dot_general", "bcsr_dot_general", oracle=SCALAR)
def sparse_dot_general(op: Op, /, *, dimension_numbers: Any, **_: Any) -> Cost:
    """data[nse], dense[k..,n..] -> 2·nse·n: each stored element meets the dense free axes."""
    (_, contracted), (_, batch) = dimension_numbers
    dense = op.inputs[-1]
    free = (size for axis, size in enumerate(dense.shape) if axis not in (*contracted, *batch))
    return _products(op.inputs[0], op.inputs[0].size * prod(free))


@cost_rule("bcoo_dot_general_sampled", oracle=SCALAR)
def sampled_dot_general(op: Op, /, *, dimension_numbers: Any, **_: Any) -> Cost:
    """A dense product only where the result is stored: 2·nse·k."""
    (contracted, _), _batch = dimension_numbers
    sizes = [op.inputs[0].shape[axis] for axis in contracted]
    return _products(op.inputs[0], op.out.size * prod(sizes))


@cost_rule("bcoo_spdot_general", oracle=SCALAR)
def sparse_sparse_dot_general(op: Op, /, **_: Any) -> Cost:
    """One product for each pair of stored elements that the result has room for."""
    return arithmetic(op.out, op.out.size * (multiply_add(True) - 2 if is_complex(op.out) else 1))


@cost_rule("coo_matvec", "coo_matmat", "csr_matvec", "csr_matmat", oracle=SCALAR)
@cost_rule("coo_spmv", "coo_spmm", "csr_spmv", "csr_spmm", oracle=SCALAR)
def sparse_matmul(op: Op, /, **_: Any) -> Cost:
    """data[nse], dense[k] or [k,n] -> 2·nse·n."""
    columns = op.inputs[3].shape[1] if op.inputs[3].ndim > 1 else 1
    return _products(op.inputs[0], op.inputs[0].size * columns)


@cost_rule("bcoo_todense", "bcsr_todense", "coo_todense", "csr_todense", oracle=SCALAR)
def to_dense(op: Op, /, **_: Any) -> Cost:
    """Each stored element is added where it belongs."""
    data = op.inputs[0]
    return arithmetic(data, data.size * (2 if is_complex(data) else 1))


@cost_rule("bcoo_fromdense", "bcsr_fromdense", "coo_fromdense", "csr_fromdense", oracle=SCALAR)
def from_dense(op: Op, /, **_: Any) -> Cost:
    """Each dense element is compared with zero."""
    return arithmetic(op.inputs[0], op.inputs[0].size)


@cost_rule("bcoo_sort_indices", "bcoo_sum_duplicates", oracle="published count (Knuth 5.3.1)")
def sort_indices(op: Op, /, **_: Any) -> Cost:
    """The stored indices sorted, each coordinate a key; summing duplicates adds each element."""
    data, indices = op.inputs
    stored, coordinates = indices.shape[-2], indices.shape[-1]
    lines: Count = prod(indices.shape[:-2])
    sums = data.size if op.name == "bcoo_sum_duplicates" else 0
    comparisons = lines * coordinates * sort_comparisons(stored)
    return Cost(int_ops=comparisons) + arithmetic(data, sums)


def _products(data: Array, count: Count) -> Cost:
    return arithmetic(data, count * multiply_add(is_complex(data)))
