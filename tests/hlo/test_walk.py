"""The tree of a module: what is counted of models is what lane 1 counts, to the last FLOP."""

import jax
import jax.numpy as jnp
import pytest

import jaxflops as jf
from jaxflops.cost import total
from jaxflops.errors import UnknownCostError
from jaxflops.hlo.context import Options
from jaxflops.hlo.module import read_module
from jaxflops.hlo.text import read_text
from jaxflops.hlo.walk import walk
from jaxflops.models import suite
from jaxflops.tree import Node
from jaxflops.views import by

SUITE = {name: (loss, args) for name, loss, args in suite("small")}
GRADIENTS = [
    "two_layer", "mlp-scan", "mlp-unrolled-remat", "resnet-remat", "transformer-scan-remat",
    "transformer-unrolled", "moe-scan-remat", "lstm-scan-remat", "vit-scan", "unet",
    "ssm-scan-remat", "transformer-gpt2",
]  # fmt: skip
FORWARD = ["mlp-scan", "transformer-scan", "moe-unrolled"]
PROGRAMS = [(name, "grad") for name in GRADIENTS] + [(name, "call") for name in FORWARD]
VIEWS = ("primitive", "scope", "source", "dtype", "kind", "phase")


def lowered(fn, *args) -> Node:
    return walk(read_module(jax.jit(fn).lower(*args)))


def contractions(tree: Node, key: str) -> dict[str, int]:
    costs = by(tree, key).items()
    return {label: cost.matmul_flops for label, cost in costs if cost.matmul_flops != 0}


@pytest.mark.parametrize(("name", "mode"), PROGRAMS)
def test_contractions_of_the_lowered_module_are_those_asked_for(name: str, mode: str) -> None:
    loss, args = SUITE[name]
    fn = jax.grad(loss, argnums=loss.argnums) if mode == "grad" else loss
    asked, tree = jf.analyze(fn)(*args).tree, lowered(fn, *args)
    assert tree.total.matmul_flops == asked.total.matmul_flops > 0
    assert tree.once().matmul_flops == asked.once().matmul_flops
    for view in ("phase", "scope", "source", "kind"):
        assert contractions(tree, view) == contractions(asked, view), view
    for view in VIEWS:
        assert total(by(tree, view).values()) == tree.total, view
    tree.check()


def scanned(w, x, unroll=1):
    def body(h, wi):
        return jnp.tanh(h @ wi), None

    return jnp.sum(jax.lax.scan(body, x, w, unroll=unroll)[0])


STACK = jf.specs("f32[6,8,8]", "f32[4,8]")
PRODUCT = 6 * 2 * 4 * 8 * 8


@pytest.mark.parametrize("unroll", [1, 2, 4, 6])
def test_a_loop_is_its_trips_times_its_body(unroll: int) -> None:
    tree = lowered(lambda w, x: scanned(w, x, unroll), *STACK)
    assert tree.total.matmul_flops == PRODUCT
    assert tree.total.transcendentals == 6 * 4 * 8
    copies = unroll + 6 % unroll
    assert tree.once().matmul_flops == PRODUCT * copies // 6


def test_the_condition_of_a_loop_runs_once_more() -> None:
    tree = lowered(lambda x: jax.lax.fori_loop(0, 5, lambda i, x: x + 1.0, x), *jf.specs("f32[3]"))
    (loop,) = [node for node in tree.children if node.label == "while"]
    cond, body = loop.children
    assert (cond.label, cond.times, body.times) == ("cond", 6, 5)
    assert by(tree, "primitive")["compare"].int_ops == 6
    assert tree.total.other_flops == 5 * 3


def counting(x, n):
    return jax.lax.while_loop(
        lambda c: c[0] < n, lambda c: (c[0] + 1, jnp.sin(c[1])), (0, x)
    )  # one trip count the program does not say


def test_an_open_loop_stays_a_symbol_of_its_line() -> None:
    args = jf.specs("f32[7]", "i32[]")
    tree, asked = lowered(counting, *args), jf.analyze(counting)(*args)
    name = next(iter(asked.symbols))
    assert name.startswith("trips(test_walk.py:")
    assert tree.total.transcendentals == asked.transcendentals
    assert tree.total.at(**{name: 3}).transcendentals == 3 * 7
    place = name.removeprefix("trips(").removesuffix(")")
    hinted = walk(read_module(jax.jit(counting).lower(*args)), Options(trip_counts=((place, 9),)))
    assert hinted.total.transcendentals == 9 * 7


def test_two_open_loops_on_a_line_are_two_symbols() -> None:
    args = jf.specs("f32[7]", "i32[]", "i32[]")
    tree = lowered(lambda x, n, m: (counting(x, n), counting(x, m)), *args)
    assert len(tree.total.transcendentals.symbols) == 2


def switched(x, i):
    return jax.lax.switch(i, [lambda x: x @ x, jnp.sin, lambda x: x], x)


@pytest.mark.parametrize(
    ("policy", "matmul", "sines"), [("max", 432, 0), ("min", 0, 0), ("sum", 432, 36), (1, 0, 36)]
)
def test_one_branch_of_a_choice_is_counted(policy, matmul: int, sines: int) -> None:
    module = read_module(jax.jit(switched).lower(*jf.specs("f32[6,6]", "i32[]")))
    tree = walk(module, Options(branch=policy))
    assert (tree.total.matmul_flops, tree.total.transcendentals) == (matmul, sines)
    assert (tree.once().matmul_flops, tree.once().transcendentals) == (432, 36)


def test_a_predicate_selects_branch_0_when_false() -> None:
    text = """HloModule m
    yes { x = f32[4]{0} parameter(0)  ROOT s = f32[4]{0} sine(x) }
    no { x = f32[4]{0} parameter(0)  ROOT a = f32[4]{0} add(x, x) }
    ENTRY main {
      p = pred[] parameter(0)
      x = f32[4]{0} parameter(1)
      ROOT c = f32[4]{0} conditional(p, x, x), true_computation=yes, false_computation=no
    }"""
    lines = text.replace("{ x", "{\n x").replace(")  ROOT", ")\n ROOT").replace(") }", ")\n}")
    module = read_text(lines)
    assert walk(module, Options(branch=0)).total.other_flops == 4
    assert walk(module, Options(branch=1)).total.transcendentals == 4


def test_a_function_lowered_once_is_walked_once() -> None:
    layer = jax.jit(lambda h, w: jnp.tanh(h @ w))

    def loss(w, h):
        for _ in range(50):
            h = layer(h, w)
        return jnp.sum(h)

    args = jf.specs("f32[8,8]", "f32[4,8]")
    tree = lowered(jax.grad(loss), *args)
    asked = jf.analyze(loss, mode="grad")(*args)
    assert contractions(tree, "phase") == contractions(asked.tree, "phase")
    assert len({id(n.children) for n in tree.children if n.label == "call"}) <= 8


def test_update_is_unmarked_work_on_gradients() -> None:
    def train(w, x):
        def step(w, _):
            x2 = x * 2  # before any gradient
            return w - 0.1 * jax.grad(scanned)(w, x2), None

        return jax.lax.scan(step, w, None, length=5)[0]

    tree, asked = lowered(train, *STACK), jf.analyze(train)(*STACK)
    phases = by(tree, "phase")
    assert phases["update"].other_flops == 5 * 2 * 6 * 8 * 8 == asked.update.other_flops
    assert contractions(tree, "phase") == contractions(asked.tree, "phase")


def test_an_unknown_opcode_is_listed_and_refused_when_strict() -> None:
    text = """HloModule m
    ENTRY main {
      x = f32[4]{0} parameter(0)
      ROOT y = f32[4]{0} quux(x)
    }"""
    module = read_text(text)
    (leaf,) = walk(module).children
    assert (leaf.label, leaf.state, leaf.own.bytes) == ("quux", "unknown", 32)
    assert leaf.notes == ("quux(f32[4]): no rule, so its FLOPs are not in the totals",)
    with pytest.raises(UnknownCostError, match=r"quux\(f32\[4\]\): no rule"):
        walk(module, Options(strict=True))
