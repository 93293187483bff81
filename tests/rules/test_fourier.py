"""Fourier transforms against a recursion that counts its butterflies."""

import jax.numpy as jnp
import pytest
from jax import lax
from rule_oracles import cost

from jaxflops.formulas.fourier import fft

BUTTERFLY = 6 + 2 + 2  # twiddle product, sum, difference, in real operations


def count_butterflies(n: int) -> int:
    """Cooley-Tukey: two halves, then n/2 butterflies."""
    return 0 if n == 1 else 2 * count_butterflies(n // 2) + n // 2


@pytest.mark.parametrize("n", [1, 2, 4, 8, 64, 1024])
def test_powers_of_two_are_radix_2(n) -> None:
    assert fft(1, n) == BUTTERFLY * count_butterflies(n)
    assert cost(jnp.fft.fft, f"c64[3,{n}]").other_flops == 3 * BUTTERFLY * count_butterflies(n)


def test_other_lengths_round_the_logarithm_up() -> None:
    assert fft(1, 6) == 5 * 6 * 3


def test_several_axes_are_a_sum_over_axes() -> None:
    one_by_one = lambda x: jnp.fft.fft(jnp.fft.fft(jnp.fft.fft(x, axis=0), axis=1), axis=2)
    at_once = cost(jnp.fft.fftn, "c64[4,8,16]").other_flops
    assert at_once == cost(one_by_one, "c64[4,8,16]").other_flops
    assert at_once == 5 * 4 * 8 * 16 * (2 + 3 + 4)
    assert cost(jnp.fft.ifftn, "c64[4,8,16]").other_flops == at_once


def inverse(*lengths):
    return lambda x: lax.fft(x, lax.FftType.IRFFT, lengths)


def test_a_real_transform_is_half() -> None:
    assert cost(jnp.fft.rfft, "f32[3,64]").other_flops == cost(jnp.fft.fft, "c64[3,64]").flops // 2
    assert cost(inverse(64), "c64[3,33]").other_flops == 3 * 5 * 64 * 6 // 2


def test_a_real_transform_of_several_axes_halves_what_follows() -> None:
    at_once = cost(jnp.fft.rfftn, "f32[8,16]").other_flops
    one_by_one = lambda x: jnp.fft.fft(jnp.fft.rfft(x), axis=0)
    assert at_once == cost(one_by_one, "f32[8,16]").other_flops
    assert cost(inverse(8, 16), "c64[8,9]").other_flops == at_once


def test_symbolic_batches_and_lengths() -> None:
    assert str(cost(jnp.fft.fft, "c64[B,64]").other_flops) == "1920·B"
    found = cost(jnp.fft.fft, "c64[B,N]").other_flops
    assert str(found) == "5·B·N·ceil_log2(N)"
    assert found.to_latex() == r"5\,B\,N\,\lceil \log_2(N) \rceil"
    assert found.at(B=2, N=8) == 5 * 2 * 8 * 3
    assert found >= 0
