"""Exact counts: laws against integer arithmetic, the written forms, and the errors' texts."""

import copy
import json
import math
import operator
import pickle
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxflops.errors import JaxflopsError
from jaxflops.polynomial import (
    Polynomial,
    common_factor,
    evaluate,
    from_json,
    maximum,
    minimum,
    ratio,
    ratio_at,
    ratio_from_json,
    ratio_to_json,
    symbol,
    to_json,
)

NAMES = "BDKT"
B, D, K, T = map(symbol, NAMES)
LOOP = symbol("trips(model.py:12)")
SIZES = st.fixed_dictionaries({name: st.integers(1, 40) for name in NAMES})
laws = settings(max_examples=60, deadline=None, derandomize=True)

RING = {"+": operator.add, "-": operator.sub, "*": operator.mul}
ROUNDING = {"//": operator.floordiv, "%": operator.mod, "max": max, "min": min}
SYMBOLIC = {**RING, **ROUNDING, "max": maximum, "min": minimum}
INTEGER = {**RING, **ROUNDING}


def trees(operators):
    """Random expressions: a name, an int, or (operator, left, right); divisors are never zero."""
    leaves = st.sampled_from(NAMES) | st.integers(-9, 9)
    divisors = st.sampled_from(NAMES) | st.integers(1, 9) | st.integers(-9, -1)

    def grow(children):
        two = [
            st.tuples(st.just(name), children, divisors if name in "//%" else children)
            for name in operators
        ]
        return st.one_of(two)

    return st.recursive(leaves, grow, max_leaves=7)


def value(tree, names, table):
    if isinstance(tree, tuple):
        name, left, right = tree
        return table[name](value(left, names, table), value(right, names, table))
    return names[tree] if isinstance(tree, str) else tree


def count(tree):
    return value(tree, {name: symbol(name) for name in NAMES}, SYMBOLIC)


polynomials = trees(RING).map(count)
counts = trees(SYMBOLIC).map(count)


@laws
@given(trees(SYMBOLIC), SIZES)
def test_arithmetic_is_integer_arithmetic(tree, sizes):
    assert evaluate(count(tree), sizes) == value(tree, sizes, INTEGER)


@laws
@given(counts, counts, counts)
def test_ring_axioms_hold_structurally(a, b, c):
    assert a + b == b + a
    assert a * b == b * a
    assert (a + b) + c == a + (b + c)
    assert (a * b) * c == a * (b * c)
    assert a * (b + c) == a * b + a * c
    assert a - a == 0
    assert a + 0 == a * 1 == a
    assert hash(a * b + c) == hash(c + b * a)


@laws
@given(counts, SIZES, st.sets(st.sampled_from(NAMES)))
def test_sizes_may_be_given_in_any_order(a, sizes, first):
    some = {name: size for name, size in sizes.items() if name in first}
    partly = evaluate(a, some)
    assert evaluate(partly, sizes) == evaluate(a, sizes)
    assert not (isinstance(partly, Polynomial) and partly.symbols & first)


@laws
@given(counts, polynomials, SIZES)
def test_a_symbol_may_become_a_polynomial(a, b, sizes):
    b = b * b + 1  # a size: not negative
    inner = evaluate(b, sizes)
    assert evaluate(evaluate(a, {"T": b}), sizes) == evaluate(a, {**sizes, "T": inner})


@laws
@given(counts, polynomials, st.integers(1, 4), SIZES)
def test_division_and_remainder_belong_together(a, b, n, sizes):
    divisor = b * b + n
    assert evaluate(a // divisor * divisor + a % divisor, sizes) == evaluate(a, sizes)


@laws
@given(*[st.integers(-40, 40)] * 3, st.integers(2, 24), SIZES)
def test_rounding_of_linear_sizes(i, j, k, n, sizes):
    count_, number_ = i * T + j * B + k, i * sizes["T"] + j * sizes["B"] + k
    assert evaluate(count_ // n, sizes) == number_ // n
    assert evaluate(count_ % n, sizes) == number_ % n
    assert evaluate(count_ // n // 3, sizes) == number_ // n // 3
    assert (count_ + 5 * n) // n == count_ // n + 5
    assert (count_ + 5 * n) % n == count_ % n


@laws
@given(polynomials, polynomials, st.integers(1, 9))
def test_exact_division_is_found(a, b, n):
    divisor = b * b + n
    assert (a * divisor) // divisor == a
    assert (a * divisor) % divisor == 0
    assert (a * divisor + 0) // n == (a * divisor * 2) // (2 * n)


@laws
@given(counts, counts, SIZES)
def test_a_decided_order_holds_at_every_size(a, b, sizes):
    left, right = evaluate(a, sizes), evaluate(b, sizes)
    for compare in (operator.lt, operator.le, operator.gt, operator.ge):
        try:
            decided = compare(a, b)
        except JaxflopsError:
            continue
        assert decided == compare(left, right)


@laws
@given(counts)
def test_json_round_trip(a):
    assert from_json(json.loads(json.dumps(to_json(a)))) == a


@laws
@given(counts, SIZES)
def test_python_text_evaluates_to_the_same(a, sizes):
    text = a.to_python() if isinstance(a, Polynomial) else str(a)
    assert eval(text, {"max": max, "min": min}, dict(sizes)) == evaluate(a, sizes)


@laws
@given(polynomials, polynomials, polynomials, SIZES)
def test_ratios_are_in_lowest_terms(a, b, c, sizes):
    b, c = b * b + 1, c * c + D
    short, long = ratio(a, b), ratio(a * c, b * c)
    assert long == short
    assert str(long) == str(short)
    assert hash(long) == hash(short)
    assert ratio_from_json(json.loads(json.dumps(ratio_to_json(long)))) == short
    assert ratio_at(short, sizes) == Fraction(evaluate(a, sizes), evaluate(b, sizes))


@laws
@given(polynomials, st.integers(1, 12), SIZES)
def test_fractions_are_exact(a, n, sizes):
    part = a / n if isinstance(a, Polynomial) else Fraction(a, n)
    assert evaluate(part, sizes) == Fraction(evaluate(a, sizes), n)
    assert part * n == a
    assert from_json(to_json(part)) == part
    text = part.to_python() if isinstance(part, Polynomial) else repr(part)
    assert eval(text, {"Fraction": Fraction}, dict(sizes)) == evaluate(part, sizes)


WRITTEN = [
    (2 * B * D * K + 2 * B * D**2, "2·B·D² + 2·B·D·K", "2*B*D**2 + 2*B*D*K"),
    (3 - B, "-B + 3", "-B + 3"),
    (B - D, "B - D", "B - D"),
    (B + D**3 + B * K, "D³ + B·K + B", "D**3 + B*K + B"),
    (T * (T + 1) / 2, "1/2·T² + 1/2·T", "(T**2 + T)//2"),
    (T / 2 - D, "-D + 1/2·T", "-D + Fraction(1, 2)*T"),
    (B**12 * symbol("heads"), "B¹²·heads", "B**12*heads"),
    (D**2 * B + K**3 + B * B * D, "B²·D + B·D² + K³", "B**2*D + B*D**2 + K**3"),
    ((T + 5) // 2, "⌊(T + 1)/2⌋ + 2", "((T + 1)//2) + 2"),
    (-(-T // 128), "⌊(T + 127)/128⌋", "((T + 127)//128)"),
    (T // 2 // 3, "⌊T/6⌋", "(T//6)"),
    (B * D // (2 * K), "⌊B·D/(2·K)⌋", "(B*D//(2*K))"),
    ((10 * T + 3) % 8, "((2·T + 3) mod 8)", "((2*T + 3) % 8)"),
    (3 * (T % 8) ** 2 * B, "3·B·(T mod 8)²", "3*B*(T % 8)**2"),
    (maximum(maximum(7, D), B), "max(B, D, 7)", "max(B, D, 7)"),
    (2 * minimum(B, D + 1), "2·min(B, D + 1)", "2*min(B, D + 1)"),
    (2 * LOOP * B, "2·B·trips(model.py:12)", "2*B*trips_model_py_12"),
    (symbol("lambda") * symbol("max"), "lambda·max", "lambda_*max_"),
    (symbol("a(x.y)") + symbol("a(x_y)"), "a(x.y) + a(x_y)", "a_x_y + a_x_y_"),
]


@pytest.mark.parametrize(("polynomial", "text", "python"), WRITTEN, ids=[w[1] for w in WRITTEN])
def test_written_forms(polynomial, text, python):
    assert str(polynomial) == repr(polynomial) == text
    assert polynomial.to_python() == python


@pytest.mark.parametrize(
    ("polynomial", "latex"),
    [
        (2 * B * D**2 - 3 * B, r"2\,B\,D^{2} - 3\,B"),
        (T**10 / 2, r"\frac{1}{2}\,T^{10}"),
        (symbol("d_model") * 4, r"4\,\mathrm{d\_model}"),
        (maximum(B, T // 2), r"\max(B, \lfloor T / 2 \rfloor)"),
        (T % 8 + 1, r"(T \bmod 8) + 1"),
        (ratio(B + 1, 2 * D), r"\frac{B + 1}{2\,D}"),
    ],
)
def test_latex(polynomial, latex):
    assert polynomial.to_latex() == latex


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (ratio(6, 3), "2"),
        (ratio(6, 4), "3/2"),
        (ratio(T, 2), "1/2·T"),
        (ratio(2 * B * D**2 + 2 * B * D * K, 2 * B * D), "D + K"),
        (ratio(4 * B * D**2 + 6 * B * D * K, 2 * B * D**2 + 2 * B * D * K), "(2·D + 3·K)/(D + K)"),
        (ratio(B, -2 * D), "-B/(2·D)"),
        (ratio(1, T - B), "-1/(B - T)"),
        (ratio((B + D) * (B - D) * K, (B + D) * (B + 2 * D)), "(B·K - D·K)/(B + 2·D)"),
        (ratio(0, B), "0"),
        (ratio(T // 2 * B, T // 2 * D), "B/(D)"),
    ],
)
def test_written_ratios(given_, expected):
    assert str(given_) == expected


def test_constants_are_plain_ints():
    for result in (
        B - B + 3,
        B * 0,
        (B + 1) ** 0,
        B // B,
        T % 1,
        maximum(B, B) // B,
        T / 2 * 2 // T,
    ):
        assert type(result) is int
    half = T / 2 - T / 2 + Fraction(1, 2)
    assert half == Fraction(1, 2)
    assert type((T / 2).at(T=3)) is Fraction
    assert type((T / 2).at(T=4)) is int


def test_sums_and_numpy_ints_mix():
    assert sum([B, 3, D]) == B + D + 3
    for three in (np.int64(3), np.uint8(3), np.int32(3)):
        assert three * B == B * three == 3 * B
        assert B + three == three + B == B + 3
        assert type((three * B).at(B=three)) is int
    assert B * True == B
    assert (B**2).at(B=np.int8(100)) == 10_000  # no overflow


def test_opaque_parts_are_simplified_by_proofs_only():
    assert maximum(B, 1) == B  # sizes are >= 1
    assert minimum(B, 1) == 1
    assert maximum(LOOP, 1) != LOOP  # a loop may run 0 times
    assert maximum(B, B * D) == B * D
    assert maximum(maximum(B, D), B) == maximum(D, B)
    assert minimum(minimum(B, D), minimum(D, K)) == minimum(B, minimum(K, D))
    assert (16 * T + 5) % 8 == 5
    assert (T + 8) // 8 == T // 8 + 1
    assert (6 * T + 4) // 8 == (3 * T + 2) // 4
    assert (2 * T + 1) // 4 == T // 2
    assert (3 * (T // 2) // 4).at(T=7) == 9 // 4
    assert ((T // 2) ** 2 // 4).at(T=7) == 9 // 4
    assert maximum(2 * maximum(B, D), K).at(B=1, D=2, K=3) == 4
    assert (6 * T + 4) % 8 == 2 * ((3 * T + 2) % 4)


def test_orders():
    assert B < B + 1
    assert B <= B * D
    assert operator.lt(0, B)  # reflected
    assert operator.le(1, B * D)
    assert not operator.ge(0, B)
    assert not B * D < B
    assert T // 2 >= 0
    assert T % 8 + 1 > 0
    assert maximum(B + 4, LOOP) >= 5
    assert minimum(B + 4, D + 2) >= 3
    with pytest.raises(JaxflopsError, match="cannot order"):
        _ = minimum(B + 4, D + 2) >= 4


def test_big_numbers_survive_json():
    big = 10**30 * B + 2**53 + 1
    written = json.dumps(to_json(big))
    assert "1" + "0" * 30 in written
    assert from_json(json.loads(written)) == big
    assert to_json(2**53) == 2**53
    assert to_json(2**53 + 1) == "9007199254740993"
    assert from_json(to_json(-(10**40))) == -(10**40)


def elsewhere(code, given_=b""):
    """What `code` prints in another process (with other string hashes), without jaxflops' rest."""
    only = "import sys, types; package = sys.modules['jaxflops'] = types.ModuleType('jaxflops'); "
    only += f"package.__path__ = {list(sys.modules['jaxflops'].__path__)!r}; "
    command = [sys.executable, "-c", f"{only}import jaxflops.polynomial; {code}"]
    done = subprocess.run(command, input=given_, capture_output=True, check=True)
    return done.stdout.decode().strip()


def test_immutable_and_portable():
    p = 2 * B * maximum(D, K) + T / 3
    assert {p: 1}[T / 3 + maximum(K, D) * B * 2] == 1
    assert copy.deepcopy(p) == p
    hash(p)
    code = (
        "import pickle; p = pickle.load(sys.stdin.buffer); sys.stdout.buffer.write(str(p).encode())"
    )
    assert elsewhere(code + "; assert {p: 1}[p]", pickle.dumps(p)) == str(p)
    with pytest.raises(JaxflopsError, match="immutable"):
        p.terms = {}


def test_no_jax_is_needed():
    assert elsewhere("print([m for m in ('jax', 'numpy') if m in sys.modules])") == "[]"


ERRORS = [
    (lambda: B * 1.5, r"counts are exact: \* takes an int, .* not 1.5 of type float; write Fracti"),
    (lambda: 0.5 + B, r"\+ takes an int.*write Fraction\(1, 2\) for a half and x // 2"),
    (lambda: np.float32(2) * B, r"counts are exact: \* takes"),
    (lambda: B // 2.0, "counts are exact: // takes"),
    (lambda: maximum(B, 2.5), "counts are exact: max takes"),
    (lambda: ratio(B, 0.5), "counts are exact: / takes"),
    (lambda: B / D, r"\(B\) / \(D\): write jf.ratio\(a, b\)"),
    (lambda: 1 / B, r"1 / \(B\): write jf.ratio\(a, b\)"),
    (lambda: B**-1, r"the exponent must be an int >= 0; for a quotient write jf.ratio\(a, b\)"),
    (lambda: B**D, r"\(B\) \*\* D: the exponent must be an int >= 0"),
    (lambda: B * D < K, r"cannot order B·D and K for all sizes; give sizes with .at\(B=..., D=..."),
    (lambda: LOOP > 0, r"give sizes with .at\(\*\*{'trips\(model.py:12\)': ...}\)"),
    (lambda: max(B, D), r"cannot order D and B for all sizes|cannot order B and D for all sizes"),
    (lambda: int(B), r"B is no number while it has symbols; give sizes with .at\(B=...\)"),
    (lambda: float(B * D), r"B·D is no number .* .at\(B=..., D=...\)"),
    (lambda: (B * D).at(Q=3), "B·D has no symbol Q; its symbols are: B, D"),
    (lambda: ratio(B, D + 1).at(Q=3), r"B/\(D \+ 1\) has no symbol Q; its symbols are: B, D"),
    (lambda: B.at(B=1.5), "B=1.5 is no size; write an int >= 0"),
    (lambda: B.at(B=-1), "B=-1 is no size; write an int >= 0"),
    (lambda: symbol("A B"), r"'A B' cannot name a size; write an identifier, as in symbol\('B'\)"),
    (lambda: symbol("max(A, B)"), "cannot name a size"),
    (lambda: symbol(""), "cannot name a size"),
    (Polynomial, r"a Polynomial is made by arithmetic on symbols: write symbol\('B'\) \* 2"),
    (lambda: ratio(B, 0), "ratio of B to 0: there is nothing to compare with"),
    (lambda: ratio(1, D - B).at(B=2, D=2), "ratio of -1 to 0"),
    (lambda: from_json(0.5), "no exact count: 0.5; write what to_json"),
    (lambda: from_json([[1, [["B", 0]]]]), "no exact count: 0"),
    (lambda: from_json([[1, [[{"exp": [1, 2]}, 1]]]]), "no exact count: {'exp'"),
    (lambda: from_json("many"), "no exact count: 'many'"),
    (lambda: from_json([["B"]]), "no exact count"),
    (lambda: from_json(None), "no exact count: None"),
]


@pytest.mark.parametrize(("mistake", "text"), ERRORS, ids=[text for _, text in ERRORS])
def test_errors_say_what_to_write(mistake, text):
    with pytest.raises(JaxflopsError, match=text):
        mistake()


@pytest.mark.parametrize("divide", [operator.floordiv, operator.mod])
def test_division_by_zero(divide):
    with pytest.raises(ZeroDivisionError, match=r"B .* 0"):
        divide(B, 0)


def test_equality_is_not_a_guess():
    assert B != D
    assert B != 1
    assert B * D != B * K
    assert B != "B"
    assert (B == 1.0) is False
    assert bool(B - D) is (B - D != 0) is True  # truth is `!= 0`, decided without sizes
    assert bool(B - B) is (B - B != 0) is False


def test_ratios_too_long_to_shorten_are_still_exact(monkeypatch):
    a, b, common = B + 2 * D, D * T - K, B * T + D + 1
    short = ratio(a, b)
    monkeypatch.setattr(common_factor, "_BUDGET", 0)
    long = ratio(a * common, b * common)
    assert str(long) != str(short)
    assert long == short
    assert hash(long) == hash(short)
    assert long != ratio(a + 1, b)
    assert long.at(B=2, D=3, T=5, K=7) == short.at(B=2, D=3, T=5, K=7) == 1


def test_a_product_of_many_terms():
    terms = math.prod([B + 1, D + 2, K + 3, T + 4])
    assert len(terms.terms) == 16
    assert terms.at(B=1, D=1, K=1, T=1) == 2 * 3 * 4 * 5
