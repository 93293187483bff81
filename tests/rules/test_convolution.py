"""Convolutions against a loop over taps, against XLA, and against their own gradients."""

import itertools
from dataclasses import replace

import jax
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jax import lax
from rule_oracles import abstract, cost, lowered

import jaxflops as jf
from jaxflops.errors import UnknownCostError
from jaxflops.formulas.convolution import Axis, nominal_taps, valid_taps
from jaxflops.polynomial import symbol


def walk_taps(axis: Axis) -> int:
    """Visit every output and every kernel element; count those that meet a real input."""
    taps = 0
    for o, k in itertools.product(range(axis.outputs), range(axis.kernel)):
        position = o * axis.stride + k * axis.kernel_dilation - axis.pad_low
        i, rest = divmod(position, axis.input_dilation)
        taps += rest == 0 and 0 <= i < axis.inputs
    return taps


axes = st.builds(
    Axis,
    inputs=st.integers(1, 9),
    kernel=st.integers(1, 5),
    outputs=st.integers(1, 9),
    stride=st.integers(1, 4),
    pad_low=st.integers(-4, 6),
    input_dilation=st.integers(1, 4),
    kernel_dilation=st.integers(1, 4),
)


@settings(max_examples=400, deadline=None)
@given(axes)
def test_taps_equal_a_walk_over_all_positions(axis) -> None:
    assert valid_taps(axis) == walk_taps(axis)


def test_taps_of_long_axes_are_closed_forms() -> None:
    n = 10**7
    assert valid_taps(Axis(n, 3, n, pad_low=1)) == 3 * n - 2
    assert valid_taps(Axis(n, n, 3, pad_low=1)) == 3 * n - 2  # its weight gradient
    assert valid_taps(Axis(n, 4, n // 2, stride=2, pad_low=1)) == 4 * (n // 2) - 2


@settings(max_examples=60, deadline=None)
@given(axes, st.integers(1, 6), st.integers(0, 8))
def test_symbolic_taps_are_exact_at_every_size(axis, size, grows) -> None:
    n = symbol("N")
    symbolic = replace(axis, inputs=n, outputs=n + grows)
    concrete = replace(axis, inputs=size, outputs=size + grows)
    taps = valid_taps(symbolic)
    at_size = taps.at(N=size) if not isinstance(taps, int) else taps
    assert at_size == walk_taps(concrete)


def test_same_padding_is_a_polynomial() -> None:
    assert str(valid_taps(Axis(symbol("N"), 3, symbol("N"), pad_low=1))) == "3·N - 2"


def test_all_sizes_symbolic_says_what_to_do() -> None:
    n = symbol("N")
    with pytest.raises(UnknownCostError, match=r"input \(N\), kernel \(N\).*use jf.interpolate"):
        valid_taps(Axis(n, n, n))


@st.composite
def convolutions(draw, max_pad: int = 3, min_pad: int = -1, dilated_inputs: bool = True):
    """(function, lhs shape, rhs shape) of a convolution that has at least one output."""
    ndim = draw(st.integers(1, 2))
    groups = draw(st.integers(1, 3))
    feature_groups, batch_groups = draw(st.sampled_from([(groups, 1), (1, groups)]))
    per_axis = lambda lo, hi: tuple(draw(st.integers(lo, hi)) for _ in range(ndim))
    space, kernel = per_axis(1, 7), per_axis(1, 3)
    strides, kernel_dilation = per_axis(1, 3), per_axis(1, 3)
    input_dilation = per_axis(1, 3) if dilated_inputs else (1,) * ndim
    padding = tuple(zip(per_axis(min_pad, max_pad), per_axis(min_pad, max_pad), strict=True))
    for i in range(ndim):
        padded = (space[i] - 1) * input_dilation[i] + 1 + sum(padding[i])
        assume(padded >= (kernel[i] - 1) * kernel_dilation[i] + 1)
        assume((space[i] - 1) * input_dilation[i] + 1 > -min(*padding[i], 0) * 2)
    batch, features, outputs = draw(st.integers(1, 2)), draw(st.integers(1, 2)), groups
    left = (batch * batch_groups, features * feature_groups, *space)
    right = (outputs, features, *kernel)

    def convolve(x, w):
        return lax.conv_general_dilated(
            x, w, strides, padding, input_dilation, kernel_dilation,
            feature_group_count=feature_groups, batch_group_count=batch_groups,
        )  # fmt: skip

    return convolve, left, right


@settings(max_examples=40, deadline=None)
@given(convolutions())
def test_convolution_equals_the_lowered_module(convolution) -> None:
    f, left, right = convolution
    specs = [f"f32[{','.join(map(str, shape))}]" for shape in (left, right)]
    assert cost(f, *specs).matmul_flops == lowered(f, *specs)[0]


def gradients(f, left, right, conv):
    """FLOPs of the convolution and of its transposes with respect to each operand."""
    x, w = abstract(left), abstract(right)
    y = jax.eval_shape(f, x, w)
    dx = lambda g, w: jax.linear_transpose(lambda x: f(x, w), x)(g)
    dw = lambda g, x: jax.linear_transpose(lambda w: f(x, w), w)(g)
    forward = jf.analyze(f, conv=conv)(x, w)
    backward = [jf.analyze(dx, conv=conv)(y, w), jf.analyze(dw, conv=conv)(y, x)]
    return [a.total.matmul_flops for a in (forward, *backward)]


@settings(max_examples=40, deadline=None)
@given(convolutions())
def test_gradients_cost_what_the_convolution_costs(convolution) -> None:
    forward, dx, dw = gradients(*convolution, "taps")
    assert forward == dx == dw


@settings(max_examples=40, deadline=None)
@given(convolutions(dilated_inputs=False))
def test_gradients_cost_what_the_convolution_costs_with_padding(convolution) -> None:
    forward, dx, dw = gradients(*convolution, "nominal")
    assert forward == dx == dw


@pytest.mark.parametrize(
    ("window", "padding", "left", "right", "positions"),
    [
        ((1, 1), "SAME", (2, 3, 8, 8), (4, 3, 3, 3), 8 * 8),
        ((1, 1), "SAME", (2, 3, 2, 2), (4, 3, 3, 3), 2 * 2),  # the kernel larger than the image
        ((1, 1), "VALID", (2, 3, 8, 8), (4, 3, 3, 3), 6 * 6),
        ((2, 2), [(3, 3), (3, 3)], (1, 3, 224, 224), (64, 3, 7, 7), 112 * 112),  # ResNet's stem
    ],
)
def test_nominal_is_outputs_times_kernel(window, padding, left, right, positions) -> None:
    f = lambda x, w: lax.conv_general_dilated(x, w, window, padding)
    n, c, *_ = left
    o, _, kh, kw = right
    forward, dx, dw = gradients(f, left, right, "nominal")
    assert forward == dx == dw == 2 * n * o * c * kh * kw * positions


def test_transposed_convolution_is_inputs_times_kernel_under_nominal() -> None:
    f = lambda x, w: lax.conv_transpose(
        x, w, (2, 2), "SAME", dimension_numbers=("NCHW", "OIHW", "NCHW")
    )
    assert cost(f, "f32[2,3,8,8]", "f32[4,3,3,3]", conv="nominal").matmul_flops == (
        2 * 2 * 4 * 3 * 9 * 8 * 8
    )


def test_input_dilation_is_no_real_work() -> None:
    axis = Axis(inputs=5, kernel=3, outputs=9, pad_low=1, input_dilation=2)
    assert valid_taps(axis) == walk_taps(axis) == 4 * 2 + 5
    assert nominal_taps(axis) == 5 * 3


def test_complex_convolution_is_four_times_a_real_one() -> None:
    f = lambda x, w: lax.conv(x, w, (1,), "VALID")
    real = cost(f, "f32[2,3,9]", "f32[4,3,3]").matmul_flops
    assert real == 2 * 2 * 4 * 3 * 3 * 7
    assert cost(f, "c64[2,3,9]", "c64[4,3,3]").matmul_flops == 4 * real
