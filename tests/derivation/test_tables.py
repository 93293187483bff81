"""What the derivation says of networks whose derivation is known by hand."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax import lax
from programs import CASES, ends_in_a_product, hand_written_attention, two_directions

import jaxflops as jf
from jaxflops.jaxpr.derivation import Derivation
from jaxflops.models import two_layer

SYMBOLS = jf.specs("f32[B,D]", "f32[D,D]", "f32[D,K]")
BDD, BDK = "2·B·D²", "2·B·D·K"


def rows(derivation: Derivation) -> list[tuple[str, str, str, str]]:
    return [(row.phase, row.form, str(row.flops), row.forward) for row in derivation]


TABLE = [
    ("forward", "h1 = x @ w1", BDD, "h1"),
    ("forward", "h2 = h1 @ w2", BDK, "h2"),
    ("backward", "w2.grad = h1.T @ h2.grad", BDK, "h2"),
    ("backward", "h1.grad = h2.grad @ w2.T", BDK, "h2"),
    ("backward", "w1.grad = x.T @ h1.grad", BDD, "h1"),
]


@pytest.mark.parametrize("mode", ["grad", "value_and_grad"])
def test_the_two_layer_network(mode: str) -> None:
    derivation = jf.analyze(two_layer, mode=mode, argnums=(1, 2))(*SYMBOLS).derivation
    assert rows(derivation) == TABLE
    assert str(derivation.flops("forward")) == "2·B·D² + 2·B·D·K"
    assert str(derivation.flops("backward")) == "2·B·D² + 4·B·D·K"
    assert str(derivation.ratio) == "(D + 2·K)/(D + K)"


def test_the_input_gradient_is_there_when_asked_for() -> None:
    derivation = jf.analyze(two_layer, mode="grad", argnums=(0, 1, 2))(*SYMBOLS).derivation
    assert rows(derivation) == [*TABLE, ("backward", "x.grad = h1.grad @ w1.T", BDD, "h1")]
    assert derivation.ratio == 2


def test_the_loss_is_apart() -> None:
    derivation = jf.analyze(two_layer, mode="grad", argnums=(0, 1, 2))(*SYMBOLS).derivation
    assert derivation.total.matmul_flops == derivation.flops()
    assert str(derivation.total.other_flops) == "2·B·K + 2"
    assert "elementwise and reductions: 2·B·K + 2 FLOPs" in str(derivation)


def unrolled(ws: Any, x: Any) -> Any:
    for w in ws:
        h = x @ w
        x = jnp.tanh(h)
    return jnp.sum(x)


@pytest.mark.parametrize("layers", [1, 2, 5])
@pytest.mark.parametrize(("argnums", "first"), [((0,), 1), ((0, 1), 2)])
def test_each_unrolled_layer_is_one_forward_and_two_backward(
    layers: int, argnums: Any, first: int
) -> None:
    args = jf.specs(["f32[8,8]"] * layers, "f32[4,8]")
    derivation = jf.analyze(unrolled, mode="value_and_grad", argnums=argnums)(*args).derivation
    forward = [row.name for row in derivation.phase("forward")]
    assert forward == ["h", *(f"h#{n}" for n in range(2, layers + 1))]
    products = [
        sum(row.forward == name for row in derivation.phase("backward")) for name in forward
    ]
    assert products == [first, *[2] * (layers - 1)]
    assert derivation.ratio == jf.ratio(2 * layers - 2 + first, layers)
    for n in range(layers):
        (weight,) = (row for row in derivation if row.name == f"ws[{n}].grad")
        assert weight.forward == forward[n]


@pytest.mark.parametrize("remat", [False, True])
def test_a_scanned_stack_is_a_row_for_each_product_of_its_body(remat: bool) -> None:
    def loss(ws: Any, x: Any) -> Any:
        def layer(h: Any, w: Any) -> Any:
            h = jnp.tanh(h @ w)
            return h, None

        return jnp.sum(lax.scan(jax.checkpoint(layer) if remat else layer, x, ws)[0])

    args = jf.specs("f32[L,D,D]", "f32[B,D]")
    derivation = jf.analyze(loss, mode="value_and_grad")(*args).derivation
    forward = ("h'[i] = h[i-1] @ ws[i]", "2·B·D²·L", "h'[i]")
    again = [("recompute", *forward)] if remat else []
    assert rows(derivation) == [
        ("forward", *forward),
        *again,
        ("backward", "ws[i].grad = h[i-1].T @ h'[i].grad", "2·B·D²·L", "h'[i]"),
        ("backward", "h[i-1].grad = h'[i].grad @ ws[i].T", "2·B·D²·L", "h'[i]"),
    ]
    assert {str(row.times) for row in derivation} == {"L"}
    assert derivation.ratio == 2


def test_a_hand_written_backward_is_listed_as_its_own() -> None:
    @jax.custom_vjp
    def matmul(x: Any, w: Any) -> Any:
        return x @ w

    matmul.defvjp(
        lambda x, w: (x @ w, (x, w)),
        lambda saved, g: (g @ saved[1].T, (saved[0].T @ g) @ jnp.eye(5)),
    )

    def loss(x: Any, w: Any) -> Any:
        y = matmul(x, w)
        return jnp.sum(y * y)

    args = jf.specs("f32[3,4]", "f32[4,5]")
    derivation = jf.analyze(loss, mode="value_and_grad", argnums=(0, 1))(*args).derivation
    backward = derivation.phase("backward")
    assert len(backward) == 3
    assert all(row.own_backward for row in backward)
    assert not any(row.own_backward for row in derivation.phase("forward"))


def test_shapes_stand_in_the_order_of_the_form() -> None:
    def loss(w: Any, x: Any) -> Any:
        y = w @ x.T
        return jnp.sum(y**2)

    args = jf.specs("f32[5,4]", "f32[7,4]")
    derivation = jf.analyze(loss, mode="grad", argnums=(0, 1))(*args).derivation
    assert {row.form: row.shapes for row in derivation} == {
        "y = w @ x.T": ((5, 4), (7, 4), (5, 7)),
        "x.grad = y.grad.T @ w": ((5, 7), (5, 4), (7, 4)),
        "w.grad = y.grad @ x": ((5, 7), (7, 4), (5, 4)),
    }


def test_sizes_and_json() -> None:
    derivation = jf.analyze(two_layer, mode="grad", argnums=(1, 2))(*SYMBOLS).derivation
    assert derivation.at(B=2, D=3, K=5).flops() == 4 * 2 * 9 + 6 * 2 * 3 * 5
    assert Derivation.from_json(derivation.to_json()) == derivation


def program(fn: Any) -> Derivation:
    case = next(case for case in CASES if case.fn is fn)
    return jf.analyze(case.fn, **case.how)(*case.args).derivation


def test_a_hand_written_backward_may_transpose_the_cotangent() -> None:
    own = {row.form: row.forward for row in program(hand_written_attention) if row.own_backward}
    assert own["k.grad = scores.grad.T @ q"] == "scores"
    assert all(own.values())


def test_slices_of_one_array_have_one_name_in_every_loop() -> None:
    forms = [row.form for row in program(two_directions)]
    assert sum("xs[i]" in form for form in forms) == 4
    assert not any(" x[i]" in form for form in forms)


def test_both_transposes_read_the_cotangent_of_a_loss_that_is_a_product() -> None:
    terms = [row for row in program(ends_in_a_product) if row.name == "r.grad"]
    assert [row.form.split()[1] for row in terms] == ["+=", "+="]
