"""Every number of every report goes through one formatter."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxflops.polynomial import ratio, symbol
from jaxflops.report import numbers

B, D = symbol("B"), symbol("D")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (1_234_567, "1,234,567"),
        (10**18, "1,000,000,000,000,000,000"),
        (2 * B * D**2 + 2 * B, "2·B·D² + 2·B"),
    ],
)
def test_exact(count, text):
    assert numbers.exact(count) == text


@pytest.mark.parametrize(
    ("count", "unit", "text"),
    [
        (999, "FLOP", "999 FLOP"),
        (1000, "FLOP", "1 kFLOP"),
        (999_949, "FLOP", "999.9 kFLOP"),
        (999_950, "FLOP", "1 MFLOP"),  # never "1000 kFLOP"
        (3_242_591_731_706_757_120, "FLOP", "3.243 EFLOP"),
        (10**45, "FLOP", "1000000000000000 QFLOP"),
        (1536, "B", "1.5 KiB"),
        (2**40, "B", "1 TiB"),
        (1_500_000, "", "1.5 M"),
    ],
)
def test_rounded(count, unit, text):
    assert numbers.rounded(count, unit) == text


def test_short_is_exact_up_to_fifteen_characters():
    assert numbers.short(999_999_999_999, "FLOP") == "999,999,999,999"
    assert numbers.short(10**12, "FLOP") == "1 TFLOP"
    assert numbers.short(10**12 * B, "FLOP") == "1000000000000·B"


def test_a_column_is_written_alike():
    assert numbers.column([1, 10**11], "FLOP") == ["1", "100,000,000,000"]
    assert numbers.column([1, 0, 10**12], "FLOP") == ["1 FLOP", "0", "1 TFLOP"]
    assert numbers.column([10**12, B], "FLOP") == ["1,000,000,000,000", "B"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2, "2"),
        (Fraction(5, 3), "5/3 = 1.667"),
        (Fraction(1, 2), "1/2 = 0.5"),
        (ratio(4 * B * D + 2 * D, B + D), "(4·B·D + 2·D)/(B + D)"),
    ],
)
def test_quotient(value, text):
    assert numbers.quotient(value) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (1, 3, "33.33 %"),
        (1, 2, "50 %"),
        (10**40 - 1, 10**40, "99.99 %"),
        (10**40, 10**40, "100 %"),
        (1, 10**40, "< 0.01 %"),
        (0, 7, "0 %"),
        (3 * B, 3 * B, "100 %"),
        (B, B + D, "B/(B + D)"),
    ],
)
def test_share_is_cut_so_that_only_all_is_100(part, whole, text):
    assert numbers.share(part, whole) == text


@given(st.integers(1, 10**30), st.sampled_from(["FLOP", "", "B"]))
def test_rounding_keeps_four_digits(count, unit):
    number, _, rest = numbers.rounded(count, unit).partition(" ")
    prefix = rest.removesuffix(unit)
    powers = {name: 1000**i for i, name in enumerate(["", *"kMGTPEZYRQ"])}
    if unit == "B":
        powers = {name: 1024**i for i, name in enumerate(["", *(p + "i" for p in "KMGTPEZY")])}
    shown = Fraction(number) * powers[prefix]
    assert abs(shown - count) <= Fraction(count, 1999)
