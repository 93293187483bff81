"""What must hold between an instruction's operands, its attributes and its result.

Each check says what is wrong, or "" if nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from jaxflops.hlo.attributes import ConvDims, Dims, DotDims
from jaxflops.hlo.ir import Instruction
from jaxflops.hlo.opcodes import ELEMENTWISE
from jaxflops.hlo.shape import Shape

_SCALARS_MAY_MIX = ("select", "clamp")  # a scalar predicate or bound serves every element
_PAIR = 2


def _elementwise(ins: Instruction, shapes: Sequence[Shape]) -> str:
    if not shapes:
        return "it needs an operand"
    shape, dims = ins.shape, ins.shape.dims
    for each in shapes:
        if (
            each is not shape
            and each.dims != dims
            and (each.dims or ins.opcode not in _SCALARS_MAY_MIX)
        ):
            return "they should have the same sizes"
    return ""


def _dot(ins: Instruction, shapes: Sequence[Shape]) -> str:
    if ins.attributes.dot is None or len(shapes) < _PAIR:  # a sparse dot has a third
        return "it needs two operands and contracting dimensions"
    lhs, rhs = shapes[0].dims, shapes[1].dims
    if not _in_range(ins.attributes.dot, len(lhs), len(rhs)):
        return f"{ins.attributes.dot} is not about these dimensions"
    if _sizes(lhs, ins.attributes.dot.lhs_batch) != _sizes(rhs, ins.attributes.dot.rhs_batch):
        return "the batch sizes differ"
    contracted = (
        _sizes(lhs, ins.attributes.dot.lhs_contracting),
        _sizes(rhs, ins.attributes.dot.rhs_contracting),
    )
    if len(shapes) == _PAIR and contracted[0] != contracted[1]:
        return "the contracted sizes differ"
    expected = (
        _sizes(lhs, ins.attributes.dot.lhs_batch)
        + _rest(lhs, ins.attributes.dot.lhs_batch + ins.attributes.dot.lhs_contracting)
        + _rest(rhs, ins.attributes.dot.rhs_batch + ins.attributes.dot.rhs_contracting)
    )
    return "" if ins.shape.dims == expected else f"its sizes should be {expected}"


def _in_range(dims: DotDims, lhs: int, rhs: int) -> bool:
    left, right = dims.lhs_contracting + dims.lhs_batch, dims.rhs_contracting + dims.rhs_batch
    return _distinct(left, lhs) and _distinct(right, rhs)


def _distinct(dims: Dims, rank: int) -> bool:
    return not dims or (len(set(dims)) == len(dims) and min(dims) >= 0 and max(dims) < rank)


def _convolution(ins: Instruction, shapes: Sequence[Shape]) -> str:
    conv = ins.attributes.conv
    if conv is None or len(shapes) < _PAIR:
        return "it needs two operands and dimension labels"
    lhs, rhs, out = shapes[0].dims, shapes[1].dims, ins.shape.dims
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
            _sizes(rhs, conv.kernel_spatial),
        ),
        "the positions of the window": (
            _sizes(out, conv.output_spatial),
            _swept(_sizes(lhs, conv.input_spatial), ins),
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
        len(said) == rank == windows + 2 and _distinct(said, rank)
        for said, rank in zip(labels, ranks, strict=True)
    )


def _swept(sizes: Dims, ins: Instruction) -> Dims:
    """How many positions the window takes over a padded, dilated base of these sizes."""
    counts = []
    for size, dim in zip(sizes, ins.attributes.window, strict=True):
        base = max((size - 1) * dim.base_dilation + 1, 0) + dim.padding_low + dim.padding_high
        span = (dim.size - 1) * dim.window_dilation + 1
        counts.append((base - span) // dim.stride + 1 if base >= span else 0)
    return tuple(counts)


def _reduce(ins: Instruction, shapes: Sequence[Shape]) -> str:
    result = ins.shape.parts[0] if ins.shape.parts else ins.shape
    if not shapes or not _distinct(ins.attributes.dimensions, len(shapes[0].dims)):
        return f"it cannot reduce the dimensions {ins.attributes.dimensions}"
    expected = _rest(shapes[0].dims, ins.attributes.dimensions)
    return "" if result.dims == expected else f"its sizes should be {expected}"


def _broadcast(ins: Instruction, shapes: Sequence[Shape]) -> str:
    dims, sizes = ins.attributes.dimensions, ins.shape.dims
    fits = (
        len(shapes) == 1 and _distinct(dims, len(sizes)) and shapes[0].dims == _sizes(sizes, dims)
    )
    return "" if fits else f"the operand does not stand along {dims}"


def _transpose(ins: Instruction, shapes: Sequence[Shape]) -> str:
    rank = len(ins.attributes.dimensions)
    fits = (
        len(shapes) == 1
        and len(shapes[0].dims) == rank
        and _distinct(ins.attributes.dimensions, rank)
    )
    fits = fits and ins.shape.dims == _sizes(shapes[0].dims, ins.attributes.dimensions)
    return "" if fits else f"it should be the operand in the order {ins.attributes.dimensions}"


def _reshape(ins: Instruction, shapes: Sequence[Shape]) -> str:
    fits = len(shapes) >= 1 and prod(shapes[0].dims) == ins.shape.size
    return "" if fits else "they should have as many elements"


def _dynamic_slice(ins: Instruction, shapes: Sequence[Shape]) -> str:
    fits = ins.shape.dims == ins.attributes.slice_sizes and len(shapes) > 1
    return "" if fits else f"it should have the sizes {ins.attributes.slice_sizes}"


def _tuple(ins: Instruction, shapes: Sequence[Shape]) -> str:
    fits = [part.dims for part in ins.shape.parts] == [shape.dims for shape in shapes]
    return "" if fits else "the elements differ from the operands"


def _element(ins: Instruction, shapes: Sequence[Shape]) -> str:
    parts = shapes[0].parts if shapes else ()
    number = -1 if ins.number is None else ins.number
    fits = 0 <= number < len(parts) and parts[number].dims == ins.shape.dims
    return "" if fits else f"it is not element {ins.number} of its operand"


def _sizes(sizes: Dims, dims: Dims) -> Dims:
    return tuple([sizes[dim] for dim in dims])


def _rest(sizes: Dims, dims: Dims) -> Dims:
    return tuple([size for dim, size in enumerate(sizes) if dim not in dims])


ARRAY_CHECKS: dict[str, Callable[[Instruction, Sequence[Shape]], str]] = {
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    "copy": _elementwise,
    "dot": _dot,
    "convolution": _convolution,
    "reduce": _reduce,
    "broadcast": _broadcast,
    "transpose": _transpose,
    "reshape": _reshape,
    "dynamic-slice": _dynamic_slice,
    "tuple": _tuple,
    "get-tuple-element": _element,
}
