"""cuDNN's convolutions and attention.

A convolution's window, dim_labels and groups are the instruction's attributes, and always of the
*forward* convolution: of a backward call, the result or an operand plays the other's part.
"""

from __future__ import annotations

from jaxflops.cost import Cost
from jaxflops.errors import UnknownCostError
from jaxflops.formulas.contraction import attention_products
from jaxflops.hlo.rules._rule import HloOp, call_rule
from jaxflops.hlo.rules.contraction import taps_of
from jaxflops.hlo.shape import Shape
from jaxflops.hlo.verify_windows import misfit


@call_rule(r"__cudnn\$convForward(Graph)?", r"__onednn\$convolution")
def forward(op: HloOp) -> Cost:
    """(input, kernel) -> output."""
    return _taps(op, op.operands[0], op.operands[1], op.out)


@call_rule(r"__cudnn\$convBiasActivationForward")
def forward_fused(op: HloOp) -> Cost:
    """(input, kernel, bias, side input) -> output: an operation an element for each that is there.

    And one for the activation, unless it is none.
    """
    mode = op.setting("cudnn_conv_backend_config", "activation_mode")
    steps = len(op.operands) - 2 + (mode not in ("kNone", "0", 0))
    product = _taps(op, op.operands[0], op.operands[1], op.out)
    return product + Cost(other_flops=steps * op.out.size)


@call_rule(r"__cudnn\$convBackwardInput")
def backward_input(op: HloOp) -> Cost:
    """(gradient of the output, kernel) -> gradient of the input."""
    return _taps(op, op.out, op.operands[1], op.operands[0])


@call_rule(r"__cudnn\$convBackwardFilter")
def backward_filter(op: HloOp) -> Cost:
    """(input, gradient of the output) -> gradient of the kernel."""
    return _taps(op, op.operands[0], op.out, op.operands[1])


def _taps(op: HloOp, image: Shape, kernel: Shape, output: Shape) -> Cost:
    conv = op.ins.attributes.conv
    if conv is None:
        raise UnknownCostError("it has no dim_labels")
    if problem := misfit(op.ins, conv, image.dims, kernel.dims, output.dims):
        raise UnknownCostError(problem)
    return taps_of(image, kernel, output, conv, op.ins.attributes.window)


@call_rule(r"__cudnn\$fmha(ScaleBias)?Softmax(Dropout)?(F8)?")
def attention(op: HloOp) -> Cost:
    """q, k, v: 2BNTS(H + H'); scale and softmax 5 and 1 call a score (a row's reductions less)."""
    by_keys, by_values, scores, rows = _attention(op)
    return Cost(
        matmul_flops=by_keys + by_values,
        other_flops=5 * scores - 2 * rows,
        transcendentals=scores,
    )


@call_rule(r"__cudnn\$fmha(ScaleBias)?Softmax(Dropout)?Backward(F8)?")
def attention_backward(op: HloOp) -> Cost:
    """Scores again, dv, dp, dq, dk: 2BNTS(3H + 2H'); 5 and 1 call a score, 2H' - 1 a row."""
    by_keys, by_values, scores, rows = _attention(op)
    return Cost(
        matmul_flops=3 * by_keys + 2 * by_values,
        other_flops=5 * scores + rows * (2 * op.operands[2].dims[-1] - 1),
        transcendentals=scores,
    )


def _attention(op: HloOp) -> tuple[int, int, int, int]:
    """(by keys, by values, scores, rows): the scores' shape [B,N,T,S] is in the configuration."""
    sizes = op.setting("cudnn_fmha_backend_config", "intermediate_tensor_shape", "dimensions")
    batch, heads, queries, keys = (int(size) for size in sizes)
    depth, value_depth = op.operands[0].dims[-1], op.operands[2].dims[-1]
    by_keys, by_values = attention_products(batch, heads, queries, keys, depth, value_depth)
    rows = batch * heads * queries
    return int(by_keys), int(by_values), rows * keys, rows
