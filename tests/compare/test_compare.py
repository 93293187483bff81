"""`jf.compare`: three columns, conserved from one to the next by named rows."""

import json
import os
import subprocess
import sys
from functools import cache

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import jaxflops as jf
from jaxflops.models import suite

SUITE = {name: (loss, args) for name, loss, args in suite("small")}
SQUARE = jf.specs("f32[4,6]", "f32[6,6]")


@cache
def lowered(name, mode):
    loss, args = SUITE[name]
    return jf.compare(loss, mode=mode, argnums=loss.argnums, compiled=False)(*args)


def change(comparison, step):
    return sum(row.flops for row in comparison.rows if row.step == step)


def conserved(comparison):
    counted, low = comparison.counted.matmul_flops, comparison.lowered.matmul_flops
    assert counted + change(comparison, "counted to lowered") == low
    once = comparison.lowered.tree.once().matmul_flops
    assert low + change(comparison, "lowered to XLA") == once
    if comparison.compiled is not None:
        after = comparison.compiled.matmul_flops
        assert low + change(comparison, "lowered to compiled") == after


def twice(x, w):
    first = x @ w
    second = x @ w
    return jnp.sin(first) + jnp.cos(second)


def nested(x, w):
    def inner(x, _):
        return jnp.tanh(x @ w), None

    def outer(x, _):
        return lax.scan(inner, x, length=3)[0] @ w, None

    return lax.scan(outer, x, length=5)[0].sum()


def grouped(x, w):
    return lax.conv_general_dilated(x, w, (2,), "SAME", feature_group_count=4).sum()


@pytest.mark.parametrize("name", SUITE)
@pytest.mark.parametrize("mode", ["call", "grad"])
def test_counted_is_lowered_for_every_model(name, mode):
    comparison = lowered(name, mode)
    assert comparison.ok
    assert comparison.unexplained == 0
    assert comparison.counted.matmul_flops == comparison.lowered.matmul_flops > 0
    conserved(comparison)


def test_scan_and_unrolled_are_lowered_to_the_same_total():
    scanned, unrolled = lowered("vit-scan", "grad"), lowered("vit-unrolled", "grad")
    assert scanned.lowered.matmul_flops == unrolled.lowered.matmul_flops
    assert scanned.lowered.tree.once().matmul_flops < scanned.lowered.matmul_flops


def test_each_loop_says_what_its_body_is_once():
    comparison = jf.compare(nested, compiled=False)(*SQUARE)
    product = 2 * 4 * 6 * 6
    amounts = {row.cause: row.flops for row in comparison.rows}
    assert amounts == {
        "loop body counted once, not 3 times": -5 * 2 * product,
        "loop body counted once, not 5 times": -4 * 2 * product,
    }
    conserved(comparison)


WRITTEN = "dead in iterations that lowering writes out beside their scan (unroll)"


@pytest.mark.parametrize(("length", "unroll"), [(7, 3), (8, 3), (4, 4), (6, 2), (3, 2), (2, 5)])
@pytest.mark.parametrize("depth", [1, 2])
def test_unrolled_scans_agree_with_bodies_once(length, unroll, depth):
    """JAX 0.12 drops the input gradient of the first iteration where that is written out."""

    def layer(x, w):
        return jnp.tanh(x @ w), None

    def deep(x, w):
        return lax.scan(lambda x, _: layer(x, w), x, length=3, unroll=2)[0] @ w, None

    def loss(x, w):
        step = deep if depth == 2 else layer
        return lax.scan(lambda x, _: step(x, w), x, length=length, unroll=unroll)[0].sum()

    comparison = jf.compare(loss, mode="grad", argnums=1, compiled=False)(*SQUARE)
    assert comparison.unexplained == 0
    conserved(comparison)
    amounts = {row.cause: row.flops for row in comparison.rows if row.step == "counted to lowered"}
    dead = -depth * 2 * 4 * 6 * 6
    assert amounts in ({}, {WRITTEN: dead})
    if length % unroll == 0 and unroll < length:  # every iteration is in the loop
        assert amounts == {}


def test_what_the_iterations_beside_the_loop_do_not_account_for_is_unexplained(monkeypatch):
    from jaxflops.jaxpr import written_out

    def loss(x, w):
        return lax.scan(lambda x, _: (jnp.tanh(x @ w), None), x, length=7, unroll=3)[0].sum()

    right = jf.compare(loss, mode="grad", argnums=1, compiled=False)(*SQUARE)
    monkeypatch.setattr(written_out, "_beside", lambda _: 0)
    wrong = jf.compare(loss, mode="grad", argnums=1, compiled=False)(*SQUARE)
    assert wrong.unexplained == -change(right, "counted to lowered")


def test_a_merged_product_is_named_by_its_pass():
    comparison = jf.compare(twice)(*SQUARE)
    (row,) = comparison.rows
    assert row.cause == "common subexpression merged (pass cse)"
    assert row.flops == -2 * 4 * 6 * 6
    assert "test_compare.py" in row.sites[0]
    assert comparison.ok
    conserved(comparison)


def test_a_grouped_convolution_that_is_made_dense():
    args = jf.specs("f32[2,16,9]", "f32[8,4,3]")
    comparison = jf.compare(grouped, mode="grad", argnums=(0, 1))(*args)
    assert comparison.unexplained == 0
    conserved(comparison)


def test_the_gradient_of_a_model_compiles_without_unexplained_flops():
    loss, args = SUITE["mlp-unrolled-remat"]
    comparison = jf.compare(loss, mode="grad", argnums=loss.argnums)(*args)
    assert comparison.unexplained == 0
    conserved(comparison)


@pytest.mark.parametrize("target", ["cuda", "tpu"])
def test_other_platforms_are_lowered_here(target):
    loss, args = SUITE["mlp-scan"]
    comparison = jf.compare(loss, mode="grad", argnums=loss.argnums, target=target)(*args)
    assert comparison.compiled is None
    assert comparison.unexplained == 0
    assert comparison.lowered.matmul_flops == comparison.counted.matmul_flops


def test_what_is_unexplained_is_not_ok(monkeypatch):
    from jaxflops.compare.causes import CAUSES

    monkeypatch.delitem(CAUSES, "cse")
    comparison = jf.compare(twice)(*SQUARE)
    assert comparison.unexplained == 2 * 4 * 6 * 6
    assert not comparison.ok
    assert "NOT OK: 288 contraction FLOPs unexplained" in str(comparison)
    assert "(pass cse)" in str(comparison)


def test_open_loops_must_be_given():
    def search(x, w):
        return lax.while_loop(lambda x: x.sum() > 1, lambda x: x @ w, x)

    with pytest.raises(jf.JaxflopsError, match="give loops trip_counts="):
        jf.compare(search)(*SQUARE)


def test_what_has_no_contractions_is_ok():
    comparison = jf.compare(jnp.sin)(SQUARE[0])
    assert comparison.rows == ()
    assert comparison.ok


def test_reports_hold_the_numbers(tmp_path):
    comparison = jf.compare(twice)(*SQUARE)
    data = comparison.to_json(tmp_path / "ledger.json")
    assert json.loads((tmp_path / "ledger.json").read_text())["unexplained"] == 0
    assert data["contraction_flops"] == {
        "counted": 576,
        "lowered": 576,
        "lowered, bodies once": 576,
        "compiled": 288,
    }
    shown = comparison.to_markdown(tmp_path / "ledger.md")
    assert "| lowered to compiled | common subexpression merged (pass cse) | -288 |" in shown
    assert "ok: 0 contraction FLOPs unexplained" in str(comparison)
    assert "0 contraction FLOPs unexplained" in repr(comparison)


def test_xla_own_numbers_stand_beside():
    comparison = jf.compare(twice)(*SQUARE)
    assert comparison.lowered.xla_reported["flops"] >= 576
    assert 0 < comparison.compiled.xla_reported["flops"] < comparison.lowered.xla_reported["flops"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: jf.compare(twice, 1), "the arguments go in a second call: jf.compare(fn"),
        (lambda: jf.compare(3)(), "jf.compare got int; pass a function"),
        (lambda: jf.compare(twice, target="rocm")(*SQUARE), "target='rocm': write one of 'cpu'"),
        (lambda: jf.compare(twice, mode="vjp")(*SQUARE), "mode='vjp' has no single program"),
        (lambda: jf.compare(twice)(SQUARE[0]), "twice does not trace: TypeError"),
        (
            lambda: jf.compare(jax.jit(twice).trace(*SQUARE), mode="grad")(),
            "a Traced is taken as it is",
        ),
    ],
)
def test_wrong_calls_say_what_to_write(call, message):
    with pytest.raises(jf.JaxflopsError) as raised:
        call()
    assert message in str(raised.value)


@pytest.mark.parametrize("make", [jax.jit, lambda f: jax.jit(f).trace(*SQUARE), jax.make_jaxpr])
def test_what_the_user_has_already(make):
    target = make(twice)
    given = SQUARE if make is jax.jit else ()
    if make is jax.make_jaxpr:
        target = target(*SQUARE)
    assert jf.compare(target, compiled=False)(*given).lowered.matmul_flops == 576
    assert jf.compare(target, compiled=False)(*given).unexplained == 0


def test_the_waiting_object_says_how_to_call_it():
    assert repr(jf.compare(twice)) == (
        "<jf.compare(twice, mode='call'): call it with twice's arguments>"
    )


LIBRARY = {  # JAX's own functions, traced apart from the call: the equations have no frame of ours
    "cholesky": (lambda a: jnp.linalg.cholesky(a).sum(), ("f32[6,6]",)),
    "solve": (lambda a, b: jnp.linalg.solve(a, b).sum(), ("f32[6,6]", "f32[6,2]")),
    "qr": (lambda a: jnp.linalg.qr(a)[0].sum(), ("f32[6,4]",)),
}


@pytest.mark.parametrize("name", LIBRARY)
def test_library_code_stands_where_it_is_called(name):
    fn, args = LIBRARY[name]
    found = jf.compare(fn, mode="grad", compiled=False)(*jf.specs(*args))
    assert found.counted.matmul_flops > 0
    assert (found.unexplained, found.ok) == (0, True)
    lines = {leaf.site.source.line for leaf in found.counted.tree.leaves() if leaf.site.source}
    assert lines == {fn.__code__.co_firstlineno}


@pytest.mark.parametrize("name", ["a/b", "a/", "/a//b", "", "a b", "a.b:c"])
def test_scopes_of_any_name_are_the_same_place_in_every_column(name):
    def named(a):
        with jax.named_scope(name), jax.named_scope("inner"):
            return a @ a

    ledger = jf.compare(named)(jf.spec("f32[8,8]"))
    assert (ledger.ok, ledger.unexplained) == (True, 0)


CACHED = """
import sys, jax, jax.numpy as jnp, jaxflops as jf
jax.config.update("jax_compilation_cache_dir", sys.argv[1])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
for _ in range(2):
    found = jf.compare(lambda a, b: jnp.tanh(a @ b) + a @ b)(*jf.specs("f32[8,8]", "f32[8,8]"))
    print(found.ok, found.unexplained, [row.cause for row in found.rows])
    jax.jit(lambda a: a + 1)(1.0)
    jax.clear_caches()
"""


def test_a_ledger_knows_its_passes_whatever_is_cached_and_dumped(tmp_path):
    """What the persistent cache holds is not compiled, and the user's flags may dump less."""
    flags = "--xla_dump_hlo_module_re=no --xla_dump_compress_protos --xla_dump_hlo_pipeline_re=no"
    run = subprocess.run(
        [sys.executable, "-c", CACHED, str(tmp_path)],
        env={**os.environ, "XLA_FLAGS": flags},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert run.stdout.splitlines() == ["True 0 ['common subexpression merged (pass cse)']"] * 2
    cached = [path.name for path in tmp_path.iterdir() if path.name.endswith("-cache")]
    assert len(cached) == 1  # the user's own program


def never(x):
    """Runs 0 times, in a loop that runs 3 times."""
    step = lambda c: (c[0] + 1, c[1] @ c[1])
    inner = lambda x: lax.while_loop(lambda c: c[0] < 0, step, (0, x))[1]
    return lax.fori_loop(0, 3, lambda _, x: inner(x), x)


def test_a_loop_that_does_not_run_has_its_body_once():
    comparison = jf.compare(never, compiled=False)(*jf.specs("f32[8,8]"))
    assert comparison.lowered.matmul_flops == 0
    assert comparison.lowered.tree.once().matmul_flops == 2 * 8**3
    conserved(comparison)


@jax.jit
def repeated(n, x, w):
    return lax.fori_loop(0, n, lambda i, h: jnp.tanh(h @ w), x)


def test_a_function_that_is_called_with_two_bounds_loops_as_often_as_both_say():
    both = lambda x, w: repeated(3, x, w) + repeated(5, x, w)
    comparison = jf.compare(both)(*SQUARE)
    assert comparison.counted.matmul_flops == comparison.compiled.matmul_flops == 8 * 2 * 4 * 6 * 6
    assert comparison.unexplained == 0
    conserved(comparison)
