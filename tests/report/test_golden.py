"""Whole reports, as printed; `UPDATE_GOLDEN=1 pytest tests/report` writes them anew."""

import os
import re
from fractions import Fraction
from pathlib import Path

import pytest
from report_programs import deep, large, mixed

import jaxflops as jf
from jaxflops.models import mlp, two_layer
from jaxflops.polynomial import symbol
from jaxflops.report import blocks, text
from jaxflops.report.table import WIDTH

GOLDEN = Path(__file__).parent.parent / "golden"
CASES = {
    "two_layer_grad": (two_layer, {"mode": "grad", "argnums": (0, 1, 2)}, ("kind",)),
    "mlp_value_and_grad": (mlp.with_preset("tiny"), {"mode": "value_and_grad"}, ("scope",)),
    "large": (large, {}, ("scope", "primitive")),
    "mixed": (mixed, {}, ()),
    "deep": (deep, {}, ("scope",)),
}
ARGS = {
    "mixed": jf.specs("i32[]", "f32[4,4]", "i32[]"),
    "deep": jf.specs("f32[8,8]"),
    "large": jf.specs("bf16[126,16384,16384]", "bf16[65536,16384]"),
}


def analyzed(name):
    fn, options, _ = CASES[name]
    return jf.analyze(fn, **options)(*(ARGS[name] if name in ARGS else fn.example_args()))


def printed(name):
    """The report and its tables; versions are whatever they are."""
    analysis = analyzed(name)
    views = [blocks.view(key, analysis.by(key), 8) for key in CASES[name][2]]
    shown = text.render([*blocks.report(analysis), *views])
    assert shown.startswith(str(analysis))
    return re.sub(r"jaxflops [\w.]+, jax [\w.]+,\s+jaxlib [\w.]+", "VERSIONS", shown) + "\n"


@pytest.mark.parametrize("name", CASES)
def test_reports_are_as_they_were(name):
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(printed(name), encoding="utf-8")
    assert printed(name) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_reports_fit_the_page(name):
    assert max(map(len, printed(name).splitlines())) <= WIDTH


PREFIXES = {name: 1000**i for i, name in enumerate(["", *"kMGTPEZYRQ"])}
PREFIXES |= {f"{name}i": 1024**i for i, name in enumerate("KMGTPEZY", 1)}
POWERS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def read(cell):
    """(the number or polynomial of a cell, how far off rounding may have put it)."""
    rounded = re.fullmatch(r"(\d+(?:\.\d*)?) ?([kMGTPEZYRQ]i?|Ki)?(FLOP|B)", cell)
    if rounded:
        number, prefix, _ = rounded.groups()
        unit = PREFIXES[prefix or ""]
        # four digits: half of the last one; trailing zeros are not written
        slack = Fraction(unit, 2) * Fraction(10) ** (len(number.partition(".")[0]) - 4)
        return Fraction(number) * unit, slack
    return sum((term(part) for part in cell.split(" + ")), start=0), 0


def term(text):
    product = 1
    for factor in text.split("·"):
        name, power = re.fullmatch(r"([^⁰¹²³⁴⁵⁶⁷⁸⁹]+)([⁰¹²³⁴⁵⁶⁷⁸⁹]*)", factor).groups()
        base = int(name.replace(",", "")) if name[0].isdigit() else symbol(name)
        product *= base ** int(power.translate(POWERS) or 1)
    return product


def tables(shown):
    """The rows of each printed table, between its rules."""
    for part in shown.split("\n\n"):
        lines = [re.split(r"\s{2,}", line) for line in part.splitlines()]
        if len(lines) > 3 and lines[-1][0] == "total":
            yield lines[2:-2], lines[-1]


@pytest.mark.parametrize("name", CASES)
def test_printed_columns_add_up(name):
    found = 0
    for rows, total in tables(printed(name)):
        for i in range(1, len(total)):
            values, slacks = zip(*(read(row[i]) for row in rows), strict=True)
            whole, slack = read(total[i])
            difference, allowed = sum(values) - whole, sum(slacks) + slack
            assert difference == 0 or abs(difference) <= allowed, (rows, total, i)
            found += 1
    assert found >= 5
