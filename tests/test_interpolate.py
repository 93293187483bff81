"""Interpolation finds every polynomial, says where it looked, and refuses everything else."""

import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxflops.cost import Cost
from jaxflops.errors import JaxflopsError
from jaxflops.jaxpr.interpolate import interpolate_costs, interpolate_count, interpolate_rows
from jaxflops.polynomial import evaluate, symbol

B, K, T = map(symbol, "BKT")
EIGHTS = range(16, 96, 8)
laws = settings(max_examples=40, deadline=None, derandomize=True)

powers = st.tuples(st.integers(0, 3), st.integers(0, 2))
coefficients = st.fractions(min_value=-20, max_value=20, max_denominator=6)


@laws
@given(st.dictionaries(powers, coefficients, max_size=5), st.integers(0, 3), st.integers(1, 9))
def test_every_polynomial_is_found(terms, first, step):
    polynomial = sum(value * T**i * K**j for (i, j), value in terms.items())
    sizes = {"T": range(first, first + 9 * step, step), "K": [1, 2, 5, 7, 11, 12, 20]}
    found = interpolate_count(lambda **point: evaluate(polynomial, point), sizes=sizes)
    assert found.polynomial == polynomial
    assert found.evidence.residues["T"] == (first % step, step)


def test_whole_coefficients_are_ints():
    found = interpolate_count(lambda T: 3 * T * T + T, sizes={"T": EIGHTS})
    assert all(type(value) is int for value in found.polynomial.terms.values())


def test_counts_may_keep_other_symbols():
    found = interpolate_count(lambda T: 2 * B * T * T + B, sizes={"T": EIGHTS})
    assert found.polynomial == 2 * B * T**2 + B


def test_degrees_that_vanish_at_the_first_size_are_seen():
    sizes = {"B": [16, 24, 32, 40, 48], "T": [16, 24, 32, 40, 48]}
    found = interpolate_count(lambda B, T: (B - 16) * T * T, sizes=sizes)
    assert found.polynomial == B * T**2 - 16 * T**2


def test_one_call_a_point():
    calls = []

    def count_at(B, T):
        calls.append((B, T))
        return B * T * T

    found = interpolate_count(count_at, sizes={"B": [1, 2, 3, 4], "T": EIGHTS})
    assert len(calls) == len(set(calls)) == found.evidence.points


def test_what_was_seen_is_stated():
    sizes = {"T": range(17, 90, 8), "B": [1, 2, 4, 5]}
    found = interpolate_count(lambda B, T: B * T, sizes=sizes, held_out=[{"T": 1001, "B": 9}])
    evidence = found.evidence
    assert evidence.range == {"T": (17, 1001), "B": (1, 9)}
    assert evidence.residues == {"T": (1, 8), "B": (0, 1)}
    assert {"T": 1001, "B": 9} in evidence.held_out
    assert {"T": 89, "B": 5} in evidence.held_out
    assert str(found) == (
        "B·T\n"
        f"  sampled T = 17..1001, T ≡ 1 mod 8; B = 1..9: {evidence.points} points, of which "
        f"{len(evidence.held_out)} were held out and predicted exactly, the farthest at T=1001, B=9"
    )


def test_held_out_points_take_no_part_in_the_fit():
    """What is claimed to be predicted must lie outside the grid that was fitted."""
    found = interpolate_count(lambda B, T: B * T**3, sizes={"B": [1, 2, 3, 4, 5], "T": EIGHTS})
    grid = {(b, t) for b in [1, 2] for t in EIGHTS[:4]}
    asked = {"T": 16, "B": 2}  # the fit needs it: it cannot be held out
    again = interpolate_count(
        lambda B, T: B * T**3, sizes={"B": [1, 2, 3, 4, 5], "T": EIGHTS}, held_out=[asked]
    )
    assert again.evidence == found.evidence
    assert len(found.evidence.held_out) >= 4
    assert not grid & {(point["B"], point["T"]) for point in found.evidence.held_out}


def test_names_alone_are_sampled_in_one_residue_class():
    found = interpolate_count(lambda T, B: (T // 8) * B, sizes=["T", "B"])
    assert found.polynomial == Fraction(1, 8) * T * B
    assert found.evidence.residues == {"T": (0, 8), "B": (0, 8)}
    assert found.at(T=24, B=16) == 48
    assert type(found.at(T=24, B=16)) is int


def test_costs():
    found = interpolate_costs(
        lambda T: Cost(matmul_flops=2 * T**3, bytes_read=T // 2, int_ops=7), sizes={"T": EIGHTS}
    )
    assert found.cost == Cost(matmul_flops=2 * T**3, bytes_read=T / 2, int_ops=7)
    assert found.at(T=160) == Cost(matmul_flops=2 * 160**3, bytes_read=80, int_ops=7)
    assert str(found).startswith("matmul_flops: 2·T³\nint_ops: 7\nbytes_read: 1/2·T\n  sampled")


def test_a_python_loop_over_a_size():
    """What symbolic tracing cannot do: the number of operations depends on a shape."""

    def prefix_products(x):
        total = jnp.zeros(x.shape[1])
        for i in range(0, x.shape[0], 8):
            total += x[i] @ x[:i].T @ x[:i] if i else x[0]
        return total

    def contractions(T):
        x = jax.ShapeDtypeStruct((T, 4), jnp.float32)
        jaxpr = jax.make_jaxpr(prefix_products)(x).jaxpr
        dots = [eqn for eqn in jaxpr.eqns if eqn.primitive.name == "dot_general"]
        return sum(2 * 4 * max(max(v.aval.shape) for v in eqn.invars) for eqn in dots)

    found = interpolate_count(contractions, sizes={"T": range(16, 64, 8)}, held_out=[{"T": 96}])
    assert found.polynomial == T * (T - 8)  # sum over i = 8, 16, ... of 2 products of 2 * 4 * i


REFUSED = [
    (lambda T: T // 2, range(16, 40), "degree <= 6 in T"),
    (lambda T: T * (T.bit_length() - 1), EIGHTS, "no polynomial"),
    (lambda T: 2**T, EIGHTS, "degree <= 6 in T"),
    (
        lambda T: T**7,
        EIGHTS,
        f"at T=72 the fit to other sizes predicts {72**7 - 8**7 * 5040}, the ",
    ),
    (lambda T: max(T, 40), EIGHTS, "no polynomial"),
    (lambda T: T + (T == 88), EIGHTS, "at T=88 the fit to other sizes predicts 88, the program ha"),
    (lambda T: T**2, [16, 24, 32, 40], "degree + 3 sizes or more"),
    (lambda T: math.isqrt(T + 1), range(1, 200, 7), "no polynomial"),
]


@pytest.mark.parametrize(("count_at", "sizes", "text"), REFUSED)
def test_no_polynomial_is_refused(count_at, sizes, text):
    with pytest.raises(JaxflopsError) as error:
        interpolate_count(count_at, sizes={"T": sizes})
    message = str(error.value)
    assert text in message
    assert "sample one residue class" in message
    assert "sizes={'T': range(64, 256, 16)}" in message


def test_a_refusal_shows_the_size_that_contradicts():
    def cost_at(T):
        return Cost(2 * T, T + (T > 150))

    assert interpolate_costs(cost_at, sizes={"T": EIGHTS}).cost == Cost(2 * T, T)
    with pytest.raises(JaxflopsError) as error:
        interpolate_costs(cost_at, sizes={"T": EIGHTS}, held_out=[{"T": 160}])
    assert str(error.value).startswith(
        "other_flops is no polynomial over these sizes: at T=160 the fit to other sizes predicts "
        "160, the program has 161; "
    )


def test_a_kink_in_the_second_variable_is_seen():
    with pytest.raises(JaxflopsError, match="no polynomial"):
        interpolate_count(lambda B, T: B * T if B < 60 else T, sizes={"B": EIGHTS, "T": EIGHTS})


def test_a_term_that_only_mixed_sizes_show():
    with pytest.raises(JaxflopsError, match="no polynomial"):
        interpolate_count(
            lambda B, T: B + T + (B > 16) * (T > 16), sizes={"B": EIGHTS, "T": EIGHTS}
        )


def test_higher_degrees_on_request():
    assert interpolate_count(lambda T: T**7, sizes=["T"], degree=7).polynomial == T**7
    with pytest.raises(JaxflopsError, match="degree <= 1 in T"):
        interpolate_count(lambda T: T**2, sizes=["T"], degree=1)


ERRORS = [
    ({"T": [1, 2]}, (), "give at least degree + 3 distinct sizes >= 0, such as sizes={'T': range("),
    ({"T": [8, 8, 8, 16]}, (), "T: [8, 8, 8, 16] cannot be interpolated"),
    ({"T": range(-8, 80, 8)}, (), "cannot be interpolated"),
    (
        {"T": 64},
        (),
        "T: 64 are no sizes; write a range or a list of ints, such as sizes={'T': range(",
    ),
    ({"T": [1.5, 2, 3, 4]}, (), "write a range or a list of ints"),
    ({}, (), "no variable; name what varies, as in sizes={'T': range(16, 88, 8)}"),
    ({"T": EIGHTS}, [{"B": 8}], "the held-out point {'B': 8} must give a size to each of: T"),
    ({"T": EIGHTS}, [{"T": 65}], "held out T=65 is not ≡ 0 mod 8 as the sampled sizes are; choose"),
]


@pytest.mark.parametrize(("sizes", "held_out", "text"), ERRORS)
def test_wrong_input_says_what_to_write(sizes, held_out, text):
    with pytest.raises(JaxflopsError) as error:
        interpolate_count(lambda **_: 1, sizes=sizes, held_out=held_out)
    assert text in str(error.value)


@pytest.mark.parametrize(
    ("point", "text"),
    [
        ({"T": 65}, "T=65 is outside what was sampled (T = 16..88, T ≡ 0 mod 8); sample it too"),
        ({"T": 8}, "T=8 is outside what was sampled"),
        ({"Q": 8}, "no variable Q; sampled were: T"),
    ],
)
def test_evaluation_keeps_to_what_was_seen(point, text):
    found = interpolate_count(lambda T: T // 2, sizes={"T": EIGHTS})
    with pytest.raises(JaxflopsError) as error:
        found.at(**point)
    assert text in str(error.value)
    assert found.at(T=800) == 400


def test_an_error_inside_names_the_size():
    def count_at(T):
        raise ValueError("inside")

    with pytest.raises(ValueError, match="inside") as error:
        interpolate_count(count_at, sizes={"T": EIGHTS})
    assert error.value.__notes__ == ["(while interpolating, at T=16)"]


def test_counts_must_exist_at_every_size():
    with pytest.raises(JaxflopsError, match="interpolate counts that exist at every size"):
        interpolate_rows(lambda point: {f"layer {point['T']}": 1}, sizes={"T": EIGHTS})
