"""HLO text: every form that is easy to get wrong."""

import pytest
from hlo_programs import DUMPS

from jaxflops.hlo.replica_groups import parse_groups
from jaxflops.hlo.scanner import unquote
from jaxflops.hlo.shape import Shape
from jaxflops.hlo.text import read_text
from jaxflops.hlo.text_shapes import parse_shape

FORMS = read_text((DUMPS / "forms.txt").read_text())
MAIN = FORMS.main


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("f32[8,128]{1,0:T(8,128)(2,1)S(1)}", Shape("f32", (8, 128), space=1)),
        ("s32[]{:T(128)S(6)}", Shape("s32", space=6)),
        ("bf16[0]", Shape("bf16", (0,))),
        ("f32[<=8,4]{1,0}", Shape("f32", (8, 4), dynamic=(True, False))),
        ("token[]", Shape("token")),
        ("()", Shape("tuple")),
        ("((f32[2]{0:T(8)}, /*index=1*/u8[]), pred[])", None),
        ("b(f32[4]{0})", Shape("buffer", parts=(Shape("f32", (4,)),))),
    ],
)
def test_shapes(text, shape):
    inner = Shape("tuple", parts=(Shape("f32", (2,)), Shape("u8")))
    assert parse_shape(text) == (shape or Shape("tuple", parts=(inner, Shape("pred"))))


@pytest.mark.parametrize(
    "text", ["f32[2", "f32[2,a]", "(f32[2]", "f32", "f32[2]{0", "[2]", "f32[?]"]
)
def test_what_is_no_shape_is_an_error(text):
    with pytest.raises(ValueError, match="is not a shape"):
        parse_shape(text)


@pytest.mark.parametrize(
    ("shape", "size"),
    [("f32[2,3]", 24), ("s4[5]", 3), ("pred[7]", 7), ("c64[2]", 16), ("(bf16[3], token[])", 6)],
)
def test_bytes_of_a_shape(shape, size):
    assert parse_shape(shape).bytes == size


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("{}", ()),
        ("{{0,1},{2,3}}", ((0, 1), (2, 3))),
        ("[2,4]<=[8]", ((0, 1, 2, 3), (4, 5, 6, 7))),
        ("[4,2]<=[2,2,2]T(0,2,1)", ((0, 2), (1, 3), (4, 6), (5, 7))),
        ("[4,2]<=[2,4]T(1,0)", ((0, 4), (1, 5), (2, 6), (3, 7))),
        ("mesh['data'=2,'model'=4] {'data'}", ((0, 4), (1, 5), (2, 6), (3, 7))),
        ("mesh['data'=2,'model'=4] {'model'}", ((0, 1, 2, 3), (4, 5, 6, 7))),
        ("mesh['a'=2,'b'=2] {'b','a'}", ((0, 2, 1, 3),)),
        ("mesh[a=2,b=2] {a}", ((0, 2), (1, 3))),
        ("mesh['a'=8] {'a':(2)2}", ((0, 2), (1, 3), (4, 6), (5, 7))),
        ("mesh['a'=8] {'a':(4)2,'a':(1)2}", ((0, 4, 1, 5), (2, 6, 3, 7))),
        ("mesh['a'=2,'b'=2], device_ids=(3,2,1,0) {'b'}", ((3, 2), (1, 0))),
        ("mesh['a'=2,'b'=4], device_ids=([4,2]T(1,0)) {'b'}", ((0, 2, 4, 6), (1, 3, 5, 7))),
        ("mesh['a'=2] {}", ((0,), (1,))),
    ],
)
def test_replica_groups(text, groups):
    assert parse_groups(text) == groups


@pytest.mark.parametrize(
    "text", ["", "{0,1}", "[2,4]<=[9]", "[2,2]<=[2,2]T(0,0)", "mesh['a'=2] {'b'}", "{{0,1}", "x"]
)
def test_damaged_replica_groups_are_errors(text):
    with pytest.raises(ValueError, match=r"replica groups|devices|axis"):
        parse_groups(text)


def test_the_header():
    assert (FORMS.name, FORMS.entry, FORMS.num_partitions) == ("forms", "main", 8)
    assert FORMS.frontend_attributes == (("xla.sdy.meshes", '{mesh = #sdy.mesh<["x"=2, "y"=4]>}'),)


def test_metadata_of_older_dumps_name_file_and_line():
    call = MAIN["call.1"]
    assert (call.frame.file, call.frame.line) == ("/models/a, b.py", 12)
    assert call.op_name == 'jit(f)/jvp(body "q" {x})/c'


def test_notes_of_a_sharding_are_left_out():
    assert MAIN["x"].attributes.sharding == "{devices=[2,1]<=[2]}"


def test_backend_configs_are_json_dictionaries_or_words():
    assert MAIN["call.1"].attributes.custom_call_target == 'my"target"'
    assert MAIN["call.1"].attributes.backend_config.get("grid") == [2, 3]
    assert MAIN["call.2"].attributes.backend_config.value == {
        "uplo": 76,
        "lower": True,
        "name": "a, b",
    }
    assert MAIN["call.3"].attributes.backend_config.value == "1,0,100,1e-6"


def test_constants():
    assert MAIN["small"].attributes.literal == (1, 2, 3, 4, 5, 6)
    assert MAIN["lines"].attributes.literal == (1, 2, 3, -4, 5, 6)
    assert MAIN["elided"].attributes.literal is None
    assert MAIN["truth"].attributes.literal == (True, False, True)
    assert MAIN["half"].attributes.literal == (0.69921875,)
    assert MAIN["odd"].attributes.literal[1:] == (
        -float("inf"),
        1.0000000031710769e-30,
        0.10000000149011612,
    )


def test_elements_of_tuples_in_compact_dumps():
    assert MAIN["element"].operands == ("state#0#1",)
    assert MAIN["state#0#1"].operands == ("state#0",)
    assert (MAIN["state#0"].opcode, MAIN["state#0"].number) == ("get-tuple-element", 0)


def test_operands_with_and_without_shapes():
    assert FORMS["add"]["sum"].operands == ("a", "b")
    assert MAIN["last"].operands == ("many",)
    assert len(MAIN["many"].shape.parts) == len(MAIN["many"].operands) == 6


def test_collectives():
    groups = {
        name: MAIN[name].attributes.replica_groups
        for name in ("ar.1", "ar.4", "ar.5", "ar.6", "rs")
    }
    assert groups["ar.1"] == ((0, 1), (2, 3), (4, 5), (6, 7)) == groups["rs"]
    assert groups["ar.4"] == ((0, 4), (1, 5), (2, 6), (3, 7))
    assert groups["ar.5"] == ((0, 2), (4, 6), (1, 3), (5, 7))
    assert groups["ar.6"] == ()
    assert MAIN["permuted"].attributes.source_target_pairs == ((0, 1), (1, 0))
    assert MAIN["rs"].is_async
    assert MAIN["rs.done"].is_async


def test_an_unknown_opcode_and_unknown_attributes_stay_visible():
    assert MAIN["odd.new"].opcode == "frobnicate"
    assert MAIN["odd.new"].attributes.dimensions == (1,)
    assert MAIN["odd.new"].attributes.unread == ("knob", "other")
    assert not MAIN["call.1"].attributes.unread  # an attribute without `=`


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (r'"a\"b"', 'a"b'),
        (r'"\303\251"', "é"),
        (r'"\n\x41"', "\nA"),
        ('"é"', "é"),
        ("word", "word"),
    ],
)
def test_strings(text, plain):
    assert unquote(text) == plain
