"""What must hold of convolutions, and of windows that reduce.

Each check says what is wrong, or "" if nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jaxflops.hlo.attributes import ConvDims, Dims
from jaxflops.hlo.ir import Instruction
from jaxflops.hlo.shape import Shape
from jaxflops.hlo.verify_dims import PAIR, distinct, one_kind, sizes_of


def _convolution(ins: Instruction, shapes: Sequence[Shape]) -> str:
    if ins.attributes.conv is None or len(shapes) < PAIR:
        return "it needs two operands and dimension labels"
    if not one_kind(ins.shape, shapes):
        return "complex and real numbers are mixed"
    return misfit(ins, ins.attributes.conv, shapes[0].dims, shapes[1].dims, ins.shape.dims)


def misfit(ins: Instruction, conv: ConvDims, lhs: Dims, rhs: Dims, out: Dims) -> str:
    """What of a convolution's labels, window and groups does not fit these sizes."""
    if not _labels_fit(conv, (len(lhs), len(rhs), len(out)), len(ins.attributes.window)):
        return "the dimension labels do not fit"
    groups = ins.attributes.feature_group_count, ins.attributes.batch_group_count
    equal = {
        "the features of result and kernel": (
            out[conv.output_feature],
            rhs[conv.kernel_output_feature],
        ),
        "the features of input and kernel": (
            lhs[conv.input_feature],
            rhs[conv.kernel_input_feature] * groups[0],
        ),
        "the batch": (lhs[conv.input_batch], out[conv.output_batch] * groups[1]),
        "the sizes of window and kernel": (
            tuple(dim.size for dim in ins.attributes.window),
            sizes_of(rhs, conv.kernel_spatial),
        ),
        "the positions of the window": (
            sizes_of(out, conv.output_spatial),
            _swept(sizes_of(lhs, conv.input_spatial), ins),
        ),
    }
    differ = [f"{what}: {a} and {b}" for what, (a, b) in equal.items() if a != b]
    return f"these differ, {'; '.join(differ)}" if differ else ""


def _labels_fit(conv: ConvDims, ranks: tuple[int, int, int], windows: int) -> bool:
    labels = (
        (conv.input_batch, conv.input_feature, *conv.input_spatial),
        (conv.kernel_input_feature, conv.kernel_output_feature, *conv.kernel_spatial),
        (conv.output_batch, conv.output_feature, *conv.output_spatial),
    )
    return all(
        len(said) == rank == windows + 2 and distinct(said, rank)
        for said, rank in zip(labels, ranks, strict=True)
    )


def _reduce_window(ins: Instruction, shapes: Sequence[Shape]) -> str:
    arrays = shapes[: len(shapes) // 2]  # then as many values to begin with
    if not arrays or len(shapes) % 2 or len(ins.called) != 1:
        return "it needs arrays, as many values to begin with, and a function"
    results = ins.shape.parts or (ins.shape,)
    return _windows(ins, arrays, results) if len(results) == len(arrays) else "results are missing"


def _select_and_scatter(ins: Instruction, shapes: Sequence[Shape]) -> str:
    if len(shapes) != PAIR + 1 or len(ins.called) != PAIR or shapes[0].dims != ins.shape.dims:
        return "it needs an array of the result's sizes, a source, a scalar and two functions"
    return _windows(ins, shapes[:1], shapes[1:2])


def _windows(ins: Instruction, arrays: Sequence[Shape], results: Sequence[Shape]) -> str:
    rank = len(ins.attributes.window)
    if any(len(each.dims) != rank for each in arrays):
        return f"the window has {rank} dimensions"
    expected = _swept(arrays[0].dims, ins)
    fits = all(each.dims == arrays[0].dims for each in arrays)
    fits = fits and all(each.dims == expected for each in results)
    return "" if fits else f"the window takes the positions {expected}"


def _swept(sizes: Dims, ins: Instruction) -> Dims:
    """How many positions the window takes over a padded, dilated base of these sizes."""
    counts = []
    for size, dim in zip(sizes, ins.attributes.window, strict=True):
        base = max((size - 1) * dim.base_dilation + 1, 0) + dim.padding_low + dim.padding_high
        span = (dim.size - 1) * dim.window_dilation + 1
        if dim.stride < 1:
            return ()  # no positions at all
        counts.append((base - span) // dim.stride + 1 if base >= span else 0)
    return tuple(counts)


WINDOW_CHECKS: dict[str, Callable[[Instruction, Sequence[Shape]], str]] = {
    "convolution": _convolution,
    "reduce-window": _reduce_window,
    "select-and-scatter": _select_and_scatter,
}
