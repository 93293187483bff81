"""Rules that packages ship as entry points: loaded when first needed, errors by name."""

import sys

import pytest
from jax.extend.core import Primitive

import jaxflops as jf
from jaxflops.jaxpr import registry, shipped


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package that is one module and its entry points; nothing of it stays behind."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(registry.COST_RULES), set(registry.BODY_RULES)

    def install(package, code, *points):
        (tmp_path / f"{package}.py").write_text(code)
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("\n".join(["[jaxflops.rules]", *points]))
        shipped._shipped.cache_clear()

    yield install
    shipped._shipped.cache_clear()
    for table, names in zip((registry.COST_RULES, registry.BODY_RULES), before, strict=True):
        for name in set(table) - names:
            del table[name]
    for name in [n for n in sys.modules if n.startswith("shipping_")]:
        del sys.modules[name]


def program(name):
    kernel = Primitive(name)
    kernel.def_abstract_eval(lambda x, **_: x)
    return lambda x: kernel.bind(x, width=3) * 2


FORMULA = """
import jaxflops as jf

def rule(op, /, *, width, **_):
    return jf.Cost(other_flops=width * op.out.size)
"""


def test_a_formula_is_loaded_when_its_primitive_is_met(install) -> None:
    install("shipping_a", FORMULA, "ship_blur = shipping_a:rule", "ship_other = absent_module")
    jf.analyze(lambda x: x + 1)(jf.spec("f32[8]"))
    assert "shipping_a" not in sys.modules
    analysis = jf.analyze(program("ship_blur"), strict=True)(jf.spec("f32[8]"))
    assert analysis.flops == 3 * 8 + 8
    assert "shipping_a" in sys.modules
    assert analysis.coverage == 1


def test_a_module_may_register_with_decorators(install) -> None:
    code = FORMULA.replace("def rule", "@jf.cost_rule('ship_one', 'ship_two')\ndef rule")
    install("shipping_b", code, "ship_one = shipping_b", "ship_two = shipping_b")
    assert jf.analyze(program("ship_one"))(jf.spec("f32[8]")).flops == 32
    assert jf.analyze(program("ship_two"))(jf.spec("f32[8]")).flops == 32


def test_a_rule_for_one_call_comes_first(install) -> None:
    install("shipping_c", "raise RuntimeError", "ship_mine = shipping_c")
    rules = {"ship_mine": lambda op, /, **_: jf.Cost(other_flops=1)}
    assert jf.analyze(program("ship_mine"), rules=rules)(jf.spec("f32[8]")).flops == 9


def test_a_shipped_rule_beside_a_rule_for_one_call(install) -> None:
    install("shipping_d", FORMULA, "ship_beside = shipping_d:rule")
    rules = {"mul": lambda op, /, **_: jf.Cost(other_flops=1)}
    assert jf.analyze(program("ship_beside"), rules=rules)(jf.spec("f32[8]")).flops == 25


@pytest.mark.parametrize(
    ("code", "point", "message"),
    [
        ("import absent", "shipping_e", "shipping-?_?e ships 'shipping_e', and loading it fails: "),
        ("x = 5", "shipping_e:x", "neither a cost formula nor a module that registers a rule"),
        ("x = 5", "shipping_e:y", "loading it fails: AttributeError"),
        ("x = 5", "shipping_e", "neither a cost formula nor a module that registers a rule"),
    ],
)
def test_what_cannot_be_loaded_is_named(install, code, point, message) -> None:
    install("shipping_e", code, f"ship_bad = {point}")
    with pytest.raises(jf.JaxflopsError, match=message) as raised:
        jf.analyze(program("ship_bad"))(jf.spec("f32[8]"))
    assert "rules={'ship_bad': rule}" in str(raised.value)


def test_two_packages_with_one_primitive(install) -> None:
    install("shipping_f", FORMULA, "ship_both = shipping_f:rule")
    install("shipping_g", FORMULA, "ship_both = shipping_g:rule")
    with pytest.raises(jf.JaxflopsError, match="shipping_f and shipping_g each ship one"):
        jf.analyze(program("ship_both"))(jf.spec("f32[8]"))
