"""Pallas: how often a kernel's body runs, by its grid."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from jax.export import is_symbolic_dim

from jaxflops.cost import Cost
from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.op import Bodies, Body, Op
from jaxflops.jaxpr.registry import body_rule
from jaxflops.jaxpr.symbols import to_count
from jaxflops.polynomial import Count, symbol


@body_rule("pallas_call")
def pallas_call(
    op: Op, /, *, jaxpr: Any, grid_mapping: Any, cost_estimate: Any = None, **_: Any
) -> Bodies:
    """The kernel once for each cell of the grid, on references to blocks.

    Branches that the cell decides (`pl.when(k == 0)`) count in the cells that take them.

    Its author's CostEstimate, of all cells together, is noted beside that.

    Operands are the runtime sizes of the grid, then scalars and arrays, which come first among the
    kernel's references; results come next, then scratch.
    """
    sizes = grid_mapping.num_dynamic_grid_bounds
    references = len(_jax.open_jaxpr(jaxpr).invars)
    operands = tuple(range(sizes, len(op.inputs)))
    inputs = operands + (None,) * (references - len(operands))
    stated = None if cost_estimate is None else _estimate(cost_estimate)
    grid = tuple(_sizes(grid_mapping.grid))
    mapped = getattr(grid_mapping, "vmapped_dims", ())
    axes = tuple(axis for axis in range(len(grid)) if axis not in mapped)
    return (Body(jaxpr, prod(grid), "kernel", inputs, stated=stated, grid=grid, axes=axes),)


def _estimate(given: Any) -> Cost:
    """A `pl.CostEstimate`; it does not tell products from other FLOPs, nor reads from writes."""
    return Cost(
        other_flops=to_count(given.flops),
        transcendentals=to_count(given.transcendentals),
        bytes_read=to_count(given.bytes_accessed),
    )


@body_rule("emit_pipeline")
def emit_pipeline(_op: Op, /, *, body_jaxpr: Any, grid_mapping: Any, **_: Any) -> Bodies:
    """The pipeline's body once for each cell of its own grid, inside a kernel."""
    return (alone(body_jaxpr, cells(grid_mapping.grid)),)


@body_rule("run_scoped", "run_state")
def run_scoped(_op: Op, /, *, jaxpr: Any, **_: Any) -> Bodies:
    """The body once, on references that live as long as it runs; of `run_state`, its results."""
    return (alone(jaxpr),)


@body_rule("core_map")
def core_map(_op: Op, /, *, jaxpr: Any, mesh: Any, **_: Any) -> Bodies:
    """The body on each core of the mesh."""
    return (alone(jaxpr, prod(mesh.shape.values())),)


@body_rule("mpmd_map")
def mpmd_map(_op: Op, /, *, jaxprs: Any, meshes: Any, **_: Any) -> Bodies:
    """Each program on each core of its own mesh."""
    pairs = zip(jaxprs, meshes, strict=True)
    return tuple(alone(jaxpr, prod(mesh.shape.values())) for jaxpr, mesh in pairs)


@body_rule("parallel_loop")
def parallel_loop(_op: Op, /, *, jaxpr: Any, **_: Any) -> Bodies:
    """The body as often as its bounds say, which are values: an open symbol."""
    return (alone(jaxpr, symbol("trips(parallel_loop)")),)


def cells(grid: Any) -> Count:
    """How many cells a grid has; a size that is a runtime value is an open symbol."""
    return prod(_sizes(grid))


def _sizes(grid: Any) -> Iterator[Count]:
    for axis, size in enumerate(grid):
        known = hasattr(size, "__index__") or is_symbolic_dim(size)
        yield to_count(size) if known else symbol(f"grid(axis {axis})")


def alone(jaxpr: Any, times: Count = 1) -> Body:
    """A body whose values do not pass through the equation, but through references."""
    return Body(jaxpr, times, "body", inputs=(None,) * len(_jax.open_jaxpr(jaxpr).invars))
