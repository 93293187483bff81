"""LaTeX: balanced, escaped, and the same exact numbers."""

import re

import jax.numpy as jnp
import pytest

import jaxflops as jf
from jaxflops.models import two_layer
from jaxflops.polynomial import symbol
from jaxflops.report import latex


def analyzed(**options):
    return jf.analyze(two_layer, mode="grad", **options)(*two_layer.example_args())


def test_the_two_layer_network():
    lines = analyzed(argnums=(0, 1, 2)).to_latex().splitlines()
    assert lines[0] == "% two_layer, mode 'grad'"
    assert r"total & $6\,B\,D^{2} + 6\,B\,D\,K$ & $2\,B\,K + 2$ & $0$ & $0$ &" in "\n".join(lines)
    assert (
        r"\texttt{w2.grad = h1.T @ h2.grad} & $[B, D] \cdot [B, K] \to [D, K]$ & $2\,B\,D\,K$ \\"
        in lines
    )
    assert r"backward &  & $4\,B\,D^{2} + 4\,B\,D\,K$ \\" in lines


def test_numbers_are_grouped_and_long_ones_rounded():
    shown = analyzed().at(B=2**20, D=2**12, K=7).to_latex()
    assert "70.49 TFLOP" in shown
    assert r"$70{,}489{,}003{,}261{,}952$" in shown  # the derivation is exact
    assert latex.formula(1234567) == r"$1{,}234{,}567$"
    assert latex.formula(2 * symbol("B") ** 2) == r"$2\,B^{2}$"


@pytest.mark.parametrize("char", list(r"\~^&%$#_{}"))
def test_nothing_special_is_left_of_text(char):
    escaped = latex.escape(f"a{char}b")
    assert re.fullmatch(r"a(\\[&%$#_{}]|\\text\w+\{\})b", escaped)


def test_every_row_has_its_columns_and_every_brace_its_pair():
    def loss(params, x):
        with_100_percent = x @ params["w_1"]
        return jnp.sum(with_100_percent)

    args = jf.specs({"w_1": "f32[3,4]"}, "f32[2,3]")
    shown = jf.analyze(loss, mode="value_and_grad")(*args).to_latex()
    for layout, body in re.findall(
        r"\\begin{tabular}{(\w+)}\n(.*?)\\end{tabular}", shown, re.DOTALL
    ):
        for line in body.splitlines():
            if line != r"\hline":
                assert len(re.findall(r"(?<!\\)&", line)) == len(layout) - 1
    assert r"\texttt{with\_100\_percent = x @ params['w\_1']}" in shown
    plain = re.sub(r"\\[{}]", "", shown)
    assert plain.count("{") == plain.count("}")
    assert plain.count("$") % 2 == 0


def test_writing(tmp_path):
    path = tmp_path / "out.tex"
    shown = analyzed().to_latex(path)
    assert path.read_text(encoding="utf-8") == shown + "\n"
    with pytest.raises(jf.JaxflopsError, match=r"cannot write .*; give a path in a folder"):
        analyzed().to_latex(tmp_path / "nosuch" / "out.tex")
