"""Elementwise work against the lowered module, and the conventions where XLA's differ."""

import jax.numpy as jnp
import pytest
from jax import lax
from jax.extend.core import primitives
from rule_oracles import arithmetic, cost, lowered

import jaxflops as jf

X, INT, B, C = "f32[4,6]", "i32[4,6]", "bool[4,6]", "c64[4,6]"
N = 4 * 6

# One HLO instruction each, so XLA's count is the reference.
UNARY = ["abs", "ceil", "floor", "is_finite", "neg", "round", "sign", "square", "reciprocal"]
CALLS = [
    "cbrt",
    "cos",
    "erf",
    "exp",
    "expm1",
    "log",
    "log1p",
    "rsqrt",
    "sin",
    "sqrt",
    "tan",
    "tanh",
    "atan",
]
BINARY = ["add", "sub", "mul", "div", "rem", "max", "min", "eq", "ne", "lt", "le", "gt", "ge"]
INTEGER = [
    "add",
    "sub",
    "mul",
    "div",
    "rem",
    "max",
    "min",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "shift_left",
]
INTEGER += ["shift_right_logical", "shift_right_arithmetic", "eq", "lt"]
# XLA expands these; by definition they are one call an element here.
EXPANDED = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atanh",
    "bessel_i0e",
    "bessel_i1e",
    "cosh",
    "sinh",
    "digamma",
    "erf_inv",
]
EXPANDED += ["erfc", "exp2", "lgamma", "logistic"]


@pytest.mark.parametrize("name", UNARY + CALLS)
def test_unary_equals_the_lowered_module(name) -> None:
    f = getattr(lax, name)
    assert arithmetic(cost(f, X)) == lowered(f, X) != (0, 0)


@pytest.mark.parametrize("name", [*BINARY, "pow", "atan2"])
def test_binary_equals_the_lowered_module(name) -> None:
    f = getattr(lax, name)
    assert arithmetic(cost(f, X, X)) == lowered(f, X, X) != (0, 0)
    assert cost(f, X, X).int_ops == 0


@pytest.mark.parametrize(
    ("base", "exponent", "converts"),
    [
        ("f32[5,7]", "i32[5,7]", 35),
        ("f32[5,7]", "u8[]", 1),
        ("f32[5,7]", "f32[]", 0),
        ("c64[5,7]", "i32[5,7]", 35),
    ],
)
def test_an_exponent_of_integers_is_converted(base, exponent, converts) -> None:
    got = jf.analyze(lax.pow)(*jf.specs(base, exponent)).total
    assert (got.other_flops, got.int_ops) == (converts, 0)
    assert jf.compare(lax.pow)(*jf.specs(base, exponent)).elementwise.unexplained == 0


@pytest.mark.parametrize("name", INTEGER)
def test_integer_work_is_apart(name) -> None:
    f = getattr(lax, name)
    got = cost(f, INT, INT)
    assert got.int_ops == lowered(f, INT, INT)[0] == N
    assert got.flops == 0


@pytest.mark.parametrize("name", ["bitwise_not", "population_count", "clz", "neg", "abs", "sign"])
def test_unary_integer_work_is_apart(name) -> None:
    f = getattr(lax, name)
    assert cost(f, INT).int_ops == lowered(f, INT)[0] == N


@pytest.mark.parametrize("name", EXPANDED)
def test_functions_are_calls_whatever_they_expand_to(name) -> None:
    got = cost(getattr(lax, name), X)
    assert (got.transcendentals, got.flops) == (N, 0)


@pytest.mark.parametrize(("name", "operands"), [("igamma", 2), ("betainc", 3), ("zeta", 2)])
def test_series_are_calls_and_say_so(name, operands) -> None:
    analysis = jf.analyze(getattr(lax, name))(*jf.specs(*[X] * operands))
    assert analysis.total.transcendentals == N
    assert any("an iterated series" in caveat for caveat in analysis.caveats)


@pytest.mark.parametrize("y", [-3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 31])
def test_integer_pow_counts_the_products_it_lowers_to(y) -> None:
    f = lambda x: lax.integer_pow(x, y)
    assert arithmetic(cost(f, X)) == lowered(f, X)


@pytest.mark.parametrize(
    ("source", "target", "field"),
    [
        (X, "int32", "other_flops"),
        (X, "bfloat16", "other_flops"),
        (X, "bool", "other_flops"),
        (X, "float32", None),
        (INT, "int8", "int_ops"),
        (INT, "bool", "int_ops"),
        (INT, "float32", "other_flops"),
        (B, "float32", "other_flops"),
        (B, "int32", "int_ops"),
        (X, "complex64", "other_flops"),
    ],
)
def test_converts(source, target, field) -> None:
    f = lambda x: lax.convert_element_type(x, target)
    got = cost(f, source)
    assert arithmetic(got) == lowered(f, source)
    assert {name for name in ("other_flops", "int_ops") if getattr(got, name)} == {field} - {None}


@pytest.mark.filterwarnings("ignore:Casting complex values to real")
@pytest.mark.parametrize(("target", "flops"), [("float32", 0), ("int32", N)])
def test_the_real_part_is_taken_not_computed(target, flops) -> None:
    f = lambda x: lax.convert_element_type(x, target)
    assert cost(f, C).other_flops == flops  # as `lax.real`; XLA counts that as one, too


def test_a_convert_of_weak_typing_alone_is_no_work() -> None:
    f = lambda x: lax.convert_element_type(x, jnp.float32)
    analysis = jf.analyze(f)(2.0)
    assert "convert_element_type" in analysis.by("primitive")
    assert analysis.flops == 0


def test_selection_clamp_and_rounding_equal_the_lowered_module() -> None:
    for f, specs in [
        (lax.select_n, (B, X, X)),
        (lax.clamp, (X, X, X)),
        (lambda x: lax.reduce_precision(x, 5, 10), (X,)),
    ]:
        assert arithmetic(cost(f, *specs)) == lowered(f, *specs) == (N, 0)


@pytest.mark.parametrize("cases", [2, 3, 4, 5, 7])
def test_selection_by_index_compares_and_selects(cases) -> None:
    f = lax.select_n
    specs = (INT, *[X] * cases)
    got = cost(f, *specs)
    assert got.other_flops == got.int_ops == (cases - 1) * N
    assert arithmetic(got) == lowered(f, *specs)


def test_complex_work_is_counted_in_real_operations() -> None:
    """By hand, on (a + bi) and (c + di): what XLA counts as one each."""
    by_hand = {
        "add": 2,  # a + c, b + d
        "sub": 2,
        "mul": 6,  # ac - bd, ad + bc
        "div": 11,  # (a + bi)(c - di), c² + d², two divisions
        "eq": 2,
    }
    for name, operations in by_hand.items():
        assert cost(getattr(lax, name), C, C).other_flops == operations * N, name
    assert cost(lax.neg, C).other_flops == 2 * N
    assert cost(lax.conj, C).other_flops == N
    assert cost(lax.square, C).other_flops == 6 * N
    assert cost(lambda x: lax.integer_pow(x, 3), C).other_flops == 2 * 6 * N
    modulus = cost(lax.abs, C)
    assert (modulus.other_flops, modulus.transcendentals) == (3 * N, N)
    sign = cost(lax.sign, C)
    assert (sign.other_flops, sign.transcendentals) == (5 * N, N)
    assert cost(lax.exp, C).transcendentals == 2 * N


def test_parts_of_complex_numbers_are_moved_not_computed() -> None:
    for f, specs in [(lax.real, (C,)), (lax.imag, (C,)), (lax.complex, (X, X))]:
        got = cost(f, *specs)
        assert arithmetic(got) == (0, 0)
        assert got.bytes > 0


def test_boolean_work_is_integer_work() -> None:
    assert cost(jnp.logical_and, B, B).int_ops == N
    assert cost(lax.eq, B, B).int_ops == N
    got = cost(lax.select_n, B, INT, INT)
    assert (got.int_ops, got.flops) == (N, 0)


@pytest.mark.parametrize("name", ["eq_to_p", "le_to_p", "lt_to_p"])
def test_comparisons_in_total_order(name) -> None:
    f = getattr(primitives, name).bind
    assert arithmetic(cost(f, X, X)) == lowered(f, X, X) == (N, 0)


def test_sum_of_cotangents_is_an_addition() -> None:
    import jax

    twice = lambda x: (jnp.sin(x), jnp.sin(x))
    f = lambda x, g, h: jax.vjp(lambda x: (x * 2.0, x * 3.0), x)[1]((g, h))
    assert cost(f, X, X, X).other_flops == 2 * N + N
    assert cost(twice, X).transcendentals == 2 * N


def test_elementwise_work_that_only_the_newest_jax_has() -> None:
    if hasattr(lax, "one_minus_square"):
        assert arithmetic(cost(lax.one_minus_square, X)) == lowered(lax.one_minus_square, X)
    if hasattr(lax, "polynomial"):
        f = lambda x: lax.polynomial(x, [1.0, 2.0, 3.0, 4.0])
        assert arithmetic(cost(f, X)) == lowered(f, X)
        for terms, unroll, steps in ((8, None, 7), (9, None, 9), (9, 9, 8), (3, 2, 3)):
            f = lambda x, *c, unroll=unroll: lax.polynomial(x, c, unroll=unroll)
            got = jf.compare(f)(*jf.specs(X, *["f32[]"] * terms))
            assert got.elementwise.counted == got.elementwise.lowered == (2 * N * steps, 0)
    if hasattr(lax, "log2"):
        assert cost(lax.log2, X).transcendentals == N
