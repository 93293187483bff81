"""JSON: everything comes back exactly, and damage is found."""

import contextlib
import copy
import json
import pickle
import random

import jax
import jax.numpy as jnp
import pytest
from jax.extend.core import Primitive

import jaxflops as jf
from jaxflops import coverage, views
from jaxflops.models import mlp, transformer, two_layer
from jaxflops.views import Key

KEYS = Key.__args__
mystery = Primitive("mystery")
mystery.def_abstract_eval(lambda x: x)


def branches(flag, x):
    return jax.lax.cond(flag > 0, lambda v: v @ v, lambda v: mystery.bind(v) + 1.0, x)


def loops(x, n):
    with jax.named_scope("outer"):
        return jax.lax.fori_loop(0, n, lambda i, v: jnp.sin(v) @ v, x)


def unrolled(x, w):
    return jax.lax.scan(lambda h, _: (h @ w, None), x, length=8, unroll=2)[0]


def repeated(x, w):
    layer = jax.jit(lambda h: jnp.tanh(h @ w))
    for _ in range(50):
        x = layer(x)
    return x.sum()


CASES = {
    "symbols": (two_layer, {"mode": "grad", "argnums": (0, 1, 2)}, two_layer.example_args()),
    "scan": (transformer.with_preset("tiny"), {"mode": "value_and_grad"}, None),
    "branches": (branches, {}, jf.specs("i32[]", "f32[4,4]")),
    "loops": (loops, {}, jf.specs("f32[4,4]", "i32[]")),
    "unrolled": (unrolled, {}, jf.specs("f32[2,3]", "f32[3,3]")),
    "repeated": (repeated, {"mode": "grad"}, jf.specs("f32[2,3]", "f32[3,3]")),
    "more than a double holds": (mlp.with_config(width=10**9 + 7), {}, None),
    "nothing": (lambda x: x, {}, jf.specs("f32[3]")),
}


def analyzed(name):
    fn, options, args = CASES[name]
    return jf.analyze(fn, **options)(*(fn.example_args() if args is None else args))


@pytest.mark.parametrize("name", CASES)
def test_everything_comes_back(name, tmp_path):
    path = tmp_path / "analysis.json"
    before = analyzed(name)
    data = before.to_json(path)
    after = jf.load(path)
    assert after.to_json() == data == json.loads(path.read_text(encoding="utf-8"))
    assert str(after) == str(before)
    assert after._repr_html_() == before._repr_html_()
    assert after.total == before.total
    assert after.provenance == before.provenance
    assert after.derivation == before.derivation
    for key in KEYS:
        assert list(after.by(key).items()) == list(before.by(key).items())
    for attribute in ("unknown", "coverage", "caveats", "interval", "symbols", "bytes_unfused"):
        assert getattr(after, attribute) == getattr(before, attribute)
    assert after.tree.once() == before.tree.once()
    after.tree.check()


@pytest.mark.parametrize("name", CASES)
def test_an_analysis_is_pickled_as_its_json(name):
    before = analyzed(name)
    after = pickle.loads(pickle.dumps(before))
    assert after.to_json() == before.to_json()
    assert str(after) == str(before)
    assert list(after.by("source").items()) == list(before.by("source").items())


def test_what_was_chosen_for_reports_is_pickled_too():
    before = analyzed("symbols").printed_in("MACs").at(B=4)
    after = pickle.loads(pickle.dumps(before))
    assert (after.unit, str(after), after.at(D=3, K=5).flops) == (
        "MACs", str(before), before.at(D=3, K=5).flops,
    )  # fmt: skip


def test_a_copy_of_an_analysis_is_itself():
    analysis = analyzed("scan")
    assert copy.copy(analysis) is copy.deepcopy(analysis) is analysis
    assert copy.deepcopy({"step": [analysis]})["step"][0] is analysis


def poisson(key):
    return jax.random.poisson(key, 3.0, (4,))  # library code that has no line of its own


@pytest.mark.parametrize("again", [copy.deepcopy, lambda tree: pickle.loads(pickle.dumps(tree))])
def test_a_tree_is_copied_and_pickled_with_its_sources(again):
    before = jf.analyze(poisson)(jax.eval_shape(lambda: jax.random.key(0)))
    tree = again(before.tree)
    tree.check()
    assert views.by(tree, "source") == before.by("source")
    loaded = jf.load(before.to_json()).tree
    places = [
        {(leaf.site.source.file, leaf.site.source.line) for leaf in each.leaves()}
        for each in (before.tree, tree, loaded)
    ]
    assert places[0] == places[1] == places[2] == {(__file__, poisson.__code__.co_firstlineno + 1)}


def test_symbols_can_be_given_after_reading():
    before = analyzed("symbols")
    after = jf.load(before.to_json()).at(B=2, D=3)
    assert after.by("source") == before.at(B=2, D=3).by("source")
    assert jf.load(after.to_json()).at(K=5).total == before.at(B=2, D=3, K=5).total


def test_giving_sizes_changes_no_row():
    def stack(ws, x):
        return jax.lax.scan(lambda h, w: (h @ w, None), x, ws)[0]

    before = jf.analyze(stack)(*jf.specs("f32[4,D,D]", "f32[B,D]"))
    assert list(before.by("primitive")) == list(before.at(D=3).by("primitive")) == ["dot_general"]
    twice = before.at(D=3).at(B=2)
    assert twice.provenance.conventions["sizes"] == "D=3, B=2"
    assert twice.flops == 4 * 2 * 2 * 3 * 3


def test_shared_subtrees_stay_shared():
    before = analyzed("repeated")
    after = jf.load(before.to_json())
    distinct = len(list(coverage.distinct(after.tree)))
    assert distinct <= len(list(coverage.distinct(before.tree)))
    assert len(before.to_json()["tree"]["nodes"]) == distinct
    assert distinct < sum(1 for _ in before.tree.leaves())  # 50 layers, one of them written out


def test_counts_above_2_to_the_53_are_decimal_strings():
    data = analyzed("more than a double holds").to_json()
    assert int(data["summary"]["total"]["matmul_flops"]) > 2**53
    assert isinstance(data["summary"]["total"]["matmul_flops"], str)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no JSON"),
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[1, 2]", "is no analysis: give a file that analysis.to_json(path) wrote"),
        ('{"format": "other"}', "is no analysis"),
        (
            '{"format": "jaxflops.analysis", "version": 2}',
            "has version 2 of the format and this jaxflops reads 1: write it again with this one",
        ),
        (
            '{"format": "jaxflops.analysis", "version": 1}',
            "is damaged (no 'tree'); write it again with analysis.to_json(path)",
        ),
    ],
)
def test_other_files_are_refused(text, message, tmp_path):
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(jf.JaxflopsError) as error:
        jf.load(path)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)


def test_a_missing_or_binary_file(tmp_path):
    with pytest.raises(jf.JaxflopsError, match=r"cannot read .*nosuch.json: No such file"):
        jf.load(tmp_path / "nosuch.json")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(jf.JaxflopsError, match="is no JSON"):
        jf.load(tmp_path / "binary")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(share, tmp_path):
    path = tmp_path / "cut.json"
    analyzed("symbols").to_json(path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: int(len(text) * share)], encoding="utf-8")
    with pytest.raises(jf.JaxflopsError, match="is no JSON"):
        jf.load(path)


def test_a_changed_count_is_found():
    data = analyzed("scan").to_json()
    rows = data["tree"]["costs"]
    for row in rows[:: len(rows) // 10]:
        for field, count in row.items():
            changed = copy.deepcopy(data)
            changed["tree"]["costs"][rows.index(row)][field] = count + 1
            with pytest.raises(jf.JaxflopsError, match="its tree does not add up to its total"):
                jf.load(changed)


def test_a_row_that_is_none_is_refused():
    data = analyzed("symbols").to_json()
    data["tree"]["nodes"][-1]["children"][0] = -1
    with pytest.raises(jf.JaxflopsError, match=r"is damaged \(-1 is no row\)"):
        jf.load(data)


def places(data, path=()):
    """The path of everything in nested data."""
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, (dict, list)):
            yield from places(value, (*path, key))


def test_damage_never_leaves_as_another_error():
    data = analyzed("branches").to_json()
    every = list(places(data))
    dice = random.Random(0)
    loaded = 0
    for _ in range(400):
        damaged = copy.deepcopy(data)
        *way, last = dice.choice(every)
        inner = damaged
        for key in way:
            inner = inner[key]
        if dice.random() < 0.3:
            del inner[last]
        else:
            inner[last] = dice.choice([None, -1, 10**6, 1.5, "x", [], {}, [[1]], True])
        with contextlib.suppress(jf.JaxflopsError):
            result = jf.load(damaged)
            loaded += 1
            str(result)
            result.tree.check()
    assert loaded < 300


@pytest.mark.parametrize("number", ["1/0", {"floordiv": [1, 0]}], ids=str)
def test_a_division_by_zero_is_damage(number):
    data = jf.analyze(jnp.sum)(*jf.specs("f32[N]")).to_json()
    (row,) = [row for row in data["tree"]["costs"] if "other_flops" in row]
    row["other_flops"] = number if isinstance(number, str) else [[1, [[number, 1]]]]
    with pytest.raises(jf.JaxflopsError, match="is damaged"):
        jf.load(data)
