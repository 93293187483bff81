"""`jf.analyze_compiled`: what XLA will run, in the same tree and views as what was asked for."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import jaxflops as jf
from jaxflops.cost import total
from jaxflops.models import suite

SUITE = {name: (loss, args) for name, loss, args in suite("small")}
DUMPS = Path(__file__).parents[1] / "hlo" / "dumps"
STACK = jf.specs("f32[6,8,8]", "f32[4,8]")
PRODUCT = 2 * 4 * 8 * 8


def scanned(w, x):
    return lax.scan(lambda h, w: (jnp.tanh(h @ w), None), x, w)[0].sum()


def unrolled(w, x):
    for i in range(6):
        x = jnp.tanh(x @ w[i])
    return x.sum()


def search(x, n):
    return lax.while_loop(lambda c: c[0] < n, lambda c: (c[0] + 1, jnp.sin(c[1])), (0, x))


@cache
def compiled():
    return jax.jit(scanned).lower(*STACK).compile()


def test_a_loop_is_its_trips_times_its_body_and_xla_has_it_once():
    found = jf.analyze_compiled(scanned)(*STACK)
    assert found.matmul_flops == 6 * PRODUCT == jf.analyze_compiled(unrolled)(*STACK).matmul_flops
    assert found.transcendentals == 6 * 4 * 8
    assert found.xla_reported["transcendentals"] == 4 * 8
    assert PRODUCT < found.xla_reported["flops"] < 2 * PRODUCT
    assert found.xla_reported == compiled().cost_analysis()


@pytest.mark.parametrize("name", ["transformer-scan-remat", "moe-unrolled"])
def test_views_and_phases_sum_to_the_total(name):
    loss, args = SUITE[name]
    found = jf.analyze_compiled(loss, mode="grad", argnums=loss.argnums)(*args)
    for key in ("primitive", "scope", "source", "dtype", "kind", "phase"):
        assert total(found.by(key).values()) == found.total
    phases = (found.forward, found.recompute, found.backward, found.update)
    assert total(phases) == found.total
    asked = jf.analyze(loss, mode="grad", argnums=loss.argnums)(*args)
    assert found.backward.matmul_flops == asked.backward.matmul_flops > 0
    assert found.ratio == asked.ratio
    assert (found.coverage, found.unknown) == (1, [])
    found.tree.check()


SOURCES = {
    "jitted": lambda: jf.analyze_compiled(jax.jit(scanned))(*STACK),
    "traced": lambda: jf.analyze_compiled(jax.jit(scanned).trace(*STACK))(),
    "jaxpr": lambda: jf.analyze_compiled(jax.make_jaxpr(scanned)(*STACK))(),
    "lowered": lambda: jf.analyze_compiled(jax.jit(scanned).lower(*STACK))(),
    "compiled": lambda: jf.analyze_compiled(compiled())(),
    "text": lambda: jf.analyze_compiled(compiled().as_text())(),
}


@pytest.mark.parametrize("source", SOURCES)
def test_what_the_user_has_already(source):
    found = SOURCES[source]()
    assert found.total == jf.analyze_compiled(scanned)(*STACK).total
    assert [each.rpartition(": ")[2] for each in found.provenance.arguments] == [
        "float32[6,8,8]",
        "float32[4,8]",
    ]


@pytest.mark.parametrize("kind", [str, Path])
def test_a_dump_is_read_from_its_path(kind):
    text = jf.analyze_compiled((DUMPS / "cuda_fsdp.txt").read_text())()
    for name in ("cuda_fsdp.txt", "cuda_fsdp.pb"):
        assert jf.analyze_compiled(kind(DUMPS / name))().total == text.total
    assert (text.devices, text.memory, text.xla_reported) == (4, None, None)
    assert "no memory analysis: the module alone does not say what is held" in text.caveats[-2]
    assert text.caveats[-1] == "XLA reports no cost analysis of this program"
    assert "what one of 4 devices runs" in str(text)


def test_memory_is_what_the_compiler_plans():
    def update(w, g):
        return w - 0.1 * g

    args = jf.specs("f32[64,32]", "f32[64,32]")
    plain = jf.analyze_compiled(update)(*args).memory
    assert (plain.arguments, plain.outputs, plain.aliased) == (2 * 8192, 8192, 0)
    donated = jf.analyze_compiled(jax.jit(update, donate_argnums=0))(*args).memory
    assert (donated.arguments, donated.aliased) == (2 * 8192, 8192)
    assert donated.peak is None or donated.peak >= donated.arguments


@pytest.mark.parametrize(
    ("said", "reported"),
    [
        ({"flops": 3.0}, {"flops": 3.0}),
        ([{"flops": 3.0}], {"flops": 3.0}),
        ({}, {}),
        (None, None),
        ([], None),
        ("flops: 3", None),
        ({"flops": -1.0, "bytes accessed": 8.0}, {"flops": -1.0, "bytes accessed": 8.0}),
    ],
)
def test_xlas_dictionary_is_given_as_it_is(said, reported, monkeypatch):
    program = compiled()
    right = jf.analyze_compiled(program)()
    monkeypatch.setattr(type(program), "cost_analysis", lambda _: said)
    found = jf.analyze_compiled(program)()
    assert found.xla_reported == reported
    assert found.total == right.total
    assert json.loads(json.dumps(found.to_json()))["xla_reported"] == reported
    missing = [note for note in found.caveats if note.startswith("XLA reports")]
    if reported is None:
        assert missing == ["XLA reports no cost analysis of this program"]
    elif min(reported.values(), default=0) < 0:
        assert missing[0].startswith("XLA reports negative flops: it adds -1 for each call")
    else:
        assert missing == []
    assert str(found)


def test_a_backend_that_raises_reports_nothing(monkeypatch):
    def refuse(_):
        raise NotImplementedError

    program = compiled()
    monkeypatch.setattr(type(program), "cost_analysis", refuse)
    monkeypatch.setattr(type(program), "memory_analysis", refuse)
    found = jf.analyze_compiled(program)()
    assert (found.xla_reported, found.memory) == (None, None)


def test_an_open_loop_stays_a_symbol_until_it_is_given():
    args = jf.specs("f32[7]", "i32[]")
    found = jf.analyze_compiled(search)(*args)
    (name,) = found.symbols
    assert found.at(**{name: 3}).transcendentals == 3 * 7
    place = name.removeprefix("trips(").removesuffix(")")
    hinted = jf.analyze_compiled(search, trip_counts={place: 9})(*args)
    assert hinted.transcendentals == 9 * 7
    assert f"while at {place}: trip count given for {place!r}" in hinted.caveats
    with pytest.raises(jf.JaxflopsError, match=r"no loop at 'elsewhere.py:3'; .* are at: .*:"):
        jf.analyze_compiled(search, trip_counts={"elsewhere.py:3": 9})(*args)


UNKNOWN = """HloModule m
ENTRY main {
  x = f32[4]{0} parameter(0)
  y = f32[4]{0} custom-call(x), custom_call_target="nobody_knows"
  ROOT z = f32[4]{0} add(y, y)
}"""


def test_an_unknown_library_call_is_listed_and_refused_when_strict():
    found = jf.analyze_compiled(UNKNOWN)()
    assert [(item.name, item.times) for item in found.unknown] == [("nobody_knows", 1)]
    assert found.coverage == jf.polynomial.ratio(1, 2)
    assert found.flops == 4
    assert "1 x nobody_knows(f32[4]): no rule, so its FLOPs are not in the totals" in str(found)
    with pytest.raises(jf.UnknownCostError, match="nobody_knows"):
        jf.analyze_compiled(UNKNOWN, strict=True)()


def test_everything_is_in_the_json(tmp_path):
    found = jf.analyze_compiled(scanned)(*STACK)
    found.to_json(tmp_path / "compiled.json")
    data = json.loads((tmp_path / "compiled.json").read_text())
    assert data["summary"]["total"]["matmul_flops"] == 6 * PRODUCT
    assert data["memory"]["arguments"] == 4 * (6 * 8 * 8 + 4 * 8)
    assert data["provenance"]["function"] == "scanned"
    assert "<table>" in found._repr_html_()
    assert repr(found) == f"<CompiledAnalysis of scanned: {found.flops} FLOPs>"


WRONG = {
    "the arguments go in a second call: jf.analyze_compiled(fn, mode": lambda: jf.analyze_compiled(
        scanned, 1
    ),
    "jf.analyze_compiled got int; pass a function, jitted or not": lambda: jf.analyze_compiled(3)(),
    "a Compiled is read as it is": lambda: jf.analyze_compiled(compiled())(*STACK),
    "a module is read as it is": lambda: jf.analyze_compiled(UNKNOWN, mode="grad")(),
    "target='tpu' is not the backend at hand": lambda: jf.analyze_compiled(scanned, target="tpu")(
        *STACK
    ),
    "this was lowered for cuda, and only cpu can be compiled for here": lambda: jf.analyze_compiled(
        jax.jit(scanned).trace(*STACK).lower(lowering_platforms=("cuda",))
    )(),
    "scanned is compiled for numbers, and its sizes B are symbols": lambda: jf.analyze_compiled(
        scanned
    )(*jf.specs("f32[6,8,8]", "f32[B,8]")),
    "scanned does not trace: TypeError": lambda: jf.analyze_compiled(scanned)(STACK[0]),
    "cannot read the dump nosuch.txt": lambda: jf.analyze_compiled("nosuch.txt")(),
    "the open symbols are: none": lambda: jf.analyze_compiled(scanned)(*STACK).at(n=3),
}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_calls_say_what_to_write(message):
    with pytest.raises(jf.JaxflopsError) as raised:
        WRONG[message]()
    assert message in str(raised.value)


def test_the_waiting_object_says_how_to_call_it():
    waiting = repr(jf.analyze_compiled(scanned, mode="grad"))
    assert waiting == "<jf.analyze_compiled(scanned, mode='grad'): call it with its arguments>"
    assert "call it without arguments" in repr(jf.analyze_compiled(UNKNOWN))


@cache
def on_eight_devices():
    child = Path(__file__).with_name("mesh_child.py")
    done = subprocess.run([sys.executable, str(child)], capture_output=True, check=True, text=True)
    return json.loads(done.stdout)


def test_the_share_of_one_device_has_a_named_cause():
    ledgers = on_eight_devices()["ledgers"]
    mapped, squared = ledgers["mapped"], ledgers["squared"]
    product = 2 * 8 * 8 * 4  # of one device
    assert (mapped["counted"], mapped["lowered"]) == (3 * 8 * product, 3 * product)
    share = "one device's share of each shard_map, not that of all"
    assert ["counted to lowered", share, -3 * 7 * product] in mapped["rows"]
    whole = 3 * 2 * 16 * 32 * 8
    assert squared["counted"] == squared["lowered"] == whole
    assert squared["compiled"] == whole // 8
    ((step, cause, flops),) = squared["rows"]
    assert (step, flops) == ("lowered to compiled", -whole * 7 // 8)
    assert cause.startswith("one device's share, not that of all (pass spmd-")
    assert mapped["unexplained"] == squared["unexplained"] == 0


def test_elementwise_work_of_all_devices_has_a_row_for_their_share():
    found = on_eight_devices()["ledgers"]["parallel"]["elementwise"]
    hidden, out = 16 * 32, 16 * 8  # all devices' calls; the sum that each device makes its part of
    assert found["counted"] == [8 * out, hidden]
    assert found["lowered"] == found["compiled"] == [out, hidden // 8]
    (row,) = found["rows"]
    assert row["cause"] == "one device's share of each shard_map, not that of all"
    assert (row["flops"], row["transcendentals"]) == (-7 * out, -7 * hidden // 8)
    assert (row["explained"], found["unexplained"]) == (True, 0)


def test_collectives_by_axis_and_the_share_of_one_device():
    found = on_eight_devices()
    product, mapped = found["product"], found["mapped"]
    assert (product["devices"], product["matmul"]) == (8, 2 * 16 * 32 * 8 // 8)
    assert product["memory"] == 4 * (16 * 32 // 8 + 32 * 8 // 4)
    assert product["collectives"] == [["all-reduce", ["model"], 4 * 8 * 8, 1, 2]]
    loop = {
        (kind, *axes): (payload, times) for kind, axes, payload, times, _ in mapped["collectives"]
    }
    assert loop["collective-permute", "model"] == (4 * 8 * 4, 3)
    assert loop["all-gather", "data"] == (4 * 8 * 4, 3)
    assert loop["all-reduce", "data", "model"] == (4, 3)
    assert "what one of 8 devices runs" in mapped["text"]
    assert "collective-permute over model     3            384" in mapped["text"]
