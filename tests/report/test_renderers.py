"""The same blocks on a terminal and in a notebook."""

import io
import re
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

import jaxflops as jf
from jaxflops.cli.show import encodable, show
from jaxflops.cost import Cost
from jaxflops.models import two_layer
from jaxflops.report import blocks, html, terminal, text


@pytest.fixture(scope="module")
def analysis():
    return jf.analyze(two_layer, mode="grad")(*two_layer.example_args()).at(B=2**20, D=2**12, K=7)


def on_terminal(parts, width=100, **options):
    console = Console(file=io.StringIO(), width=width, highlight=False, **options)
    terminal.show(parts, console)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [40, 60, 100, 200])
def test_a_terminal_shows_every_cell_within_its_width(analysis, width):
    shown = on_terminal(blocks.report(analysis), width)
    assert max(map(len, shown.splitlines())) <= width
    table = blocks.phases(analysis)
    for texts in [table.labels(), *table.cells()]:
        assert all(text in shown for text in texts)


def test_a_terminal_has_colour_unless_asked_not_to(analysis, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    colour = re.compile(r"\x1b\[[\d;]*3[0-7]")
    terminals = {"force_terminal": True, "color_system": "standard"}
    assert colour.search(on_terminal(blocks.report(analysis), **terminals))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colour.search(on_terminal(blocks.report(analysis), **terminals))


class Terminal(io.StringIO):
    """A standard output that is one."""

    def isatty(self):
        return True


def test_only_terminals_get_more_than_plain_text(analysis, monkeypatch):
    plain = text.render(blocks.report(analysis)) + "\n"
    for output, term, is_plain in [
        (io.StringIO(), "xterm", True),
        (Terminal(), "dumb", True),
        (Terminal(), "xterm", False),
    ]:
        monkeypatch.setenv("TERM", term)
        monkeypatch.setattr("sys.stdout", output)
        show(blocks.report(analysis))
        assert (output.getvalue() == plain) is is_plain


def test_html_has_the_exact_numbers(analysis):
    root = ET.fromstring(analysis._repr_html_().replace("<br>", "<br/>"))
    (table,) = root.iter("table")
    cells = [(cell.text, cell.get("title")) for cell in table.iter("td")]
    columns = blocks.phases(analysis).total
    assert cells[-5:][0] == ("70.49 TFLOP", f"{columns[0]:,}")
    assert [title for _, title in cells[-5:]] == [f"{count:,}" for count in columns]


def test_html_escapes_what_users_name():
    shown = jf.analyze(lambda x: x * 2.0)(jf.spec("f32[3]"))._repr_html_()
    assert "&lt;lambda&gt;" in shown
    assert "<lambda>" not in shown


def test_labels_are_escaped_too():
    table = blocks.view("scope", {"a<b>": Cost(matmul_flops=2)})
    assert '<th style="text-align: left">a&lt;b&gt;</th>' in html.render([table])


def test_collectives_bring_a_column_of_their_own():
    moved = {"psum": Cost(payload_bytes=4096), "add": Cost(other_flops=7)}
    assert "payload bytes" in text.render([blocks.view("primitive", moved)])
    assert "payload" not in text.render([blocks.view("primitive", {"add": moved["add"]})])


def test_laid_out_text_stays_as_it_is():
    long = blocks.Verbatim("a  b " * 40)
    assert text.render([long]) == long
    assert html.render([blocks.Verbatim("a < b")]) == "<div><pre>a &lt; b</pre></div>"


def test_paragraphs_wrap_between_words():
    shown = text.render(["- " + "word " * 40 + "two-layer " * 9])
    assert shown.count("two-layer") == 9
    assert max(map(len, shown.splitlines())) <= 100
    assert shown.splitlines()[1].startswith("  word")


def test_an_output_without_superscripts_gets_plain_operators():
    formula = "2·B·D² + 3·T¹⁰ + ⌊T/2⌋ × é"
    assert encodable(formula, "utf-8") == formula
    assert encodable(formula, "ascii") == "2*B*D^2 + 3*T^10 + floor(T/2) x ?"
    assert encodable(formula, None) == formula
