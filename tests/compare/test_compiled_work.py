"""Elementwise work, lowered against compiled: each difference is a pass that keeps its law."""

import gc
import os
import subprocess
import sys
from collections import Counter

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import jaxflops as jf
import jaxflops.compiled
from jaxflops.compare import passes, work_laws
from jaxflops.compare.entries import Piece, Place, pieces
from jaxflops.compare.live import live, working
from jaxflops.compare.work_causes import WORK_CAUSES
from jaxflops.compare.work_change import WorkChange
from jaxflops.hlo.loops import Loops, Trips
from jaxflops.hlo.module import read_module
from jaxflops.hlo.rules._rule import RULES
from jaxflops.hlo.walk import walk
from jaxflops.models import suite

SUITE = {name: (loss, args) for name, loss, args in suite("small")}
STEP = "lowered to compiled"


def account(fn, *specs, **options):
    return jf.compare(fn, **options)(*jf.specs(*specs)).elementwise


def compiled_rows(found):
    return [row for row in found.rows if row.step == STEP]


def conserved(found):
    for place, field in enumerate(("flops", "transcendentals")):
        change = sum(getattr(row, field) for row in compiled_rows(found))
        assert found.lowered[place] + change == found.compiled[place]


def shared(x):
    y = jnp.sin(x)  # one fusion wants it beside y * 2, another for the product
    return jnp.concatenate([y, y * 2]), y @ y


def invariant(x, w):
    return lax.scan(lambda h, _: (h * jnp.sin(w), None), x, length=7)[0]


V = "f32[32]"
TREE = "running sum made a tree (pass reduce-window-rewriter): reduce-window -> reduce-window, map"
CASES = {  # program, its arguments -> cause, FLOPs more, calls more
    "a sine that two fusions need": (
        (shared, V),
        ("repeated in each fusion that needs it (pass fusion): sine", 0, 32),
    ),
    "a product of vectors": (
        (lambda x, y: x @ y, V, V),
        ("algebraic rewrite (pass algsimp): reduce, multiply", 32 + 31, 0),
    ),
    "an outer product": (
        (lambda x, y: x[:, None] @ y[None, :], "f32[16]", "f32[8]"),
        ("algebraic rewrite (pass algsimp): multiply", 16 * 8, 0),
    ),
    "a quotient by a constant": (
        (lambda x: x / 3.0, V),
        ("algebraic rewrite (pass algsimp): divide -> multiply", 0, 0),
    ),
    "a sine of what a loop does not change": (
        (invariant, V, V),
        (
            "loop-invariant work hoisted (pass while-loop-invariant-code-motion): sine",
            0,
            -6 * 32,
        ),
    ),
    "two sums of one pair": (
        (lambda x, y: jnp.sin(x + y) + jnp.tanh(x + y), V, V),
        ("common subexpression merged (pass cse): add", -32, 0),
    ),
    "a running sum": (
        (jnp.cumsum, "f32[128]"),
        # 8 running sums of 16, one of their 8 last, and that added to each: not one of 128
        (TREE, 8 * (16 * 15 // 2) + 8 * 7 // 2 + 128 - 128 * 127 // 2, 0),
    ),
    "a long sum": (
        (lambda x: x.sum(1), "f32[8,128]"),
        (
            "sum made a tree (pass tree_reduction_rewriter): reduce -> reduce-window, reduce",
            0,
            0,
        ),
    ),
    "a sort": (
        (lax.sort, V),
        ("floats compared as integers (pass comparison-expander): sort -> sort", -129, 0),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_difference_is_what_a_pass_did(name):
    (fn, *specs), (cause, flops, calls) = CASES[name]
    found = account(fn, *specs)
    rows = [(row.cause, row.flops, row.transcendentals) for row in compiled_rows(found)]
    assert (cause, flops, calls) in rows
    assert (found.unexplained, found.ok) == (0, True)
    conserved(found)


def test_bfloat16_is_computed_in_float32():
    found = account(lambda x: x * 2 + x, "bf16[32]")
    assert found.lowered == (2 * 32, 0)
    assert found.compiled == (2 * 32 + 4 * 32, 0)  # converted: x twice, its double and the sum
    (row,) = [row for row in compiled_rows(found) if "float-normalization" in row.cause]
    assert row.cause.startswith("converts inserted or removed")
    assert (found.unexplained, found.ok) == (0, True)
    conserved(found)


@pytest.mark.parametrize(
    "name", ["two_layer", "mlp-scan-remat", "lstm-unrolled-remat", "transformer-gpt2", "moe-scan"]
)
def test_models_are_accounted_for_to_the_compiled_program(name):
    loss, args = SUITE[name]
    found = jf.compare(loss, mode="grad", argnums=loss.argnums)(*args).elementwise
    assert found.ok
    assert found.unexplained * 10_000 <= sum(found.counted)
    conserved(found)


def test_remat_undone_is_a_merged_subexpression():
    inner = jax.checkpoint(lambda x: jnp.tanh(x) * x, prevent_cse=False)
    found = account(lambda x: inner(inner(x)).sum(), V, mode="grad")
    causes = [row.cause for row in compiled_rows(found) if row.transcendentals < 0]
    assert causes != []
    assert all(cause.startswith("common subexpression merged (pass cse)") for cause in causes)
    assert found.unexplained == 0


SHARDED = """
import sys
import jax, jax.numpy as jnp
import jaxflops as jf
from jax import lax
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P

mesh = jax.make_mesh((2,), ("d",), axis_types=(AxisType.Auto,))

def collectives(x, check):
    def body(x):
        mean = lax.pmean(jnp.sin(x).sum(), "d")
        rows = lax.all_gather(x * 2, "d", tiled=True).sum() + lax.psum_scatter(x, "d").sum()
        return mean + lax.pmax(lax.psum(rows, "d"), "d")
    return jax.shard_map(body, mesh=mesh, in_specs=P("d"), out_specs=P(), check_vma=check)(x)

x = jax.ShapeDtypeStruct((4, 4), jnp.float32, sharding=NamedSharding(mesh, P("d")))
programs = {
    "tanh": lambda x: jnp.tanh(x * x).sum(),
    "checked": lambda x: collectives(x, True),
    "unchecked": lambda x: collectives(x, False),
}
found = jf.compare(programs[sys.argv[1]])(x).elementwise
print(found.lowered, found.compiled, found.unexplained)
print(*{row.cause.split(":")[0] for row in found.rows if row.transcendentals})
"""


def sharded(name):
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    run, env = [sys.executable, "-c", SHARDED, name], {**os.environ, **flags}
    shown = subprocess.run(run, env=env, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout.splitlines()


def test_several_devices_share_elementwise_work():
    share = "one device's share, not that of all (pass spmd-cleanup/pipeline-start)"
    # of one device 8 elements, and one number summed across both
    assert sharded("tanh") == [f"(31, 16) {(8 + 7 + 1, 8)} 0", share]


@pytest.mark.parametrize("name", ["checked", "unchecked"])
def test_collectives_are_lowered_by_themselves_on_their_mesh(name):
    lowered, *_ = sharded(name)
    assert lowered.endswith(" 0")


def doubled(row):
    return row._replace(formula=lambda op: row.formula(op) * 2)


def without(monkeypatch, name):
    monkeypatch.delitem(WORK_CAUSES, name)


@pytest.mark.parametrize("name", CASES)
def test_a_pass_that_nobody_knows_is_unexplained_to_the_operation(name, monkeypatch):
    (fn, *specs), (cause, flops, calls) = CASES[name]
    missing = cause.split("(pass ")[1].split(")")[0]
    right = account(fn, *specs)
    without(monkeypatch, missing)
    found = account(fn, *specs)
    changed = [r for r in compiled_rows(right) if f"(pass {missing})" in r.cause]
    (row,) = [r for r in compiled_rows(found) if not r.explained]
    assert row.cause.startswith(f"unexplained (pass {missing})")
    assert (row.flops, row.transcendentals) == (
        sum(r.flops for r in changed),
        sum(r.transcendentals for r in changed),
    )
    assert found.unexplained >= abs(flops) + abs(calls)
    assert not found.ok
    conserved(found)


def test_a_compiled_loop_that_is_read_once_is_unexplained(monkeypatch):
    right = jaxflops.compiled.read

    def wrong(*given):
        with monkeypatch.context() as patch:
            patch.setattr(Loops, "trips", lambda *_: Trips(1))
            return right(*given)

    monkeypatch.setattr(jaxflops.compiled, "read", wrong)
    fn = lambda x: lax.scan(lambda x, _: (jnp.tanh(x), None), x, length=5)[0]
    found = account(fn, V)
    assert found.unexplained == 4 * 32
    (row,) = [row for row in compiled_rows(found) if not row.explained]
    assert row.cause == "unexplained (after the last pass): tanh"
    conserved(found)


def test_an_opcode_that_only_the_compiler_uses_cannot_be_priced_wrongly(monkeypatch):
    """x / 3 becomes x * (1/3): twice the operations do not fit where the quotient was."""
    monkeypatch.setitem(RULES, "multiply", doubled(RULES["multiply"]))
    found = account(lambda x: x / 3.0, V)
    (row,) = [row for row in compiled_rows(found) if not row.explained]
    assert (row.cause, row.flops) == ("unexplained (pass algsimp): multiply", 2 * 32)
    assert not found.ok


def test_without_dumps_everything_that_differs_is_unexplained(monkeypatch):
    monkeypatch.setattr(passes, "_DUMPING", {"xla_dump_hlo_pass_re": "no-such-pass"})
    found = account(shared, V)
    (row,) = compiled_rows(found)
    assert row.cause.startswith("unexplained (this backend dumps no HLO between passes)")
    assert found.unexplained == 32 + 32 + 31  # the sine again, and the product of vectors
    conserved(found)


def test_without_the_compiled_column_there_is_no_account_of_it():
    found = account(jnp.sin, V, compiled=False)
    assert (found.compiled, compiled_rows(found)) == (None, [])


DEAD = """HloModule m

body {
  p = f32[4] parameter(0)
  unread = f32[4] sine(p)
  ROOT r = f32[4] tanh(p)
}

other {
  q = f32[4] parameter(0)
  ROOT s = f32[4] cosine(q)
}

ENTRY main {
  x = f32[4] parameter(0)
  gone = f32[4] call(x), to_apply=other
  printed = f32[4] add(x, x)
  acts = f32[4] custom-call(printed), custom_call_target="print"
  ROOT out = f32[4] call(x), to_apply=body
}
"""


def names_of(module):
    return {ins.name for where in module.computations.values() for ins in where}


def test_dead_is_what_no_result_needs_and_what_only_that_calls():
    module = read_module(DEAD)
    kept = live(module)
    assert names_of(module) - names_of(kept) == {"unread", "gone", "q", "s"}
    assert live(kept) is kept
    assert pieces(walk(module).leaves()).total() == 4
    assert pieces(walk(kept).leaves()).total() == 2  # a sum and a tanh


def test_forms_in_which_the_same_instructions_work_are_alike():
    tanh = "ROOT r = f32[4] tanh"
    copied = DEAD.replace(f"{tanh}(p)", f"k = f32[4] copy(p)\n  {tanh}(k)")
    other = DEAD.replace(f"{tanh}(p)", f"{tanh}(unread)")
    forms = [working(live(read_module(text))) for text in (DEAD, copied, other)]
    assert forms[0] == forms[1] != forms[2]
    assert {line[1] for line in forms[0]} == {"r", "printed", "acts", "out"}


def test_work_that_is_dead_inside_of_a_fusion_is_dead():
    text = DEAD.replace("call(x), to_apply=body", "fusion(x), kind=kLoop, calls=body")
    module = read_module(text)
    assert names_of(module) - names_of(live(module)) == {"unread", "gone", "q", "s"}
    assert pieces(walk(live(module)).leaves()).total() == 2


A = Place("forward", ("layer",), "f.py", 1)
B = Place("forward", ("other",), "f.py", 2)
NAMELESS = Place("forward", ("layer", "(compiler)"), "", 0)


def piece(opcode, amount, place=A):
    return Piece(place, opcode, "other_flops", amount)


def split(law, before, after, **rest):
    """(unlawful gone, unlawful new) of a change."""
    before, after = Counter(before), Counter(after)
    given = {"products": {}, "fewer": Counter(), **rest}
    change = WorkChange(before - after, after - before, before, after, **given)
    gone, new = law(change)
    return change.gone - Counter(gone), change.new - Counter(new)


ADD, SMALL = piece("add", 8), piece("add", 2)
KEPT = {
    "merged": (work_laws.merges, {ADD: 2}, {ADD: 1}, {}),
    "repeated": (work_laws.repeats, {ADD: 1}, {ADD: 3}, {"fewer": Counter(add=-2)}),
    "rewritten": (work_laws.rewrites, {piece("divide", 8): 1}, {piece("multiply", 8): 1}, {}),
    "a row's reciprocal": (
        work_laws.rewrites,
        {piece("divide", 8): 1},
        {piece("multiply", 8): 1, piece("divide", 2): 1},
        {},
    ),
    "a product": (
        work_laws.rewrites,
        {},
        {piece("multiply", 8): 1, piece("reduce", 7, NAMELESS): 1},
        {"products": {A: 16}},
    ),
    "one of two devices": (work_laws.shares_out, {ADD: 1}, {piece("add", 4): 1}, {"devices": 2}),
    "a bias and a relu": (
        work_laws.goes_into("__cudnn$"),
        {ADD: 1, piece("maximum", 8): 1},
        {piece("__cudnn$conv", 16): 1},
        {},
    ),
    "a sort of the first": (
        work_laws.swaps("sort", "TopK"),
        {piece("sort", 9): 1},
        {piece("TopK", 4): 1},
        {},
    ),
    "a scatter": (
        work_laws.expands("scatter"),
        {},
        {piece("select", 1, NAMELESS): 1},
        {"fewer": Counter(scatter=1)},
    ),
}
BROKEN = {
    "counted again, and not there again": (work_laws.repeats, {ADD: 1}, {ADD: 2}, {}),
    "nothing equal is left": (work_laws.merges, {ADD: 1}, {}, {}),
    "nothing equal was there": (work_laws.repeats, {SMALL: 1}, {SMALL: 1, ADD: 1}, {}),
    "larger": (work_laws.rewrites, {piece("divide", 8): 1}, {piece("multiply", 9): 1}, {}),
    "more often": (work_laws.rewrites, {piece("divide", 8): 1}, {piece("multiply", 8): 2}, {}),
    "elsewhere": (work_laws.rewrites, {ADD: 1}, {piece("multiply", 8, B): 1}, {}),
    "more than the product": (
        work_laws.rewrites,
        {},
        {piece("multiply", 17): 1},
        {"products": {A: 16}},
    ),
    "less than a share": (work_laws.shares_out, {ADD: 1}, {piece("add", 3): 1}, {"devices": 2}),
    "no scatter is gone": (
        work_laws.expands("scatter"),
        {},
        {piece("select", 1, NAMELESS): 1},
        {},
    ),
    "no conversion": (work_laws.converts, {}, {ADD: 1}, {}),
    "other instructions": (work_laws.made_of("sort"), {piece("sort", 8): 1}, {ADD: 1}, {}),
    "more in all": (work_laws.made_of("sort"), {piece("sort", 8): 1}, {piece("sort", 9): 1}, {}),
    "another call": (work_laws.swaps("sort", "TopK"), {}, {piece("Sort", 8): 1}, {}),
    "more in the call": (
        work_laws.goes_into("__cudnn$"),
        {ADD: 1},
        {piece("__cudnn$conv", 17): 1},
        {},
    ),
    "not in a call": (work_laws.goes_into("__cudnn$"), {ADD: 1}, {piece("multiply", 8): 1}, {}),
    "no contraction was changed": (work_laws.around_products, {}, {ADD: 1}, {}),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_change_within_its_law_is_explained(name):
    law, before, after, rest = KEPT[name]
    assert split(law, before, after, **rest) == (Counter(), Counter())


@pytest.mark.parametrize("name", BROKEN)
def test_a_change_that_breaks_its_law_is_not(name):
    law, before, after, rest = BROKEN[name]
    assert split(law, before, after, **rest) != (Counter(), Counter())


def test_dumps_are_removed_when_they_were_read_or_are_not_wanted():
    read, unread = (jf.compare(lambda x: jnp.sin(x / 3.0))(*jf.specs(V)) for _ in range(2))
    folders = [each.account.args[2].passes._folder for each in (read, unread)]
    assert all(folder.exists() for folder in folders)
    assert read.ok
    assert not folders[0].exists()
    del unread
    gc.collect()
    assert not folders[1].exists()
