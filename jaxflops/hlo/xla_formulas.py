"""What XLA's own cost analysis says of a module, in exact integers: the projection to compare with.

XLA counts every loop's body and condition once and a conditional as the maximum of each property,
does not tell integers from floats or complex from real, and adds -1 FLOP for each custom call.
Formulas as documented in XLA's `hlo_cost_analysis.cc`. Not a count of work: for that, `walk`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import NamedTuple

from jaxflops.hlo.attributes import WindowDim
from jaxflops.hlo.ir import Computation, Instruction, Module
from jaxflops.hlo.opcodes import ELEMENTWISE
from jaxflops.hlo.rules.contraction import taps_of
from jaxflops.hlo.shape import Shape

_TRANSCENDENTAL = frozenset(
    """atan2 cbrt cosine erf exponential exponential-minus-one log log-plus-one logistic power rsqrt
    sine sqrt tan tanh acos acosh asin asinh atanh cosh sinh""".split()  # noqa: SIM905
)
_CALLS = ("call", "fusion", "async-start", "fusion-start", "while")


class XlaCounts(NamedTuple):
    """The properties `flops` and `transcendentals` of XLA's dictionary, before float32 rounding."""

    flops: int = 0
    transcendentals: int = 0

    def plus(self, other: XlaCounts) -> XlaCounts:
        """The sum."""
        return XlaCounts(self.flops + other.flops, self.transcendentals + other.transcendentals)

    def times(self, count: int) -> XlaCounts:
        """`count` of these."""
        return XlaCounts(self.flops * count, self.transcendentals * count)


def xla_counts(module: Module) -> XlaCounts:
    """FLOPs and transcendentals as XLA counts them, loop bodies once."""
    return _Counter(module).computation(module.entry)


class _Counter:
    def __init__(self, module: Module) -> None:
        self._module = module
        self._known: dict[str, XlaCounts] = {}

    def computation(self, name: str) -> XlaCounts:
        """The sum over a computation's instructions."""
        if name not in self._known:
            where, found = self._module[name], XlaCounts()
            for ins in where:
                found = found.plus(self._one(ins, where))
            self._known[name] = found
        return self._known[name]

    def _one(self, ins: Instruction, where: Computation) -> XlaCounts:
        if ins.opcode in _CALLS:
            parts = [self.computation(name) for name in ins.called]
            return XlaCounts(sum(p.flops for p in parts), sum(p.transcendentals for p in parts))
        if ins.opcode == "conditional":
            parts = [self.computation(name) for name in ins.called]
            return XlaCounts(*(max(column) for column in zip(*parts, strict=True)))
        if ins.opcode == "custom-call":
            return XlaCounts(-1)
        operands = tuple(where[name].shape for name in ins.operands)
        applied = _APPLIED.get(ins.opcode)
        if applied is not None:
            found = XlaCounts()
            for name, count in zip(ins.called, applied(ins, operands), strict=True):
                found = found.plus(self.computation(name).times(count))
            return found
        return _own(ins, operands)


def _own(ins: Instruction, operands: tuple[Shape, ...]) -> XlaCounts:
    """An instruction that applies no function."""
    if ins.opcode in _TRANSCENDENTAL or ins.opcode in ("rng", "rng-bit-generator"):
        return XlaCounts(0, sum(shape.size for shape in ins.shape.arrays()))
    if ins.opcode in ELEMENTWISE or ins.opcode == "bitcast-convert":
        return XlaCounts(ins.shape.size)
    formula = _FLOPS.get(ins.opcode)
    return XlaCounts(formula(ins, operands)) if formula else XlaCounts()


Flops = Callable[[Instruction, tuple[Shape, ...]], int]


def _dot(ins: Instruction, operands: tuple[Shape, ...]) -> int:
    """2·results·contracted, whatever the dtype."""
    contracted = ins.attributes.dot.lhs_contracting if ins.attributes.dot else ()
    return 2 * ins.shape.size * prod(operands[0].dims[axis] for axis in contracted)


def _convolution(ins: Instruction, operands: tuple[Shape, ...]) -> int:
    """Valid taps, whatever the dtype."""
    assert ins.attributes.conv is not None
    real = [shape._replace(dtype="f32") for shape in (*operands[:2], ins.shape)]
    return int(
        taps_of(real[0], real[1], real[2], ins.attributes.conv, ins.attributes.window).matmul_flops
    )


def _fft(ins: Instruction, operands: tuple[Shape, ...]) -> int:
    """8·elements·Π⌊log2 n⌋: the logarithms of several axes are multiplied."""
    return 8 * operands[0].size * prod(n.bit_length() - 1 for n in ins.attributes.fft_length)


def _sort(_ins: Instruction, operands: tuple[Shape, ...]) -> int:
    """Elements·⌈log2 elements⌉, of the whole array."""
    return operands[0].size * max(operands[0].size - 1, 0).bit_length()


def _triangular_solve(_ins: Instruction, operands: tuple[Shape, ...]) -> int:
    """2·n·elements of the right-hand side: twice what is run."""
    return 2 * operands[0].dims[-1] * operands[1].size


def _cholesky(_ins: Instruction, operands: tuple[Shape, ...]) -> int:
    return operands[0].dims[-1] * operands[0].size // 3


def _all_reduce(ins: Instruction, _operands: tuple[Shape, ...]) -> int:
    return sum(shape.size for shape in ins.shape.arrays())


_FLOPS: dict[str, Flops] = {
    "dot": _dot,
    "ragged-dot": _dot,
    "convolution": _convolution,
    "fft": _fft,
    "sort": _sort,
    "triangular-solve": _triangular_solve,
    "cholesky": _cholesky,
    "all-reduce": _all_reduce,
    "all-reduce-start": _all_reduce,
}

Applications = Callable[[Instruction, tuple[Shape, ...]], tuple[int, ...]]


def _reduce_window(ins: Instruction, _operands: tuple[Shape, ...]) -> tuple[int, ...]:
    """(window - 1) an element of the result: padding too, so a running sum is quadratic.

    2n - 1 wide along one axis with n results, padded by n - 1 at both ends: XLA takes it for a
    reduction, n - 1, and adds 1 for each element of the other axes (run on JAX 0.10.2 and 0.12);
    strides, dilations and what is windowed it does not look at.
    """
    out = next(ins.shape.arrays())
    axes = zip(ins.attributes.window, out.dims, strict=True)
    wide = [axis for axis in axes if axis[0].size > 1]
    if len(wide) == 1 and _meets_all(*wide[0]):
        n = wide[0][1]
        return (out.size // n + n - 1,)
    return ((prod(dim.size for dim in ins.attributes.window) - 1) * out.size,)


def _meets_all(dim: WindowDim, results: int) -> bool:
    padded = dim.padding_low == dim.padding_high == results - 1
    return padded and dim.size == 2 * results - 1


def _select_and_scatter(ins: Instruction, operands: tuple[Shape, ...]) -> tuple[int, ...]:
    window = prod(dim.size for dim in ins.attributes.window)
    return operands[1].size * (window - 1), operands[1].size


def _scan(ins: Instruction, operands: tuple[Shape, ...]) -> tuple[int, ...]:
    """For each element of a slice, whatever the length; the function takes whole slices."""
    (axis,) = ins.attributes.dimensions
    length = operands[0].dims[axis]
    return (operands[0].size // length if length else 0,)


# How often each function that the instruction applies is applied.
_APPLIED: dict[str, Applications] = {
    "map": lambda ins, _: (ins.shape.size,),
    "reduce": lambda ins, operands: (operands[0].size - next(ins.shape.arrays()).size,),
    "reduce-window": _reduce_window,
    "scan": _scan,
    "select-and-scatter": _select_and_scatter,
    "scatter": lambda _, operands: (operands[len(operands) // 2 + 1].size,),
}
