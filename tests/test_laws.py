"""The laws of the tree, over every shipped model: forward, gradient, scan, remat."""

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import pytest

import jaxflops as jf
from jaxflops.cost import ZERO, total
from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.walk import walk
from jaxflops.models import suite
from jaxflops.tree import PHASES

SUITE = {name: (loss, args) for name, loss, args in suite("small")}
MODES = ("call", "grad", "value_and_grad", "vjp")
VIEWS = ("primitive", "scope", "source", "dtype", "kind", "phase")

every_model = pytest.mark.parametrize("name", SUITE)


@cache
def count(name: str, mode: str = "call") -> jf.Analysis:
    loss, args = SUITE[name]
    return jf.analyze(loss, mode=mode, argnums=loss.argnums)(*args)


@every_model
@pytest.mark.parametrize("mode", MODES)
def test_each_view_sums_to_the_total(name: str, mode: str) -> None:
    analysis = count(name, mode)
    assert analysis.flops > 0
    for view in VIEWS:
        assert total(analysis.by(view).values()) == analysis.total, view
    analysis.tree.check()


@every_model
def test_phases_sum_to_the_total(name: str) -> None:
    analysis = count(name, "value_and_grad")
    assert total(analysis.phase(phase) for phase in PHASES) == analysis.total
    assert analysis.update == ZERO


@every_model
def test_leaves_sum_to_the_total(name: str) -> None:
    analysis = count(name, "value_and_grad")
    assert total(leaf.node.own * leaf.times for leaf in analysis.tree.leaves()) == analysis.total


@every_model
def test_nothing_is_unknown(name: str) -> None:
    analysis = count(name, "value_and_grad")
    assert analysis.unknown == []
    assert analysis.coverage == 1


@every_model
def test_jit_is_transparent(name: str) -> None:
    loss, args = SUITE[name]
    assert jf.analyze(jax.jit(loss))(*args).total == count(name).total
    for mode in ("value_and_grad", "vjp"):
        inside = jf.analyze(jax.jit(loss), mode=mode, argnums=loss.argnums)(*args)
        assert inside.total.matmul_flops == count(name, mode).total.matmul_flops


@every_model
def test_forward_contractions_are_those_of_the_function(name: str) -> None:
    assert count(name, "value_and_grad").forward.matmul_flops == count(name).matmul_flops


@every_model
def test_transforming_by_hand_changes_nothing(name: str) -> None:
    loss, args = SUITE[name]
    by_hand = jf.analyze(jax.value_and_grad(loss, argnums=loss.argnums))(*args)
    assert by_hand.total == count(name, "value_and_grad").total
    for phase in PHASES:
        assert by_hand.phase(phase) == count(name, "value_and_grad").phase(phase)


@every_model
def test_an_outer_batch_multiplies_the_contractions(name: str) -> None:
    """Every operand is batched, so `vmap` multiplies."""
    loss, args = SUITE[name]
    if any(primitive in count(name).by("primitive") for primitive in ("cond", "while")):
        pytest.skip("data-dependent control flow")
    wide = jax.tree.map(lambda x: jax.ShapeDtypeStruct((3, *x.shape), x.dtype), args)
    assert jf.analyze(jax.vmap(loss))(*wide).matmul_flops == 3 * count(name).matmul_flops


def stack(unroll: int, *, remat: bool) -> Callable[..., Any]:
    def loss(w: Any, x: Any) -> Any:
        def body(h: Any, wi: Any) -> Any:
            return jnp.tanh(h @ wi), None

        layer = jax.checkpoint(body) if remat else body
        return jnp.sum(jax.lax.scan(layer, x, w, unroll=unroll)[0])

    return loss


STACK = jf.specs("f32[6,8,8]", "f32[4,8]")
PRODUCT = 6 * 2 * 4 * 8 * 8


@pytest.mark.parametrize("unroll", [1, 2, 4, 6])
def test_a_scan_is_its_length_times_its_body(unroll: int) -> None:
    analysis = jf.analyze(stack(unroll, remat=False))(*STACK)
    assert analysis.matmul_flops == PRODUCT
    assert analysis.total == jf.analyze(stack(1, remat=False))(*STACK).total


@pytest.mark.parametrize(("unroll", "copies"), [(1, 1), (2, 2), (4, 4 + 2), (6, 6), (8, 6)])
def test_once_counts_a_body_as_often_as_lowering_writes_it(unroll: int, copies: int) -> None:
    analysis = jf.analyze(stack(unroll, remat=False))(*STACK)
    assert analysis.tree.once().matmul_flops == copies * PRODUCT // 6


def test_remat_changes_only_recompute() -> None:
    plain = jf.analyze(stack(1, remat=False), mode="value_and_grad")(*STACK)
    remat = jf.analyze(stack(1, remat=True), mode="value_and_grad")(*STACK)
    assert plain.recompute == ZERO
    assert remat.recompute.matmul_flops == PRODUCT
    assert remat.forward.matmul_flops == plain.forward.matmul_flops == PRODUCT
    assert remat.backward.matmul_flops == plain.backward.matmul_flops
    assert remat.matmul_flops == plain.matmul_flops + PRODUCT


def test_grad_mode_lets_dead_forward_work_go() -> None:
    """The gradient of a rematerialised function never needs its forward product."""
    loss = jax.checkpoint(lambda w, x: jnp.sum(jnp.tanh(x @ w)))
    analysis = jf.analyze(loss, mode="grad")(*jf.specs("f32[8,8]", "f32[4,8]"))
    assert analysis.forward.matmul_flops == 0
    assert analysis.recompute.matmul_flops == analysis.backward.matmul_flops == 2 * 4 * 8 * 8
    with pytest.raises(jf.JaxflopsError, match="value_and_grad"):
        _ = analysis.ratio


def test_update_is_what_depends_on_gradients() -> None:
    loss = stack(1, remat=False)

    def step(w: Any, x: Any) -> Any:
        x = x * 2  # preprocessing: unmarked, and before any gradient
        value, gradient = jax.value_and_grad(loss)(w, x)
        return value, w - 0.1 * gradient

    for fn in (step, jax.jit(step)):
        analysis = jf.analyze(fn)(*STACK)
        assert analysis.update.other_flops == 2 * 6 * 8 * 8
        assert analysis.update.matmul_flops == 0
        scaled = (
            analysis.forward.other_flops
            - jf.analyze(loss, mode="value_and_grad")(*STACK).forward.other_flops
        )
        assert scaled == 4 * 8


def test_a_training_loop_keeps_its_phases() -> None:
    """The parameters depend on gradients from the second step on; the marks still decide."""
    loss = stack(1, remat=False)

    def train(w: Any, x: Any) -> Any:
        def step(w: Any, _: Any) -> Any:
            return w - 0.1 * jax.grad(loss)(w, x), None

        return jax.lax.scan(step, w, None, length=5)[0]

    analysis = jf.analyze(train)(*STACK)
    one = jf.analyze(loss, mode="grad")(*STACK)
    assert analysis.forward.matmul_flops == 5 * one.forward.matmul_flops
    assert analysis.backward.matmul_flops == 5 * one.backward.matmul_flops
    assert analysis.update.other_flops == 5 * 2 * 6 * 8 * 8


def test_a_carry_that_depends_on_a_gradient_only_later_is_update() -> None:
    """Weight decay reads the initial weights in the first step, updated ones in every other."""

    def train(w: Any, x: Any) -> Any:
        def step(w: Any, _: Any) -> Any:
            return w * 0.99 - 0.1 * jax.grad(stack(1, remat=False))(w, x), None

        return jax.lax.scan(step, w, None, length=5)[0]

    analysis = jf.analyze(train)(*STACK)
    assert analysis.update.other_flops == 5 * 3 * 6 * 8 * 8


def test_a_solve_with_a_gradient_is_update() -> None:
    """Its constants are told apart: those of `matvec` come before those of `solve`."""

    def step(a: Any, w: Any, b: Any) -> Any:
        g = jax.grad(lambda w: jnp.sum(w**3))(w)
        return jax.lax.custom_linear_solve(lambda v: a @ v, b, lambda _, y: g @ y)

    analysis = jf.analyze(step)(*jf.specs("f32[8,8]", "f32[8,8]", "f32[8]"))
    assert analysis.update.matmul_flops == 2 * 8 * 8
    assert analysis.forward.matmul_flops == 0


def test_a_loop_in_a_shared_function_keeps_its_trips_in_every_view() -> None:
    @jax.jit
    def loop(x: Any) -> Any:
        return jax.lax.scan(lambda c, _: (c @ c, None), x, None, length=3)[0]

    analysis = jf.analyze(lambda x: loop(x) + loop(x * 2))(jf.spec("f32[8,8]"))
    assert analysis.matmul_flops == 2 * 3 * 2 * 8**3
    for view in VIEWS:
        assert total(analysis.by(view).values()) == analysis.total, view


def test_equal_shapes_do_not_make_equal_costs() -> None:
    """What an operation costs may lie in a parameter, or in its result alone."""

    def powers(x: Any) -> Any:
        return jax.lax.integer_pow(x, 2) + jax.lax.integer_pow(x, 4)

    assert jf.analyze(powers)(jf.spec("f32[8]")).total.other_flops == 8 * (1 + 2 + 1)

    def sums(x: Any) -> Any:
        return jnp.sum(x, 0), jnp.sum(x, 1)

    assert jf.analyze(sums)(jf.spec("f32[4,5]")).total.other_flops == (20 - 5) + (20 - 4)


def test_a_shared_layer_is_walked_once() -> None:
    @jax.jit
    def layer(h: Any, w: Any) -> Any:
        return jnp.tanh(h @ w)

    def loss(w: Any, h: Any) -> Any:
        for _ in range(200):
            h = layer(h, w)
        return jnp.sum(h)

    args = jf.specs("f32[8,8]", "f32[4,8]")
    analysis = jf.analyze(loss, mode="value_and_grad")(*args)
    assert analysis.forward.matmul_flops == 200 * 2 * 4 * 8 * 8
    bodies = {id(node.children) for node in analysis.tree.children if node.label in ("jit", "pjit")}
    assert len(bodies) <= 4


def test_a_mutated_total_is_caught() -> None:
    analysis = count(next(iter(SUITE)))
    child = analysis.tree.children[0]
    wrong = child._replace(total=child.total + jf.Cost(other_flops=1))
    broken = analysis.tree._replace(children=(wrong, *analysis.tree.children[1:]))
    with pytest.raises(AssertionError, match="stored"):
        broken.check()


def test_walking_an_open_or_a_closed_jaxpr_is_the_same() -> None:
    closed = jax.make_jaxpr(stack(2, remat=True))(*STACK)
    assert walk(closed).total == walk(_jax.open_jaxpr(closed)).total
