"""Serialized modules, and that text says the same."""

import subprocess
import sys
from pathlib import Path

import pytest
from hlo_programs import DUMPS, PROGRAMS, compiled, instructions, lowered, signature

from jaxflops.hlo.ir import HloError
from jaxflops.hlo.module import read_module
from jaxflops.hlo.proto import read_proto
from jaxflops.hlo.text import read_text

SAVED = sorted(path.stem for path in DUMPS.glob("*.pb") if "compact" not in path.stem)


@pytest.fixture(scope="module")
def sharded(tmp_path_factory):
    directory = tmp_path_factory.mktemp("sharded")
    script = Path(__file__).with_name("sharded_child.py")
    subprocess.run([sys.executable, script, directory], check=True, timeout=300)
    return directory


@pytest.mark.parametrize("name", PROGRAMS)
def test_proto_and_text_of_a_compiled_module_are_equal(name):
    module = read_module(compiled(name))
    assert module == read_text(compiled(name).as_text())
    assert module.num_partitions == 1


@pytest.mark.parametrize("name", PROGRAMS)
def test_proto_and_text_of_a_lowered_module_are_equal(name):
    computation = lowered(name).compiler_ir("hlo")
    assert read_module(lowered(name)) == read_text(computation.get_hlo_module().to_string())


@pytest.mark.parametrize("name", PROGRAMS)
def test_lowered_text_without_metadata_has_the_same_contractions(name):
    text = lowered(name).as_text(dialect="hlo")
    assert signature(read_text(text)) == signature(read_module(lowered(name)))


@pytest.mark.parametrize("name", SAVED)
def test_proto_and_text_of_other_backends_are_equal(name):
    proto = read_proto((DUMPS / f"{name}.pb").read_bytes())
    assert proto == read_text((DUMPS / f"{name}.txt").read_text())
    assert proto == read_module(DUMPS / f"{name}.pb")


@pytest.mark.parametrize("stage", ["lowered", "compiled"])
def test_proto_and_text_of_two_devices_are_equal(sharded, stage):
    module = read_module(sharded / f"{stage}.pb")
    assert module == read_module(sharded / f"{stage}.txt")
    reduced = instructions(module, "all-reduce")
    assert {ins.attributes.replica_groups for ins in reduced} == {((0, 1),)}
    (moved,) = instructions(module, "collective-permute")
    assert moved.attributes.source_target_pairs == ((0, 1), (1, 0))
    assert instructions(module, "all-gather")[0].attributes.dimensions == (0,)


def test_the_text_of_two_devices_says_how_many(sharded):
    assert read_module(sharded / "compiled.txt").num_partitions == 2
    assert read_module(sharded / "compiled.pb").num_partitions is None


def test_an_hlo_proto_dump_is_read_as_its_module():
    module = read_module(DUMPS / "cpu_compact.hlo.pb")
    compact = read_module(DUMPS / "cpu_compact.txt")
    assert signature(module) == signature(compact) != []
    assert len(instructions(compact, "while")) == len(instructions(module, "while")) == 2


def test_jaxlib_modules_are_read_too():
    computation = lowered("matmul").compiler_ir("hlo")
    assert read_module(computation) == read_module(lowered("matmul"))
    assert read_module(computation.get_hlo_module()) == read_module(lowered("matmul"))
    assert read_module(read_module(lowered("matmul"))) == read_module(lowered("matmul"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "cannot read HLO from NoneType; pass a jax.stages.Lowered or Compiled, HLO text"),
        ({}, "cannot read HLO from dict"),
        ([], "cannot read HLO from list"),
        (b"", "0 bytes hold no HLO computation"),
        (b"\n\x01f", "3 bytes hold no HLO computation: pass as_serialized_hlo_module_proto()"),
        (b"HloModule", "HLO text, line 1: it does not begin with `HloModule <name>`"),
        (b"\x08HloModule", "a serialized HLO module of 10 bytes cannot be decoded"),
        (DUMPS / "absent.pb", "cannot read the dump"),
    ],
)
def test_foreign_input_is_named(source, message):
    with pytest.raises(HloError) as caught:
        read_module(source)
    assert message in str(caught.value)


def test_a_lowering_without_hlo_says_how_to_lower():
    class Broken:
        def compiler_ir(self, dialect):
            raise RuntimeError("no dialect")

    with pytest.raises(
        HloError, match=r"cannot turn this Broken into HLO \(no dialect\); lower it"
    ):
        read_module(Broken())


def test_a_backend_without_a_module_is_read_by_its_text():
    class TextOnly:
        def runtime_executable(self):
            raise NotImplementedError

        def as_text(self):
            return compiled("matmul").as_text()

    assert read_module(TextOnly()) == read_module(compiled("matmul"))


def test_a_backend_that_gives_nothing_says_so():
    class Silent:
        def runtime_executable(self):
            return None

        def as_text(self):
            return None

    with pytest.raises(
        HloError, match="this backend gives no HLO of what it compiled; pass a dump"
    ):
        read_module(Silent())
