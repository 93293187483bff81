"""Damaged and foreign modules through the front door: a clear error, or a readable result."""

import random
import re
from pathlib import Path

import jax
import pytest

import jaxflops as jf
from jaxflops.models import suite

DUMPS = Path(__file__).parents[1] / "hlo" / "dumps"
SUITE = {name: (loss, args) for name, loss, args in suite("small")}


def gradient():
    loss, args = SUITE["mlp-scan"]
    return jax.jit(jax.grad(loss, argnums=loss.argnums)).lower(*args).compile()


@pytest.fixture(scope="module")
def program():
    """The text and the serialized module of what this JAX compiles, and its analysis."""
    compiled = gradient()
    (module,) = compiled.runtime_executable().hlo_modules()
    data = module.as_serialized_hlo_module_proto()
    return compiled.as_text(), data, jf.analyze_compiled(compiled)()


def cut(rng, data):
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.randrange(1, 80) :]


def truncate(rng, data):
    return data[: rng.randrange(len(data))]


def repeat(rng, data):
    start, at = rng.randrange(len(data)), rng.randrange(len(data))
    return data[:at] + data[start : start + rng.randrange(100)] + data[at:]


def swap(rng, data):
    first, second = sorted(rng.sample(range(len(data) - 40), 2))
    return data[:first] + data[second : second + 20] + data[first + 20 :]


def kinds(analysis):
    """What one execution of each contraction costs: a number in a loop's bound may be damaged."""
    leaves = [node.own.matmul_flops for node, _, _ in analysis.tree.leaves()]
    return sorted(flops for flops in leaves if flops)


def visible(analysis):
    """Whether the result says that something of the module is not known."""
    return bool(analysis.unknown or analysis.symbols)


@pytest.mark.parametrize("damage", [cut, truncate, repeat, swap])
@pytest.mark.parametrize("form", ["text", "proto"])
def test_damage_is_an_error_or_leaves_the_contractions(damage, form, program):
    text, proto, right = program
    rng = random.Random(f"{damage.__name__} {form}")
    errors = 0
    for _ in range(60):
        try:
            found = jf.analyze_compiled(damage(rng, text if form == "text" else proto))()
        except jf.JaxflopsError:
            errors += 1
            continue
        assert str(found)
        assert visible(found) or kinds(found) == kinds(right)
    assert errors > 20


def test_an_opcode_of_another_version_is_unknown(program):
    text, _, right = program
    other = re.sub(r" tanh\(| maximum\(", " quux(", text)
    found = jf.analyze_compiled(other)()
    assert "quux" in {item.name for item in found.unknown}
    assert found.coverage < 1
    assert found.matmul_flops == right.matmul_flops
    with pytest.raises(jf.UnknownCostError, match="quux"):
        jf.analyze_compiled(other, strict=True)()


@pytest.mark.parametrize(
    "name", sorted(str(path.relative_to(DUMPS)) for path in DUMPS.rglob("*.*"))
)
def test_modules_of_other_versions_and_backends_are_read(name):
    if name == "README.md":
        with pytest.raises(jf.JaxflopsError):
            jf.analyze_compiled(DUMPS / name)()
        return
    found = jf.analyze_compiled(DUMPS / name)()
    assert found.flops or found.total.int_ops or found.unknown
    assert str(found)
    found.tree.check()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("HloModule m", "the module ends without an ENTRY computation"),
        (b"", "0 bytes hold no HLO computation"),
        (b"\x00\x01garbage", "HloModuleProto"),
        (b"ML\xefR\x06StableHLO", "it is MLIR bytecode: pass the Lowered itself"),
        ("", "HLO text, line 1: it does not begin with `HloModule <name>`"),
        (" ", "HLO text, line 1: it does not begin with `HloModule <name>`"),
        ("module @jit_f attributes {}\nfunc.func", "it is MLIR"),
        (b"module @jit_f attributes {}\nfunc.func", "it is MLIR"),
        ("{ lambda ; a:f32[]. let\n in () }", "it is a jaxpr: pass the ClosedJaxpr itself"),
    ],
)
def test_what_is_no_module_is_named(source, message):
    with pytest.raises(jf.JaxflopsError) as raised:
        jf.analyze_compiled(source)()
    assert message in str(raised.value)


def test_stablehlo_is_named_in_whatever_form(tmp_path):
    loss, args = SUITE["mlp-scan"]
    text = jax.jit(loss).lower(*args).as_text()
    (tmp_path / "module.mlir").write_text(text)
    for source in (text, text.encode(), tmp_path / "module.mlir"):
        with pytest.raises(jf.JaxflopsError, match="it is StableHLO: pass the Lowered itself"):
            jf.analyze_compiled(source)()


def test_text_is_read_as_bytes_and_with_the_line_ends_of_windows(program, tmp_path):
    text, _, _ = program
    right = jf.analyze_compiled(text)()
    windows = text.replace("\n", "\r\n")
    (tmp_path / "dump.txt").write_bytes(windows.encode())
    for source in (text.encode(), b"\n" + text.encode(), windows, tmp_path / "dump.txt"):
        assert jf.analyze_compiled(source)().tree == right.tree
