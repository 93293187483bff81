"""cuDNN's LSTM over [batch, time, features], stacked and in one or both directions."""

from __future__ import annotations

from typing import Any

from jaxflops.cost import Cost
from jaxflops.jaxpr.op import Op
from jaxflops.jaxpr.registry import cost_rule
from jaxflops.polynomial import Count

PUBLISHED = "published equations"


@cost_rule("rnn_fwd", oracle=PUBLISHED)
def rnn_fwd(
    op: Op,
    /,
    *,
    input_size: int,
    hidden_size: int,
    num_layers: int,
    bidirectional: bool,
    **_: Any,
) -> Cost:
    """Each step: 4 gates of [in + H] x H products, 16H FLOPs, 5H calls (3 logistic, 2 tanh).

    FLOPs: 12H sum two products and two biases, 4H make c = f·c + i·g and h = o·tanh(c).
    """
    weights, cells = _layers(input_size, hidden_size, num_layers, bidirectional)
    steps = _steps(op.inputs[0].shape)
    return Cost(
        matmul_flops=2 * steps * weights,
        other_flops=16 * steps * cells,
        transcendentals=5 * steps * cells,
    )


@cost_rule("rnn_bwd", oracle=PUBLISHED)
def rnn_bwd(
    op: Op,
    /,
    *,
    input_size: int,
    hidden_size: int,
    num_layers: int,
    bidirectional: bool,
    **_: Any,
) -> Cost:
    """Twice the forward products (inputs' and weights' gradients), 25H FLOPs a step.

    dc 4H, the gates' gradients 16H, dc of the step before H, bias gradients 4H.
    """
    weights, cells = _layers(input_size, hidden_size, num_layers, bidirectional)
    steps = _steps(op.inputs[0].shape)
    return Cost(matmul_flops=4 * steps * weights, other_flops=25 * steps * cells)


def _layers(inputs: int, hidden: int, layers: int, bidirectional: bool) -> tuple[int, int]:
    """(matrix weights, cells) that one time step meets."""
    directions = 2 if bidirectional else 1
    first = 4 * hidden * (inputs + hidden)
    further = 4 * hidden * (directions * hidden + hidden)
    return directions * (first + (layers - 1) * further), directions * layers * hidden


def _steps(shape: tuple[Count, ...]) -> Count:
    """Batch times time."""
    return shape[0] * shape[1]
