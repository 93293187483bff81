"""Damaged modules are errors that say where, or show what is unknown; never another number."""

import random
import re
from collections import Counter

import pytest
from hlo_programs import DUMPS, compiled, signature

from jaxflops.errors import JaxflopsError
from jaxflops.hlo.ir import HloError
from jaxflops.hlo.proto import read_proto
from jaxflops.hlo.scanner import Scanner
from jaxflops.hlo.text import read_text
from jaxflops.hlo.walk import walk

MODULE = """HloModule m

%double (p: s32[]) -> s32[] {
  %p = s32[] parameter(0)
  ROOT %two = s32[] add(%p, %p)
}

ENTRY %main (a: f32[4,8], b: f32[8,16]) -> f32[4,16] {
  %a = f32[4,8]{1,0} parameter(0)
  %b = f32[8,16]{1,0} parameter(1)
  %c = s32[] constant(3)
  %d = s32[] call(%c), to_apply=%double
  %w = f32[4,8]{1,0} negate(%a)
  ROOT %dot = f32[4,16]{1,0} dot(%w, %b), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}
"""


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            "HloModule m",
            "module @m",
            "line 1: it does not begin with `HloModule <name>`; it is MLIR",
        ),
        ("HloModule m", "{ lambda ; a", "it is a jaxpr: pass the ClosedJaxpr itself"),
        ("ENTRY %main", "%main", "the module ends without an ENTRY computation"),
        ("ROOT %two", "%two", "computation 'double' has no ROOT"),
        ("add(%p, %p)", "add(%p, %q)", "line 5: add 'two': its operand 'q' is not defined above"),
        ("add(%p, %p)", "add(%p, %p", "a bracket is not closed: ')' is missing"),
        ("add(%p, %p)", "add(... (+2))", "its operands were left out; print the module without"),
        ("to_apply=%double", "to_apply=%other", "it calls 'other', which is not defined above"),
        ("f32[4,8]{1,0} negate", "f32[4,8{1,0} negate", "expected a shape such as f32[8,128]{1,0}"),
        ("constant(3)", "constant(x)", "constant 'c': invalid literal"),
        ("constant(3)", "constant({3, 4})", "2 values where the shape has 1"),
        ("parameter(1)", "parameter(2)", "the parameters of 'main' are numbered [0, 2]"),
        ("%w = ", "%c = ", "there are two instructions named 'c'"),
        ("%double (p", "%main (p", "there are two of computation 'main'"),
        ("(p: s32[])", "(p: s64[])", "'double' does not have the parameters and result it says"),
        (
            "dims={1}, rhs",
            "dims={1}; rhs",
            "lhs_contracting_dims={1}; rhs_contracting_dims={0}: expec",
        ),
        ("%c), to_apply", "%c) to_apply", "expected the end of the line or `, attribute=value`"),
        ("rhs_contracting_dims={0}", "rhs_contracting_dims={0", "a bracket is not closed"),
        ("rhs_contracting_dims={0}", "rhs_contracting_dims={x}", "expected numbers in braces"),
        ("rhs_contracting_dims={0}", "lhs_contracting_dims={0}", "stands twice"),
        ("rhs_contracting_dims={0}", 'metadata={op_name="', "'\"' stands where '}' should close"),
        ("rhs_contracting_dims={0}", "metadata={op_name=x, y}", "is not key=value"),
        (
            "rhs_contracting_dims={0}",
            "metadata={stack_frame_id=4}",
            "stack frame 4 is not in a table",
        ),
        (", rhs_contracting_dims={0}", "", "the contracted sizes differ"),
        ("{1}, rhs_contracting_dims={0}", "{3}, rhs_contracting_dims={0}", "not about these"),
        ("negate(%a)", "negate(%b)", "they should have the same sizes. The module is damaged"),
        ("f32[4,16]", "f32[4,61]", "its sizes should be (4, 16)"),
        ("call(%c)", "call(%c, %c)", "the operands are not those of 'double'"),
    ],
)
def test_damage_is_named(before, after, message):
    assert read_text(MODULE)
    assert before in MODULE
    with pytest.raises(HloError) as caught:
        read_text(MODULE.replace(before, after))
    assert message in str(caught.value)


def test_deep_nesting_is_an_error_and_not_a_crash():
    with pytest.raises(HloError, match=r"nest too deeply|is not a shape"):
        read_text(MODULE.replace("= s32[] call", f"= {'(' * 700}{')' * 700} call"))


SOURCES = ["tpu_conv", "cuda_conv", "cuda_cholesky", "tpu_step_three", "cuda_two_layers"]


def _delete_line(rng, text):
    lines = text.split("\n")
    del lines[rng.randrange(len(lines))]
    return "\n".join(lines)


def _swap_lines(rng, text):
    lines = text.split("\n")
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    return "\n".join(lines)


def _cut(rng, text):
    start = rng.randrange(len(text))
    return text[:start] + text[start + rng.randrange(1, 80) :]


def _truncate(rng, text):
    return text[: rng.randrange(len(text))]


def _insert(rng, text):
    start = rng.randrange(len(text))
    return text[:start] + rng.choice('"{}()[],=%\n\\ #x') + text[start:]


def _repeat(rng, text):
    start, at = rng.randrange(len(text)), rng.randrange(len(text))
    return text[:at] + text[start : start + rng.randrange(200)] + text[at:]


def _digit(rng, text):
    at = rng.choice([found.start() for found in re.finditer(r"\d", text)])
    return text[:at] + rng.choice("0123456789") + text[at + 1 :]


def _opcodes(module):
    return {ins.opcode for each in module.computations.values() for ins in each}


def _unread(module):
    return any(ins.attributes.unread for each in module.computations.values() for ins in each)


@pytest.mark.parametrize("damage", [_truncate, _cut, _delete_line, _swap_lines, _insert, _repeat])
def test_damaged_text_is_an_error_or_shows(damage):
    """Contractions stay what they were unless an opcode or an attribute is visibly unknown."""
    rng = random.Random(damage.__name__)
    texts = {name: (DUMPS / f"{name}.txt").read_text() for name in SOURCES}
    modules = {name: read_text(text) for name, text in texts.items()}
    for _ in range(60):
        name = rng.choice(SOURCES)
        try:
            read = read_text(damage(rng, texts[name]))
        except JaxflopsError:
            continue
        shows = _unread(read) or not _opcodes(read) <= _opcodes(modules[name])
        assert shows or signature(read) == signature(modules[name])


def _each(module):
    """What every instruction costs by itself is computed from; not how often it runs."""
    return Counter(
        repr(
            (
                ins.opcode,
                ins.shape,
                [where[name].shape for name in ins.operands],
                ins.attributes._replace(literal=None, backend_config=None),
            )
        )
        for where in module.computations.values()
        for ins in where
    )


def _numbers(tree):
    total = tree.total
    return total.matmul_flops, total.other_flops, total.transcendentals


def outcome(read, right):
    """How a damaged module that was read and walked compares with the right one.

    A digit can also make another module that is as good as this one, by its indices and constants:
    then each instruction costs what it did, and only how often loops run is another number.
    """
    tree = walk(read)
    if _numbers(tree) == _numbers(walk(right)):
        return "same"
    if any(leaf.node.state == "unknown" for leaf in tree.leaves()):
        return "shows"
    return "trips" if _each(read) == _each(right) else "another number"


def _is_bitcast(text, other):
    """Whether the line that differs is one: backends may give its result any size."""
    lines = zip(text.split("\n"), other.split("\n"), strict=True)
    return any(" bitcast(" in before for before, after in lines if before != after)


def test_changed_digits_are_errors_or_change_no_number():
    rng = random.Random(7)
    texts = {name: (DUMPS / f"{name}.txt").read_text() for name in SOURCES}
    rights = {name: read_text(text) for name, text in texts.items()}
    outcomes = Counter()
    for _ in range(300):
        name = rng.choice(SOURCES)
        damaged_text = _digit(rng, texts[name])
        if _is_bitcast(texts[name], damaged_text):
            continue
        try:
            outcomes[outcome(read_text(damaged_text), rights[name])] += 1
        except JaxflopsError:
            outcomes["error"] += 1
    assert not outcomes["another number"]
    assert outcomes["error"] > 100


def test_cut_protos_are_errors_or_say_the_same():
    rng = random.Random(0)
    for _ in range(200):
        data = (DUMPS / f"{rng.choice(SOURCES)}.pb").read_bytes()
        start = rng.randrange(len(data))
        cut = data[:start] + (b"" if rng.random() < 0.5 else data[start + rng.randrange(1, 60) :])
        try:
            read = read_proto(cut)
        except JaxflopsError:
            continue
        assert signature(read) == signature(read_proto(data))


def test_flipped_bits_are_errors_or_change_no_number():
    """Read and walked, with no other error than the project's own."""
    rng = random.Random(1)
    protos = {name: (DUMPS / f"{name}.pb").read_bytes() for name in SOURCES}
    rights = {name: read_proto(data) for name, data in protos.items()}
    outcomes = Counter()
    for _ in range(600):
        name = rng.choice(SOURCES)
        data = bytearray(protos[name])
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        try:
            outcomes[outcome(read_proto(bytes(data)), rights[name])] += 1
        except JaxflopsError:
            outcomes["error"] += 1
    assert not outcomes["another number"]
    assert outcomes["error"] > 100


@pytest.mark.parametrize(
    ("before", "after"),
    [("3x3 stride=2x2", "3 stride=2"), ("stride=2x2", "stride=66x2"), ("b01f_o01i", "b01f_i01o")],
)
def test_a_damaged_convolution_of_a_library_shows(before, after):
    """It crashed in the walk, or had another count."""
    text = (DUMPS / "cuda_conv.txt").read_text()
    assert before in text
    assert outcome(read_text(text.replace(before, after)), read_text(text)) == "shows"


def test_work_grows_linearly_with_the_text(monkeypatch):
    calls = []
    take = Scanner.take
    monkeypatch.setattr(
        Scanner, "take", lambda self, pattern: (calls.append(pattern), take(self, pattern))[1]
    )

    def steps(copies):
        calls.clear()
        head, body, main = MODULE.partition("%double")[0], *_bodies()
        read_text(
            head + "".join(body.replace("double", f"double{i}") for i in range(copies)) + main
        )
        return len(calls)

    one, ten, hundred = steps(1), steps(10), steps(100)
    assert hundred - ten == 10 * (ten - one)


def _bodies():
    body = MODULE[MODULE.index("%double") : MODULE.index("ENTRY")]
    return body, MODULE[MODULE.index("ENTRY") :].replace("%double", "%double0")


def test_a_cut_real_text_names_the_line():
    text = compiled("matmul").as_text()
    cut = text[: text.rindex("ROOT")]
    with pytest.raises(
        HloError, match=rf"HLO text, line {cut.count(chr(10)) + 1}: expected an instr"
    ):
        read_text(cut)


def damaged(data):
    """A module whose bytes still decode, and contradict themselves."""
    rng = random.Random(2)
    while True:
        bad = bytearray(data)
        bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        try:
            read_proto(bytes(bad))
        except HloError as error:
            if "The module is damaged" in str(error):
                return bytes(bad)


@pytest.mark.parametrize("source", SOURCES)
def test_the_walk_checks_what_reading_trusts(source):
    """A module that XLA hands over is not verified when read; its prices still are."""
    module = read_proto(damaged((DUMPS / f"{source}.pb").read_bytes()), trusted=True)
    with pytest.raises(HloError, match="The module is damaged"):
        walk(module)
