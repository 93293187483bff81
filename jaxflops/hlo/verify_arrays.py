"""What must hold between an instruction's operands, its attributes and its result.

Each check says what is wrong, or "" if nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from jaxflops.hlo.attributes import DotDims
from jaxflops.hlo.ir import Instruction
from jaxflops.hlo.shape import Shape
from jaxflops.hlo.verify_dims import PAIR, distinct, one_kind, rest, sizes_of
from jaxflops.hlo.verify_elementwise import SIGNATURES, untyped
from jaxflops.hlo.verify_windows import WINDOW_CHECKS

_SCALARS_MAY_MIX = ("select", "clamp")  # a scalar predicate or bound serves every element


def _elementwise(ins: Instruction, shapes: Sequence[Shape]) -> str:
    problem = untyped(ins.opcode, ins.shape.dtype, *[each.dtype for each in shapes])
    if problem:
        return problem
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
    if ins.attributes.dot is None or len(shapes) < PAIR:  # a sparse dot has a third
        return "it needs two operands and contracting dimensions"
    if not one_kind(ins.shape, shapes):
        return "complex and real numbers are mixed"
    lhs, rhs = shapes[0].dims, shapes[1].dims
    if not _in_range(ins.attributes.dot, len(lhs), len(rhs)):
        return f"{ins.attributes.dot} is not about these dimensions"
    if sizes_of(lhs, ins.attributes.dot.lhs_batch) != sizes_of(rhs, ins.attributes.dot.rhs_batch):
        return "the batch sizes differ"
    contracted = (
        sizes_of(lhs, ins.attributes.dot.lhs_contracting),
        sizes_of(rhs, ins.attributes.dot.rhs_contracting),
    )
    if len(shapes) == PAIR and contracted[0] != contracted[1]:
        return "the contracted sizes differ"
    expected = (
        sizes_of(lhs, ins.attributes.dot.lhs_batch)
        + rest(lhs, ins.attributes.dot.lhs_batch + ins.attributes.dot.lhs_contracting)
        + rest(rhs, ins.attributes.dot.rhs_batch + ins.attributes.dot.rhs_contracting)
    )
    return "" if ins.shape.dims == expected else f"its sizes should be {expected}"


def _in_range(dims: DotDims, lhs: int, rhs: int) -> bool:
    left, right = dims.lhs_contracting + dims.lhs_batch, dims.rhs_contracting + dims.rhs_batch
    return distinct(left, lhs) and distinct(right, rhs)


def _reduce(ins: Instruction, shapes: Sequence[Shape]) -> str:
    result = ins.shape.parts[0] if ins.shape.parts else ins.shape
    if not shapes or not distinct(ins.attributes.dimensions, len(shapes[0].dims)):
        return f"it cannot reduce the dimensions {ins.attributes.dimensions}"
    expected = rest(shapes[0].dims, ins.attributes.dimensions)
    return "" if result.dims == expected else f"its sizes should be {expected}"


def _scan(ins: Instruction, shapes: Sequence[Shape]) -> str:
    dims = ins.attributes.dimensions
    fits = len(shapes) > 1 and len(dims) == 1 and distinct(dims, len(shapes[0].dims))
    return "" if fits and len(ins.called) == 1 else "it needs arrays, states, an axis, a function"


def _fft(ins: Instruction, shapes: Sequence[Shape]) -> str:
    lengths, kind = ins.attributes.fft_length, ins.attributes.fft_type
    if len(shapes) != 1 or not lengths:
        return "it needs one operand and its lengths"
    half = (*lengths[:-1], lengths[-1] // 2 + 1 if lengths[-1] else 0)
    before, after = shapes[0], ins.shape
    expected = {"RFFT": (lengths, half), "IRFFT": (half, lengths)}.get(kind, (lengths, lengths))
    complexes = before.dtype[0] == "c", after.dtype[0] == "c"
    lead = len(before.dims) - len(lengths)
    fits = (
        complexes == (kind != "RFFT", kind != "IRFFT")
        and len(before.dims) == len(after.dims)
        and before.dims[:lead] == after.dims[:lead]
        and (before.dims[lead:], after.dims[lead:]) == expected
    )
    return "" if fits else f"they should be those of a {kind} of the lengths {lengths}"


def _sort(ins: Instruction, shapes: Sequence[Shape]) -> str:
    results, dims = ins.shape.parts or (ins.shape,), ins.attributes.dimensions
    fits = [each.dims for each in shapes] == [each.dims for each in results] and len(dims) == 1
    fits = fits and distinct(dims, len(shapes[0].dims)) and len(ins.called) == 1
    return "" if fits else f"it cannot sort along {dims}"


def _solve(ins: Instruction, shapes: Sequence[Shape]) -> str:
    options = ins.attributes.triangular_solve
    if len(shapes) != PAIR or options is None or min(len(each.dims) for each in shapes) < PAIR:
        return "it needs a matrix, right-hand sides and its options"
    matrix, right = (each.dims for each in shapes)
    fits = matrix == (*right[:-2], *[right[-2 if options.left_side else -1]] * 2)
    return "" if fits and ins.shape.dims == right else "the sizes of matrix and sides differ"


def _cholesky(ins: Instruction, shapes: Sequence[Shape]) -> str:
    dims = ins.shape.dims
    fits = len(shapes) == 1 and shapes[0].dims == dims and len(dims) >= PAIR
    return "" if fits and dims[-1] == dims[-2] else "it needs a square matrix"


def _broadcast(ins: Instruction, shapes: Sequence[Shape]) -> str:
    dims, sizes = ins.attributes.dimensions, ins.shape.dims
    fits = (
        len(shapes) == 1 and distinct(dims, len(sizes)) and shapes[0].dims == sizes_of(sizes, dims)
    )
    return "" if fits else f"the operand does not stand along {dims}"


def _transpose(ins: Instruction, shapes: Sequence[Shape]) -> str:
    rank = len(ins.attributes.dimensions)
    fits = (
        len(shapes) == 1
        and len(shapes[0].dims) == rank
        and distinct(ins.attributes.dimensions, rank)
    )
    fits = fits and ins.shape.dims == sizes_of(shapes[0].dims, ins.attributes.dimensions)
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


ARRAY_CHECKS: dict[str, Callable[[Instruction, Sequence[Shape]], str]] = {
    **dict.fromkeys(SIGNATURES, _elementwise),
    **WINDOW_CHECKS,
    "dot": _dot,
    "reduce": _reduce,
    "scan": _scan,
    "fft": _fft,
    "sort": _sort,
    "triangular-solve": _solve,
    "cholesky": _cholesky,
    "broadcast": _broadcast,
    "transpose": _transpose,
    "reshape": _reshape,
    "dynamic-slice": _dynamic_slice,
    "tuple": _tuple,
    "get-tuple-element": _element,
}
