"""Free and moved primitives compute nothing: what they lower to, and the bits that come out."""

import re
from collections import Counter

import jax
import numpy as np
import pytest
from jax.experimental.pallas import triton
from jax.sharding import AbstractDevice, AbstractMesh, use_abstract_mesh
from rule_oracles import cost
from still_kernels import GPU, TPU, module, work
from still_tpu import NEWEST, a_chip, array, call
from still_xla import EXPORTED, PROGRAMS, X, bound, exported

import jaxflops as jf
from jaxflops.jaxpr.registry import COST_RULES, SAME

# HLO that computes nothing. `real`, `imag` and `complex` pick and pair components.
STILL = {
    *("parameter", "constant", "iota", "copy", "call", "tuple", "get-tuple-element"),
    *("reshape", "bitcast-convert", "broadcast", "transpose", "reverse", "concatenate", "pad"),
    *("slice", "dynamic-slice", "dynamic-update-slice", "gather", "real", "imag", "complex"),
    *("opt-barrier", "after-all", "partition-id"),
}
MARKS = {
    *("Sharding", "LayoutConstraint", "InspectSharding", "Pin", "Unpin"),
    *("xla.sdy.ShardingGroup", "xla.sdy.FuncResultSharding"),
}
"""Targets of custom calls that are no calls."""


def instructions(fn, args) -> list[tuple[str, str]]:
    """(type, opcode) of each instruction that XLA is given, a custom call by its target."""
    text = jax.jit(fn).lower(*args).compiler_ir("hlo").as_hlo_text()
    found = []
    for shape, opcode, rest in re.findall(r"= (\S+) ([a-z][a-z\-]*)\((.*)", text):
        target = re.search(r'custom_call_target="([^"]*)"', rest)
        found.append((shape, target[1] if target else opcode))
    return found


def priced(fn, args, name) -> jf.Cost:
    """What the primitive is counted as; of what is dead or written out, all there is."""
    with a_chip():
        if name in ("after_all", "create_token", "new_box", "box_set", "box_get"):
            assert f" {name}" in str(jax.make_jaxpr(fn)(*args))
            return jf.analyze(fn)(*args).total
        return jf.analyze(fn)(*args).by("primitive")[name]


def is_free(cost) -> bool:
    return (cost.flops, cost.transcendentals, cost.int_ops) == (0, 0, 0)


@pytest.mark.parametrize("name", PROGRAMS)
def test_free_and_moved_primitives_lower_to_no_arithmetic(name) -> None:
    fn, *specs = PROGRAMS[name]
    args = jf.specs(*specs)
    assert is_free(priced(fn, args, name))
    working = [each for each in instructions(fn, args) if each[1] not in STILL | MARKS]
    if name == "axis_index":  # from the device's number: integers, one at a time
        working = [each for each in working if not re.match(r"[su]32\[\]", each[0])]
    assert working == []
    assert COST_RULES[name].state in ("free", "moved")


MADE = {"iota", "empty", "empty2"}
"""Of no operands."""


@pytest.mark.parametrize("name", [n for n in PROGRAMS if COST_RULES[n].state == "moved"])
def test_what_a_moved_primitive_gives_is_what_it_was_given(name) -> None:
    """Each word of its results is one of its operands': different ones everywhere, no zeros."""
    fn, *specs = PROGRAMS[name]
    if name in MADE:
        assert specs == []
        return
    args, seen = [], {0} if name == "pad" else set()
    for spec in jf.specs(*specs):
        size = spec.size * spec.dtype.itemsize // 4
        words = np.arange(1, size + 1, dtype="uint32") + 1000 * len(seen) * (spec.ndim > 0)
        seen |= set(words.tolist())
        args.append(words.view(spec.dtype).reshape(spec.shape))
    results = jax.tree.leaves(jax.jit(fn)(*args))
    given = {int(word) for each in results for word in np.asarray(each).reshape(-1).view("uint32")}
    assert given
    assert given <= seen


@pytest.mark.parametrize("name", TPU)
def test_a_kernel_on_a_tpu_lowers_to_no_arithmetic(name) -> None:
    fn, args = TPU[name]
    assert is_free(priced(fn, args, name))
    assert list(work(module(TPU[name], "tpu"), indices=False)) == []


@pytest.mark.parametrize("name", GPU)
def test_a_kernel_on_a_gpu_lowers_to_arithmetic_on_indices_alone(name) -> None:
    fn, args = GPU[name]
    assert is_free(priced(fn, args, name))
    assert list(work(module(GPU[name], "cuda"), indices=True)) == []


SAME_AS = {"consume": {}, "assert_consumed_value": {"value": False}}


@pytest.mark.parametrize("name", SAME_AS)
def test_what_checks_keys_returns_them(name) -> None:
    key = jax.random.key(7)
    after = bound(name, **SAME_AS[name])(key)
    assert (jax.random.key_data(after) == jax.random.key_data(key)).all()
    assert COST_RULES[name].oracle == SAME


@pytest.mark.filterwarnings("ignore:The Pallas Triton backend:DeprecationWarning")
def test_a_barrier_adds_nothing_else_to_a_triton_kernel() -> None:
    def kernels(mark):
        def copied(x, o):
            mark()
            o[...] = x[...]

        return call(copied, array(128), out=array(128), compiler_params=triton.CompilerParams())

    gpu = AbstractDevice("NVIDIA H100 80GB HBM3", None, "cuda")
    on = lambda: use_abstract_mesh(AbstractMesh((), (), abstract_device=gpu))
    marked, plain = kernels(triton.debug_barrier), kernels(lambda: None)
    operation = re.compile(r"(?:= |^ +)([a-z]+\.[a-z_]+)", re.MULTILINE)
    more, less = (Counter(operation.findall(module(k, "cuda", on()))) for k in (marked, plain))
    assert more - less == {"gpu.barrier": 1}
    assert less - more == {}
    name = "debug_barrier" if NEWEST else "debug_barrier_p"
    assert is_free(priced(*marked, name))


def test_sizes_that_are_values_lower_to_arithmetic_on_indices_alone() -> None:
    text = exported()
    for name in EXPORTED:
        assert re.search(rf"= {name}\[|loc\(\"{name}\"\)", text)
    working = re.findall(r"stablehlo\.(?!constant|get_dimension_size|custom_call)(.*) loc", text)
    assert working
    for line in working:
        assert set(re.findall(r"tensor<(.*?)>", line)) <= {"i32", "i1"}


@pytest.mark.parametrize(
    ("line", "works"),
    [
        ("%0 = arith.addf %1, %2 : vector<8x128xf32>", True),
        ("%0 = arith.addi %1, %2 : vector<8x128xi32>", True),
        ("%0 = arith.addi %1, %2 : i32", False),
        ("%0 = vector.contract %1, %2 : vector<8x128xf32>", True),
        ('llvm.inline_asm has_side_effects "wgmma.mma_async.sync {$0}, $1;", "r" %0', True),
        ('llvm.inline_asm "@$2 red.relaxed.sys.global.add.u32 [$0], $1;", "l" %0', False),
        ('llvm.inline_asm "red.relaxed.sys.global.add.f32 [$0], $1;", "l" %0', True),
        ('llvm.inline_asm "{\\0A @$0 fma.rn.f32 $1, $2;\\0A }", "l" %0', True),
        ("nvvm.wgmma.mma_async %0, %1", True),
    ],
)
def test_work_in_a_kernel_is_seen(line, works) -> None:
    assert bool(list(work(f"  {line}\n", indices=True))) == works


def test_free_primitives_move_nothing_and_moved_ones_do() -> None:
    assert cost(lambda x: jax.lax.reshape(x, (24,)), X).bytes == 0
    moved = cost(lambda x: jax.lax.transpose(x, (1, 0)), X)
    assert (moved.bytes_read, moved.bytes_written) == (96, 96)
