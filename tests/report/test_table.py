"""Tables add up, and as plain text fit their width and read back."""

import re

import pytest

from jaxflops.polynomial import symbol
from jaxflops.report.table import WIDTH, Column, Row, Table, render

B, D, K = map(symbol, "BDK")
COLUMNS = (Column("flops", "FLOP"), Column("bytes", "B"))


def table(*rows, columns=COLUMNS):
    total = tuple(sum(column) for column in zip(*(row.counts for row in rows), strict=True))
    return Table("phase", columns, rows, total)


def read(text):
    """The cells of a rendered table, bands joined: label -> texts."""
    lines: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line and set(line) != {"-"}:
            label, *cells = re.split(r"\s{2,}", line)
            lines.setdefault(label, []).extend(cells)
    return lines


def test_a_table_that_does_not_add_up_cannot_be_made():
    with pytest.raises(AssertionError, match=r"phase: the rows add up to \(3, 0\), not \(4, 0\)"):
        Table("phase", COLUMNS, (Row("a", (1, 0)), Row("b", (2, 0))), (4, 0))


def test_plain_text():
    lines = render(table(Row("forward", (1000, 7)), Row("backward", (2000, 7)))).splitlines()
    assert lines == [
        "phase     flops  bytes",
        "----------------------",
        "forward   1,000      7",
        "backward  2,000      7",
        "----------------------",
        "total     3,000     14",
    ]


def test_the_rest_carries_its_exact_sum():
    rows = [Row(f"r{i}", (10**i, B)) for i in range(6)]
    short = table(*rows).shortened(2)
    assert [row.label for row in short.rows] == ["r0", "r1", "... 4 more"]
    assert short.rows[-1].counts == (111100, 4 * B)
    assert table(*rows).shortened(5).rows == tuple(rows)  # one row more takes its own line


def test_columns_that_do_not_fit_go_into_bands():
    long = (10 + B + D + K) ** 2
    columns = tuple(Column(f"quantity {i}") for i in range(4))
    shown = table(Row("a", (long,) * 4), Row("b", (1,) * 4), columns=columns)
    text = render(shown)
    assert max(map(len, text.splitlines())) <= WIDTH
    assert len(list(shown.bands())) > 1
    lines = read(text)
    assert lines["a"] == [str(long)] * 4
    assert lines["total"] == [str(long + 1)] * 4


def test_a_formula_wider_than_the_page_breaks_before_its_signs():
    long = (10 + B + D + K) ** 4
    lines = render(table(Row("a", (long,)), columns=COLUMNS[:1])).splitlines()
    assert max(map(len, lines)) <= WIDTH
    cell = " ".join(line[len("phase  ") :] for line in lines[2:-2] if set(line) != {"-"})
    assert str(long) in cell


def test_long_labels_keep_both_ends():
    label = "start/" + "layer/" * 30 + "end"
    shown = render(table(Row(label, (1, 1))))
    assert "start/layer" in shown
    assert "layer/end" in shown
    assert max(map(len, shown.splitlines())) <= WIDTH
