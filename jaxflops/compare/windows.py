"""Convolutions with every tap of their windows: the most that padding made real can add."""

from __future__ import annotations

from math import prod

from jaxflops.compare.entries import Entry, place_of
from jaxflops.formulas.convolution import convolution
from jaxflops.hlo.ir import Instruction, Module
from jaxflops.hlo.pricing import Pricing
from jaxflops.hlo.rules._rule import HloOp, is_complex
from jaxflops.hlo.shape import Shape
from jaxflops.tree import Node


def every_tap(module: Module, tree: Node) -> dict[Entry, int]:
    """Of each convolution in a module's tree: its FLOPs if padding and gaps were input.

    Those of the most, where several are alike in place and FLOPs.
    """
    pricing, found = Pricing(module), dict[Entry, int]()
    ops = {
        ins.name: pricing.op(ins, where)
        for where in module.computations.values()
        for ins in where
        if ins.attributes.conv is not None
    }
    for node, site, _ in tree.leaves():
        flops = node.own.matmul_flops
        if node.name in ops and isinstance(flops, int):
            entry = Entry(place_of(site), flops)
            found[entry] = max(found.get(entry, 0), _whole(ops[node.name]))
    return found


def _whole(op: HloOp) -> int:
    """2·N·O·(C/g)·Π outputs·kernel over the spatial axes."""
    numbers = op.ins.attributes.conv
    assert numbers is not None
    kernel, output = _roles(op.ins, op)
    outputs = output.dims[numbers.output_batch] * output.dims[numbers.output_feature]
    features = kernel.dims[numbers.kernel_input_feature]
    taps = [output.dims[axis] for axis in numbers.output_spatial]
    taps.append(prod(kernel.dims[axis] for axis in numbers.kernel_spatial))
    return int(convolution(outputs, features, taps, is_complex(op.out)))


def _roles(ins: Instruction, op: HloOp) -> tuple[Shape, Shape]:
    """The forward convolution's kernel and output, which a backward call has in other roles."""
    if ins.attributes.custom_call_target == "__cudnn$convBackwardInput":
        return op.operands[1], op.operands[0]
    if ins.attributes.custom_call_target == "__cudnn$convBackwardFilter":
        return op.out, op.operands[1]
    return op.operands[1], op.out
