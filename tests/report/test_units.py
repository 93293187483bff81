"""FLOPs or MACs: what a report prints says which, by the convention's name."""

import jax.numpy as jnp
import pytest

import jaxflops as jf
from jaxflops.cli import main


def product(a, b):
    return jnp.tanh(a @ b) + 1


SPECS = jf.specs("f32[3,5]", "f32[5,7]")
AS_MACS = "contractions in MACs: a multiply-add is 1; all other work in FLOPs"


def test_reports_say_the_unit_and_the_convention() -> None:
    analysis = jf.analyze(product)(*SPECS)
    in_macs = analysis.printed_in("MACs")
    assert "contraction FLOPs" in str(analysis)
    assert "a multiply-add is 2 FLOPs" in str(analysis)
    assert f"\nin contractions = {2 * 3 * 5 * 7}\n" in str(analysis)
    for report in (str(in_macs), in_macs._repr_html_()):
        assert "contraction MACs" in report
        assert "contraction FLOPs" not in report.replace("(contraction FLOPs)", "")
        assert AS_MACS in " ".join(report.split())
        assert "a multiply-add is 2" not in report
        assert f"MACs in contractions = {3 * 5 * 7}" in report
        assert f"FLOPs elementwise and in reductions = {3 * 7}" in report
    assert "contraction MACs" in in_macs.to_latex()


def test_counts_stay_as_they_are() -> None:
    """The unit is of reports alone: a FLOP that is read is a FLOP, from JSON too."""
    analysis = jf.analyze(product)(*SPECS)
    in_macs = analysis.printed_in("MACs")
    assert in_macs.matmul_flops == analysis.matmul_flops == 2 * in_macs.macs
    assert str(jf.load(in_macs.to_json())) == str(in_macs)
    assert str(in_macs.printed_in("FLOPs")) == str(analysis)


def test_on_the_command_line(capsys) -> None:
    words = ["analyze", "jaxflops.models:two_layer", "--at", "B=2,D=3,K=5", "--by", "primitive"]
    assert main([*words, "--macs"]) == 0
    out = capsys.readouterr().out
    assert f"MACs in contractions = {2 * 3 * 3 + 2 * 3 * 5}\n" in out
    assert out.count("contraction MACs") == 2
    assert AS_MACS in " ".join(out.split())


def test_wrong_units_and_odd_counts() -> None:
    analysis = jf.analyze(product)(*SPECS)
    with pytest.raises(jf.JaxflopsError, match="unit 'TOPS': write 'FLOPs' or 'MACs'"):
        analysis.printed_in("TOPS")
    odd = jf.analyze(jf.costed(product, jf.Cost(matmul_flops=7)))(*SPECS)
    with pytest.raises(jf.JaxflopsError, match="7 FLOPs in contractions are no whole number"):
        str(odd.printed_in("MACs"))
