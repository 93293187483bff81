"""Windows against a loop over windows and elements."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from jax import lax
from rule_oracles import abstract, arithmetic, cost, lowered

import jaxflops as jf


def walk_windows(shape, out, window, strides, pads, base, step) -> list[int]:
    """How many real elements each window holds."""
    counts = []
    for position in itertools.product(*map(range, out)):
        held = 0
        for element in itertools.product(*map(range, window)):
            inside = True
            for axis in range(len(shape)):
                at = position[axis] * strides[axis] + element[axis] * step[axis] - pads[axis][0]
                i, rest = divmod(at, base[axis])
                inside &= rest == 0 and 0 <= i < shape[axis]
            held += inside
        counts.append(held)
    return counts


@st.composite
def windows(draw):
    ndim = draw(st.integers(1, 2))
    per_axis = lambda lo, hi: tuple(draw(st.integers(lo, hi)) for _ in range(ndim))
    shape, window, strides = per_axis(1, 6), per_axis(1, 3), per_axis(1, 3)
    base, step = per_axis(1, 3), per_axis(1, 2)
    pads = tuple(zip(per_axis(0, 3), per_axis(0, 3), strict=True))
    for i in range(ndim):
        padded = (shape[i] - 1) * base[i] + 1 + sum(pads[i])
        assume(padded >= (window[i] - 1) * step[i] + 1)
    return shape, window, strides, pads, base, step


@settings(max_examples=80, deadline=None)
@given(windows())
@example(((2,), (3,), (1,), ((1, 1),), (1,), (1,)))
@example(((3,), (3,), (2,), ((1, 1),), (1,), (1,)))
@example(((9,), (5,), (4,), ((2, 2),), (1,), (1,)))
def test_windows_combine_their_real_elements(case) -> None:
    shape, window, strides, pads, base, step = case
    f = lambda x: lax.reduce_window(
        x, 0.0, lax.add, window, strides, pads, base_dilation=base, window_dilation=step
    )
    x = abstract(shape)
    out = jax.eval_shape(f, x).shape
    held = walk_windows(shape, out, window, strides, pads, base, step)
    got = jf.analyze(f)(x).total.other_flops
    assert got == sum(max(count - 1, 0) for count in held)
    nominal = jf.analyze(f, conv="nominal")(x).total.other_flops
    assert nominal == len(held) * (np.prod(window) - 1)
    assert lowered_window(f, x) in (nominal, as_a_reduction(window, pads, out))


def as_a_reduction(window, pads, out) -> int | None:
    """What XLA says of a window that it takes for a reduction (hlo/xla_formulas.py)."""
    wide = [axis for axis, size in enumerate(window) if size > 1]
    n = out[wide[0]] if len(wide) == 1 else 0
    if n and window[wide[0]] == 2 * n - 1 and pads[wide[0]] == (n - 1, n - 1):
        return int(np.prod(out)) // n + n - 1
    return None


def lowered_window(f, x) -> float:
    return (jax.jit(f).lower(x).cost_analysis() or {}).get("flops", 0.0)


def test_average_pooling_equals_the_lowered_module() -> None:
    f = lambda x: lax.reduce_window(x, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    assert arithmetic(cost(f, "f32[2,8,8,3]")) == lowered(f, "f32[2,8,8,3]") == (288, 0)


def test_gaps_of_a_dilated_input_are_no_work() -> None:
    """Each window meets one real element and three gaps: nothing to add, though XLA counts it."""
    f = lambda x: lax.reduce_window(
        x, 0.0, lax.add, (2, 2), (1, 1), ((1, 1), (1, 1)), base_dilation=(2, 2)
    )
    assert cost(f, "f32[4,4]").other_flops == 0
    assert lowered(f, "f32[4,4]")[0] == 8 * 8 * 3


def test_max_pooling_its_tangent_and_its_gradient() -> None:
    pool = lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (2, 2), (2, 2), "VALID")
    windows, compares = 16, 3
    assert cost(pool, "f32[8,8]").other_flops == windows * compares
    tangent = lambda x, t: jax.jvp(pool, (x,), (t,))[1]
    assert cost(tangent, "f32[8,8]", "f32[8,8]").other_flops == windows * compares
    gradient = lambda x, g: jax.vjp(pool, x)[1](g)
    got = cost(gradient, "f32[8,8]", "f32[4,4]")
    assert got.other_flops == windows * (compares + 1)
    assert arithmetic(got) == lowered(gradient, "f32[8,8]", "f32[4,4]")


def test_windows_by_a_function_cost_the_function() -> None:
    f = lambda x: lax.reduce_window(x, 0.0, lambda a, b: jnp.sin(a) * b, (3,), (1,), "VALID")
    got = cost(f, "f32[10]")
    assert (got.other_flops, got.transcendentals) == (8 * 2, 8 * 2)


@pytest.mark.parametrize("conv", ["taps", "nominal"])
def test_symbolic_batches_pool(conv) -> None:
    f = lambda x: lax.reduce_window(x, 0.0, lax.add, (1, 2), (1, 2), "VALID")
    assert str(cost(f, "f32[B,8]", conv=conv).other_flops) == "4·B"


def test_complex_and_integer_windows() -> None:
    f = lambda x: lax.reduce_window(x, np.zeros((), x.dtype), lax.add, (3,), (1,), "VALID")
    assert cost(f, "c64[10]").other_flops == 2 * 16
    assert cost(f, "i32[10]").int_ops == 16
