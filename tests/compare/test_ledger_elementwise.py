"""Elementwise work, counted against lowered: every operation has an equation and instructions."""

import json
import pickle
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import jaxflops as jf
from jaxflops.compare import alone, elementwise
from jaxflops.compare.against_xla import AgainstXla
from jaxflops.compare.constants import Constants
from jaxflops.compare.counted import SHARE
from jaxflops.compare.rows import WorkRow
from jaxflops.compare.share import OfAllDevices
from jaxflops.cost import Cost
from jaxflops.hlo.rules._rule import RULES
from jaxflops.hlo.xla_formulas import XlaCounts
from jaxflops.jaxpr.registry import BODY_RULES, COST_RULES
from jaxflops.models import suite

SUITE = {name: (loss, args) for name, loss, args in suite("small")}
VECTOR = jf.specs("f32[32]")


def account(fn, *specs, **options):
    return jf.compare(fn, **{"compiled": False, **options})(
        *jf.specs(*specs or ("f32[32]",))
    ).elementwise


@jax.custom_jvp
def minus(x, y):
    return x - y


minus.defjvp(lambda values, tangents: (minus(*values), minus(*tangents)))


def silu_loop(x):
    return lax.scan(lambda x, _: (x * jax.nn.sigmoid(x), None), x, length=5)[0]


def pool_grad(x):
    pool = lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (3,), (2,), "SAME")
    return jax.grad(lambda x: (pool(x) ** 2).sum())(x)


CASES = {  # program -> cause, FLOPs more, calls more
    "logistic": (jax.nn.sigmoid, "logistic lowered as negate, exponential, add, divide", 3 * 32, 0),
    "in a loop": (silu_loop, "logistic lowered as negate, exponential, add, divide", 5 * 3 * 32, 0),
    "running sum": (jnp.cumsum, "cumsum lowered as reduce-window", 32 * 31 // 2 - 31, 0),
    "constants": (
        lambda x: x * jnp.sqrt(lax.full((), 2.0)),
        "constant folded: sqrt of constants",
        0,
        -1,
    ),
    "identity": (
        lambda x: x - 0.0,
        "constant folded: sub that a constant operand makes the identity",
        -32,
        0,
    ),
    "seen in a function with its own derivative": (
        lambda x: minus(x, 0.0),
        "constant folded: sub that a constant operand makes the identity",
        -32,
        0,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_difference_is_its_equation_and_its_instructions(name):
    fn, cause, flops, calls = CASES[name]
    found = account(fn)
    (row,) = found.rows
    assert (row.cause, row.flops, row.transcendentals, row.explained) == (cause, flops, calls, True)
    assert found.counted[0] + flops == found.lowered[0]
    assert found.counted[1] + calls == found.lowered[1]
    assert (found.unexplained, found.ok) == (0, True)


@pytest.mark.parametrize(
    "fn",
    [
        pool_grad,
        lambda x: jax.random.normal(jax.random.key(0), (7,)) + x[:7],
        lambda x: jax.nn.gelu(x, approximate=False),
        lambda x: lax.sort(x)[lax.argmax(x, 0, jnp.int32)],
        lambda x: lax.cond(x[0] > 0, jnp.sin, lambda x: x * 2 + 1, x),
        lambda x: jax.grad(lambda x: jax.checkpoint(jax.nn.softplus)(x).sum())(x),
        lambda x: jax.jit(lambda x, y: x - y)(x, 0.0),  # y is no constant there
        lambda x: lax.associative_scan(jnp.add, x),
        lambda x: x.astype(jnp.bfloat16) * 2 + jnp.arange(32),
        lambda x: jax.vmap(lambda y: jnp.where(y > 0, jnp.log1p(y), y**3))(x),
        lambda x: lax.fori_loop(0, 4, lambda i, x: jnp.roll(x, 1) * i, x),
    ],
)
def test_programs_without_unexplained_operations(fn):
    assert account(fn).unexplained == 0


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("mlp-scan", "grad"),
        ("resnet-remat", "grad"),
        ("transformer-scan-remat", "grad"),
        ("lstm-unrolled", "call"),
        ("ssm-scan", "grad"),
    ],
)
def test_models_have_no_unexplained_operation(name, mode):
    loss, args = SUITE[name]
    found = jf.compare(loss, mode=mode, argnums=loss.argnums, compiled=False)(*args)
    assert found.elementwise.unexplained == 0
    assert found.ok


@pytest.mark.parametrize("target", ["cuda", "tpu"])
def test_other_platforms_lower_other_instructions(target):
    found = account(lambda x: jax.nn.sigmoid(x) * jnp.tanh(x).sum(), target=target)
    assert found.unexplained == 0
    assert found.lowered[1] == 2 * 32


def chain(x):
    return jnp.tanh(x * 2.0) + jnp.exp(x)


def doubled(primitive):
    rule = COST_RULES[primitive]
    return replace(rule, formula=lambda op, /, **params: rule.formula(op, **params) * 2)


@pytest.mark.parametrize("primitive", ["tanh", "exp", "mul", "add"])
def test_a_wrong_rule_is_unexplained_to_the_operation(primitive, monkeypatch):
    monkeypatch.setitem(COST_RULES, primitive, doubled(primitive))
    found = account(chain)
    assert found.unexplained == 32
    assert not found.ok
    (row,) = [row for row in found.rows if not row.explained]
    assert row.cause.startswith(f"unexplained: {primitive} lowers to")
    assert "test_ledger_elementwise.py" in row.sites[0]


@pytest.mark.parametrize("primitive", ["logistic", "erf_inv", "nextafter"])
def test_a_wrong_count_of_what_is_defined_as_one_an_element_is_unexplained(primitive, monkeypatch):
    """Its instructions are others: by definition, and only by as much as that says."""
    calls = {"logistic": jax.nn.sigmoid, "erf_inv": jax.scipy.special.erfinv}
    fn = calls.get(primitive, lambda x: jnp.nextafter(x, x + 1))
    assert account(fn).unexplained == 0
    monkeypatch.setitem(COST_RULES, primitive, doubled(primitive))
    found = account(fn)
    assert (found.unexplained, found.ok) == (32, False)
    (row,) = [row for row in found.rows if not row.explained]
    assert row.cause.startswith(f"unexplained: {primitive} was counted as something else")


def test_a_wrong_rule_of_the_compilers_lane_is_unexplained(monkeypatch):
    right = RULES["tanh"]
    wrong = right._replace(formula=lambda op: Cost(transcendentals=3 * op.out.size))
    monkeypatch.setitem(RULES, "tanh", wrong)
    assert account(chain).unexplained == 2 * 32


def test_a_dropped_trip_count_is_unexplained(monkeypatch):
    right = BODY_RULES["scan"]
    once = lambda op, /, **params: tuple(replace(body, times=1) for body in right(op, **params))
    monkeypatch.setitem(BODY_RULES, "scan", once)
    assert account(silu_loop).unexplained == 4 * 5 * 32  # of x * 1 / (1 + exp(-x))


def test_dead_code_that_is_counted_is_unexplained(monkeypatch):
    def half(x):
        return lax.scan(lambda c, _: (jnp.sin(c), c * 3.0), x, length=3)[0]

    monkeypatch.setattr("jaxflops.analysis.remove_dead_code", lambda program: (program.jaxpr, []))
    assert account(half).unexplained == 3 * 32


def test_what_is_folded_without_evidence_is_unexplained(monkeypatch):
    monkeypatch.setattr(Constants, "folds", lambda *_: False)
    monkeypatch.setattr(Constants, "value", lambda *_: None)
    assert account(CASES["constants"][0]).unexplained == 1


def test_what_cannot_be_lowered_by_itself_is_unexplained(monkeypatch):
    monkeypatch.setattr(alone, "bound", lambda *_: 1 / 0)
    found = account(jnp.sin)
    assert found.unexplained > 0
    assert "unexplained: sin cannot be lowered by itself" in [row.cause for row in found.rows]


def test_the_report_has_both_parts():
    comparison = jf.compare(silu_loop)(*VECTOR)
    shown = str(comparison)
    assert "logistic lowered as negate, exponential, add, divide" in shown
    assert "ok: 0 of 320 elementwise operations unexplained" in shown
    assert "\ncompiled  " in shown
    assert "by XLA's formulas, bodies once, as XLA reports" in shown
    data = comparison.to_json()
    assert data["elementwise"]["counted"] == [160, 160]
    assert data["xla_projected"]["flops"] == comparison.lowered.xla_reported["flops"]


@pytest.mark.parametrize(
    ("projected", "reported", "ok"),
    [
        (1000, {"flops": 1000.0}, True),
        (1000, {"flops": 1001.0}, False),
        (0, {}, True),  # zero-valued keys are absent
        (5, {}, False),
        (5, None, True),  # nothing to hold it against
        (-1, {"flops": -1.0}, True),
        (10**12, {"flops": 1e12 + 4096}, True),
        (10**12, {"flops": 1e12 + 4e6}, False),
    ],
)
def test_xlas_numbers_are_ours_up_to_rounding(projected, reported, ok):
    assert AgainstXla(XlaCounts(projected, 0), reported).ok == ok


@pytest.mark.parametrize("fn", [lambda x: jnp.abs(jnp.fft.fft(x)).sum(), jnp.abs, jnp.sign])
def test_complex_work_is_its_definition_or_its_parts(fn):
    """The modulus is a function of the compiler in later releases; a real part is no arithmetic."""
    real = fn not in (jnp.abs, jnp.sign)
    found = account(fn, "f32[4,16]" if real else "c64[4,16]", mode="grad" if real else "call")
    assert (found.unexplained, found.ok) == (0, True)


@pytest.mark.parametrize("fn", [jnp.exp, jnp.log, jnp.sqrt, jnp.sin])
def test_complex_functions_are_composites_of_their_parts(fn):
    found = account(lambda x: fn(x), "c64[8]", compiled=True)
    assert found.counted == (0, 2 * 8)
    (row,) = [row for row in found.rows if row.step == "counted to lowered"]
    assert row.cause.startswith(f"{fn.__name__} lowered as ")
    assert found.unexplained <= 2


def test_what_jax_keeps_whole_until_it_lowers_is_written_out():
    """`jnp.searchsorted` is one equation since JAX 0.11."""
    found = account(lambda x: jnp.interp(x, jnp.arange(5.0), jnp.arange(5.0) ** 2), "f32[7]")
    assert found.counted[0] > 0
    assert (found.unexplained, found.ok) == (0, True)


@pytest.mark.parametrize("fn", [jnp.linalg.eigvalsh, lambda a: jnp.linalg.eigh(a)[0]])
def test_a_result_that_nothing_reads_has_no_work_of_its_own(fn):
    """A factorization that failed is made NaN, result by result: only those that are read."""
    found = account(fn, "f32[8,8]", compiled=True)
    assert (found.unexplained, found.ok) == (0, True)


def test_what_a_branch_of_another_platform_reads_is_no_work():
    """JAX takes a diagonal by a mask on one platform, and makes the mask for all."""
    found = account(jnp.linalg.det, "f32[8,8]", compiled=True)
    assert (found.unexplained, found.ok) == (0, True)


ONES, ZEROS = np.ones(32, np.float32), np.zeros(32, np.float32)
RAMP = np.linspace(1, 2, 32, dtype=np.float32)


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: x + jnp.sum(jnp.ones(8)),
        lambda x: x + jnp.max(lax.full((8,), 2.0)) * jnp.floor(lax.full((), 2.5)),
        lambda x: x + lax.pad(lax.full((30,), 2.0), 1.0, [(1, 1, 0)]) * 3,
        lambda x: x + lax.broadcast_in_dim(RAMP[:16], (2, 16), (1,)).reshape(32) * 3,
        lambda x: x + jnp.log(lax.full((32,), 0.0)),
        lambda x: x + lax.complex(ONES, ONES).real,
    ],
)
def test_what_lowering_leaves_to_run_is_no_constant(fn):
    found = account(fn)
    assert not [row for row in found.rows if "constant folded" in row.cause]
    assert (found.unexplained, found.ok) == (0, True)
    assert found.counted == found.lowered


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: x + jnp.zeros(32) + np.zeros(32, np.float32),
        lambda x: jax.jit(lambda y: y - ZEROS)(x) * 1,
        lambda x: x * ONES,
        lambda x: jax.vmap(lambda y: y * ONES)(x[None])[0],
        lambda x: jax.checkpoint(lambda y: y * ONES)(x),
    ],
)
def test_an_array_of_one_value_from_outside_is_known(fn):
    found = account(fn)
    assert {row.cause.partition(":")[0] for row in found.rows} == {"constant folded"}
    assert (found.unexplained, found.lowered) == (0, (0, 0))


def test_an_array_from_outside_is_a_constant():
    found = account(lambda x: x * (RAMP + jnp.array(RAMP)) + (x + RAMP))
    assert (found.unexplained, found.ok) == (0, True)


def unrolled(x, times=4):
    step = lambda h, _: (jnp.tanh(h) * x, h * 2)
    return lax.scan(step, jnp.zeros_like(x), None, length=times, unroll=True)[0].sum()


@pytest.mark.parametrize("fn", [unrolled, jax.grad(unrolled)])
def test_iterations_that_are_all_written_out_see_what_the_one_before_made(fn):
    """The first has zeros for its carry, the last of the gradient ones for its cotangent."""
    found = account(fn)
    assert (found.unexplained, found.ok) == (0, True)


def test_work_that_only_written_out_iterations_have_is_shown():
    less, more = (
        jf.analyze(fn)(*VECTOR).tree for fn in (lambda x: jnp.sin(x), lambda x: jnp.sin(x) + x)
    )
    (row,) = elementwise._written(less, more)
    assert (row.flops, row.transcendentals, row.size, row.explained) == (32, 0, 32, False)


def branches(p, x):
    return lax.cond(p, lambda x: x * x, lambda x: x + x, x)


def remat(x):
    inner = jax.checkpoint(lambda x: jnp.sin(jnp.tanh(x)), prevent_cse=False)
    return inner(inner(x)).sum()


def branch_grad(x):
    """The cotangent, an array of ones, is known within the branches."""
    chosen = lambda x: lax.cond(x[0] > 0, jnp.sin, lambda x: x * 2 + 1, x)
    return jax.grad(lambda x: chosen(x).sum())(x)


ONE = "constant folded: mul that a constant operand makes the identity"
FOLDS = {  # program, its arguments -> cause, FLOPs more
    "a branch's operand, selected or itself": (
        jax.vmap(branches),
        ("bool[5]", "f32[5,4]"),
        "folded: select_n of equal operands",
        -2 * 5 * 4,
    ),
    "the cotangent of a sum, in remat without a barrier": (jax.grad(remat), ("f32[32]",), ONE, -32),
    "the cotangent of a sum, in a branch": (branch_grad, ("f32[32]",), ONE, -32),
    "an iota of one": (lambda x: x * lax.iota("float32", 1).__eq__(0), ("f32[32]",), ONE, -32),
}


@pytest.mark.parametrize("name", FOLDS)
def test_what_lowering_folds_is_a_named_cause(name):
    fn, specs, cause, flops = FOLDS[name]
    found = account(fn, *specs)
    assert (cause, flops, True) in [(row.cause, row.flops, row.explained) for row in found.rows]
    assert (found.unexplained, found.ok) == (0, True)


WRITTEN = "dead in iterations that lowering writes out beside their scan (unroll)"


def unrolled(length, unroll):
    def loss(x):
        """The last sine is dead in the gradient; JAX 0.12 sees that where it is written out."""
        step = lambda h, _: (jnp.sin(h) * 2, None)
        return lax.scan(step, x, length=length, unroll=unroll)[0].sum()

    return account(loss, "f32[32]", mode="grad")


@pytest.mark.parametrize(("length", "unroll"), [(7, 3), (8, 3), (6, 2), (3, 2)])
def test_what_is_dead_in_written_out_iterations_is_named(length, unroll):
    found = unrolled(length, unroll)
    assert (found.unexplained, found.ok) == (0, True)
    amounts = {row.cause: (row.flops, row.transcendentals) for row in found.rows}
    assert amounts.get(WRITTEN) in (None, (-32, -32))
    assert found.counted[1] + sum(calls for _, calls in amounts.values()) == found.lowered[1]
    if length % unroll == 0 and unroll < length:  # every iteration is in the loop
        assert WRITTEN not in amounts


def test_without_those_iterations_the_rest_is_unexplained(monkeypatch):
    from jaxflops.jaxpr import written_out

    right = unrolled(7, 3)
    monkeypatch.setattr(written_out, "_beside", lambda _: 0)
    dead = [row.size for row in right.rows if row.cause == WRITTEN]
    assert (right.unexplained, unrolled(7, 3).unexplained) == (0, sum(dead))


def test_equal_operands_are_no_excuse_for_a_wrong_rule(monkeypatch):
    monkeypatch.setitem(COST_RULES, "mul", doubled("mul"))
    assert account(lambda x: x * x).unexplained == 32


def test_a_fold_does_not_hide_a_wrong_rule(monkeypatch):
    monkeypatch.setitem(COST_RULES, "mul", doubled("mul"))
    found = account(lambda x: x * 1.0 + x)
    assert found.unexplained == 32
    assert (ONE, -32) in [(row.cause, row.flops) for row in found.rows]
    monkeypatch.setitem(COST_RULES, "select_n", doubled("select_n"))
    assert account(jax.vmap(branches), "bool[5]", "f32[5,4]").unexplained == 3 * 20 + 20


def sampled(x, w):
    """An equation that lowers to loops that data end, and a product."""
    return lax.igamma(x, x).sum() + (w @ w).sum()


def test_loops_that_only_the_lowered_program_has_leave_a_ledger_of_contractions(tmp_path):
    found = jf.compare(sampled)(*jf.specs("f32[4]", "f32[8,8]"))
    assert (found.unexplained, found.ok) == (0, False)
    assert "which data decide: its elementwise work is no number" in found.no_elementwise
    with pytest.raises(jf.JaxflopsError, match="which data decide"):
        _ = found.elementwise
    counted = [found.counted.total.other_flops, found.counted.total.transcendentals]
    for shown in (str(found), found.to_markdown(tmp_path / "ledger.md")):
        assert "ok: 0 contraction FLOPs unexplained" in shown
        assert "NOT OK: a lowered " in shown
        assert f"{counted[0]:>14}" in shown
        assert "by XLA's formulas, bodies once, as XLA reports" in shown
        assert "elementwise operations unexplained" not in shown
    data = found.to_json(tmp_path / "ledger.json")
    assert json.loads((tmp_path / "ledger.json").read_text()) == data
    account = data["elementwise"]
    assert (data["ok"], data["contractions_ok"], account["ok"]) == (False, True, False)
    assert account["counted"] == counted
    assert account["lowered"] is account["compiled"] is account["unexplained"] is None
    assert account["reason"] == found.no_elementwise
    again = pickle.loads(pickle.dumps(found))
    assert (again.no_elementwise, again.ok) == (found.no_elementwise, False)


def test_contractions_in_a_loop_of_the_lowered_program_say_what_it_is():
    with pytest.raises(jf.JaxflopsError) as raised:
        jf.compare(lambda a: jnp.linalg.svd(a)[1], target="tpu")(jf.spec("f32[6,6]"))
    assert "the lowered program runs dot at " in str(raised.value)
    assert "no trip_counts name it" in str(raised.value)


def called_back(x):
    with jax.named_scope("host"):
        shape = jax.ShapeDtypeStruct((32,), "float32")
        return lax.fori_loop(0, 3, lambda _, x: jax.pure_callback(abs, shape, x) * 2, x)


def test_an_opaque_call_is_named_in_every_column_that_has_it():
    found = jf.compare(called_back)(*VECTOR)
    assert found.ok  # of all that has a number
    for column in ("lowered", "compiled"):
        (call,) = found.unknown[column]
        assert (call.name, call.times) == ("xla_ffi_python_cpu_callback", 3)
        assert call.sites[0].startswith("host")
        (data,) = found.to_json()["unknown"][column]
        assert (data["name"], data["times"], data["flops"]) == (call.name, 3, None)
        for shown in (str(found), found.to_markdown()):
            assert f"{column:28}xla_ffi_python_cpu_callback, 3 times\n" in shown
            assert "whose FLOPs are unknown" in shown
    assert "unknown" not in str(jf.compare(chain)(*VECTOR))


def test_a_device_share_does_not_loosen_what_may_be_unexplained():
    row = WorkRow("counted to lowered", SHARE, -700, 0, 700, (), explained=True)
    left = WorkRow("counted to lowered", "unexplained", 0, 0, 2, (), explained=False)
    assert not OfAllDevices((800, 0), (100, 0), (row, left)).ok
    assert OfAllDevices((800, 0), (100, 0), (row, left._replace(size=1))).ok


def test_a_constant_on_a_mesh_that_the_compiler_shards_is_still_one():
    mesh = jax.make_mesh((1,), ("d",), axis_types=(jax.sharding.AxisType.Auto,))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("d"))
    x = jax.ShapeDtypeStruct((4, 8), jnp.float32, sharding=sharding)
    fn = lambda x: jnp.tanh(x).sum()
    found = jf.compare(fn, mode="grad", compiled=False)(x).elementwise
    assert (found.unexplained, found.ok) == (0, True)


def test_a_running_sum_on_a_gpu_is_summed_or_scanned():
    """JAX 0.11 scans: one addition more than was counted, that to the initial zero."""
    (row,) = account(jnp.cumsum, target="cuda").rows
    assert (row.cause, row.flops) in (
        ("cumsum lowered as reduce-window", 32 * 31 // 2 - 31),
        ("cumsum lowered as scan", 1),
    )


def test_what_has_no_rule_explains_nothing(monkeypatch):
    monkeypatch.delitem(RULES, "reduce-window")
    (row,) = account(jnp.cumsum).rows
    assert row.cause == "unexplained: cumsum lowers to an instruction whose cost is unknown"
    assert (row.flops, row.explained) == (-31, False)
