"""`jf.analyze`: modes, arguments, inputs it takes, and the messages for what it does not."""

import copy
import functools
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import jaxflops as jf

X, W = jf.specs("f32[4,8]", "f32[8,3]")
PRODUCT = 2 * 4 * 8 * 3


def product(x: Any, w: Any) -> Any:
    return x @ w


def loss(x: Any, w: Any) -> Any:
    return jnp.sum(x @ w)


@pytest.mark.parametrize(
    ("mode", "argnums", "products"),
    [
        ("call", 0, 1),
        ("grad", 0, 1),
        ("grad", 1, 1),
        ("grad", (0, 1), 2),
        ("value_and_grad", 0, 2),
        ("value_and_grad", (0, 1), 3),
        ("vjp", (0, 1), 2),
    ],
)
def test_products_in_each_mode(mode: str, argnums: Any, products: int) -> None:
    """A linear function's gradient and pullback need no forward product: it is dead."""
    analysis = jf.analyze(loss, mode=mode, argnums=argnums)(X, W)
    assert analysis.matmul_flops == products * PRODUCT


def test_vjp_takes_functions_of_any_output() -> None:
    def two(x: Any, w: Any) -> Any:
        h = jnp.tanh(x @ w)
        return {"h": h, "norm": jnp.sum(h * h)}

    analysis = jf.analyze(two, mode="vjp", argnums=(0, 1))(X, W)
    assert analysis.forward.matmul_flops == PRODUCT
    assert analysis.backward.matmul_flops == 2 * PRODUCT
    assert [a.split(":")[0] for a in analysis.provenance.arguments] == [
        "cotangent['h']",
        "cotangent['norm']",
        "x",
        "w",
    ]


def test_has_aux() -> None:
    def with_aux(x: Any, w: Any) -> Any:
        h = x @ w
        return jnp.sum(h), {"h": h}

    for mode in ("grad", "value_and_grad", "vjp"):
        analysis = jf.analyze(with_aux, mode=mode, argnums=1, has_aux=True)(X, W)
        assert analysis.backward.matmul_flops == PRODUCT


def test_static_arguments_and_keywords() -> None:
    def power(n: int, x: Any, *, scale: Any) -> Any:
        for _ in range(n):
            x = x @ x
        return jnp.sum(x * scale)

    square, scale = jf.specs("f32[8,8]", "f32[]")
    forward = jf.analyze(power, static_argnums=0)(3, square, scale=scale)
    assert forward.matmul_flops == 3 * 2 * 8**3
    gradient = jf.analyze(power, mode="grad", argnums=1, static_argnums=(0,))
    assert gradient(3, square, scale=scale).backward.matmul_flops == 3 * 2 * 2 * 8**3
    pullback = jf.analyze(power, mode="vjp", argnums=1, static_argnums=(0,))
    assert pullback(3, square, scale=scale).backward.matmul_flops == 3 * 2 * 2 * 8**3


def test_a_jitted_function_keeps_its_own_static_arguments() -> None:
    @functools.partial(jax.jit, static_argnames="n")
    def power(x: Any, n: int) -> Any:
        for _ in range(n):
            x = x @ x
        return x

    assert jf.analyze(power)(jf.spec("f32[8,8]"), n=2).matmul_flops == 2 * 2 * 8**3


def test_what_it_takes() -> None:
    """A function, jitted or partial; numpy and JAX arrays; Traced; a jaxpr, closed or open."""
    zeros = np.zeros((4, 8), np.float32)
    traced = jax.jit(product).trace(X, W)
    closed = jax.make_jaxpr(product)(X, W)
    counted = [
        jf.analyze(product)(X, W),
        jf.analyze(jax.jit(product))(X, W),
        jf.analyze(functools.partial(product, zeros))(W),
        jf.analyze(product)(zeros, jnp.zeros((8, 3))),
        jf.analyze(lambda tree: tree["x"] @ tree["w"])({"x": X, "w": W}),
        jf.analyze(traced)(),
        jf.analyze(closed)(),
        jf.analyze(lambda w: jnp.asarray(zeros) @ w)(W),
    ]
    assert {a.matmul_flops for a in counted} == {PRODUCT}
    assert [a.ratio for a in counted] == [0] * len(counted)


def test_nothing_is_allocated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two terabytes of weights: only shapes may exist."""
    huge = jf.spec("f32[700000,700000]")
    before = len(jax.live_arrays())
    analysis = jf.analyze(lambda w, x: jnp.sum(jnp.tanh(x @ w)), mode="value_and_grad")(
        huge, jf.spec("f32[2,700000]")
    )
    assert analysis.forward.matmul_flops == 2 * 2 * 700_000**2
    assert len(jax.live_arrays()) == before


def test_symbols_and_numbers_agree() -> None:
    symbolic = jf.analyze(loss, mode="value_and_grad", argnums=(0, 1))(
        *jf.specs("f32[B,D]", "f32[D,K]")
    )
    assert symbolic.symbols == {"B", "D", "K"}
    concrete = jf.analyze(loss, mode="value_and_grad", argnums=(0, 1))(X, W)
    assert symbolic.at(B=4, D=8, K=3).total == concrete.total
    partly = symbolic.at(B=4)
    assert partly.symbols == {"D", "K"}
    assert partly.at(D=8, K=3).total == concrete.total
    assert partly.at(D=8, K=3).by("phase") == concrete.by("phase")
    with pytest.raises(jf.JaxflopsError, match="the open symbols are: B, D, K"):
        symbolic.at(N=3)


def branchy(x: Any) -> Any:
    return jnp.sum(x @ x) if x.shape[0] % 16 < 8 else jnp.sum(x)


def test_interpolation_where_symbols_do_not_reach() -> None:
    with pytest.raises(jf.TraceError, match="use jf[.]interpolate"):
        jf.analyze(branchy)(*jf.specs("f32[N,N]"))
    fitted = jf.interpolate(branchy, sizes={"N": range(16, 160, 16)}, mode="value_and_grad")(
        lambda N: jf.specs(f"f32[{N},{N}]")
    )
    assert str(fitted.matmul_flops) == "6·N³"
    assert fitted.ratio == 2
    assert str(fitted.backward.matmul_flops) == "4·N³"
    assert fitted.transcendentals == fitted.update.flops == fitted.phase("recompute").flops == 0
    assert fitted.at(N=1600).matmul_flops == 6 * 1600**3
    assert "N ≡ 0 (mod 16)" in str(fitted) or "16" in str(fitted)
    with pytest.raises(jf.JaxflopsError, match="N"):
        fitted.at(N=17)
    dead = jf.interpolate(jax.checkpoint(branchy), sizes={"N": range(16, 160, 16)}, mode="grad")
    with pytest.raises(jf.JaxflopsError, match="use mode='value_and_grad'"):
        _ = dead(lambda N: jf.specs(f"f32[{N},{N}]")).ratio
    with pytest.raises(jf.JaxflopsError, match="no polynomial"):
        jf.interpolate(branchy, sizes={"N": range(8, 160, 8)})(lambda N: jf.specs(f"f32[{N},{N}]"))


def newton(x: Any) -> Any:
    return lax.while_loop(lambda c: jnp.sum(c @ c) > 1, lambda c: c @ c, x)


def test_an_open_loop_is_never_silently_once() -> None:
    analysis = jf.analyze(newton)(jf.spec("f32[8,8]"))
    (trips,) = analysis.symbols
    assert trips.startswith("trips(test_analyze.py:")
    place = trips.removeprefix("trips(").removesuffix(")")
    assert any("trip count unknown" in caveat for caveat in analysis.caveats)
    # the condition runs once more than the body
    assert analysis.at(**{trips: 5}).matmul_flops == (5 + 6) * 2 * 8**3
    for hint in (place, f"{__file__}:{place.split(':')[1]}"):
        closed = jf.analyze(newton, trip_counts={hint: 5})(jf.spec("f32[8,8]"))
        assert closed.matmul_flops == (5 + 6) * 2 * 8**3
        assert closed.symbols == frozenset()


def test_a_trip_count_by_scope() -> None:
    def scoped(x: Any) -> Any:
        with jax.named_scope("solver"):
            return newton(x)

    closed = jf.analyze(scoped, trip_counts={"solver": 3})(jf.spec("f32[8,8]"))
    assert closed.matmul_flops == (3 + 4) * 2 * 8**3


def choosing(i: Any, x: Any) -> Any:
    return lax.switch(i, [lambda x: x, lambda x: x @ x, lambda x: x @ x @ x], x)


@pytest.mark.parametrize(
    ("branch", "products"), [("max", 2), ("min", 0), ("sum", 3), (0, 0), (1, 1), (2, 2)]
)
def test_branch_policies_keep_the_interval(branch: Any, products: int) -> None:
    analysis = jf.analyze(choosing, branch=branch)(*jf.specs("i32[]", "f32[8,8]"))
    assert analysis.matmul_flops == products * 2 * 8**3
    low, high = analysis.interval
    assert high - low == 2 * 2 * 8**3
    assert any("cond at" in caveat for caveat in analysis.caveats)


def test_a_platform_is_no_data() -> None:
    def platform(x: Any) -> Any:
        return lax.platform_dependent(x, tpu=lambda x: x @ x @ x, default=lambda x: x @ x)

    analysis = jf.analyze(platform)(jf.spec("f32[8,8]"))
    assert analysis.matmul_flops == 2 * 8**3
    assert analysis.interval[1] == analysis.interval[0] or not analysis.caveats


def test_what_only_another_platform_reads_is_dead() -> None:
    def platform(x: Any) -> Any:
        product = x @ x
        return lax.platform_dependent(
            x, product, tpu=lambda x, y: x * y, default=lambda x, y: jnp.sin(x)
        )

    twice = lambda x: jax.jit(platform)(x) + jax.jit(platform)(x)
    assert jf.analyze(twice)(jf.spec("f32[8,8]")).flops == 8 * 8
    outputs, executed = jf.analyze_executed(platform)(jnp.ones((8, 8)))
    assert jnp.array_equal(outputs, jnp.sin(jnp.ones((8, 8))))
    assert executed.total.transcendentals == 8 * 8


def test_only_the_solve_of_a_linear_solve_runs() -> None:
    def solve(a: Any, b: Any) -> Any:
        return lax.custom_linear_solve(
            lambda v: a @ v, b, lambda _, y: a @ (a @ y), lambda _, y: a.T @ y
        )

    analysis = jf.analyze(solve)(*jf.specs("f32[8,8]", "f32[8]"))
    assert analysis.matmul_flops == 2 * 2 * 8 * 8


def unruled(name: str = "my_kernel") -> Any:
    primitive = jax.extend.core.Primitive(name)
    primitive.def_abstract_eval(lambda x: x)
    return primitive


def test_an_unknown_primitive_is_visible() -> None:
    kernel = unruled()

    def program(x: Any) -> Any:
        return lax.scan(lambda c, _: (kernel.bind(c) @ c, None), x, None, length=3)[0]

    analysis = jf.analyze(program)(jf.spec("f32[8,8]"))
    assert [(u.name, u.times) for u in analysis.unknown] == [("my_kernel", 3)]
    assert analysis.coverage < 1
    assert analysis.matmul_flops == 3 * 2 * 8**3
    assert any("my_kernel(float32[8,8])" in caveat for caveat in analysis.caveats)
    assert "my_kernel" in str(analysis)
    with pytest.raises(jf.UnknownCostError, match=r"jf.cost_rule\('my_kernel'\)"):
        jf.analyze(program, strict=True)(jf.spec("f32[8,8]"))

    def rule(op: jf.Op, /, **_: Any) -> jf.Cost:
        return jf.Cost(matmul_flops=7 * op.out.size)

    ruled = jf.analyze(program, rules={"my_kernel": rule})(jf.spec("f32[8,8]"))
    assert ruled.unknown == []
    assert ruled.matmul_flops == 3 * (2 * 8**3 + 7 * 64)


def test_a_rule_that_cannot_say_is_unknown() -> None:
    def rule(op: jf.Op, /, **_: Any) -> jf.Cost:
        raise jf.UnknownCostError("its tile is not known")

    specs = jf.specs("f32[4,8]", "f32[8,3]")
    analysis = jf.analyze(product, rules={"dot_general": rule})(*specs)
    assert [u.name for u in analysis.unknown] == ["dot_general"]
    assert "its tile is not known" in analysis.caveats[0]
    with pytest.raises(jf.UnknownCostError, match="its tile is not known"):
        jf.analyze(product, rules={"dot_general": rule}, strict=True)(*specs)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: jf.analyze(loss, X), "second call"),
        (lambda: jf.analyze(loss, mode="backward"), "write one of 'call', 'grad'"),
        (lambda: jf.analyze(loss, conv="same"), "conv='taps' or conv='nominal'"),
        (lambda: jf.analyze(loss, branch="mean")(X, W), "branch='max', 'min', 'sum'"),
        (lambda: jf.analyze(loss, branch=None), "branch='max', 'min', 'sum'"),
        (lambda: jf.analyze(3)(X), "pass a function"),
        (lambda: jf.analyze(loss, mode="grad", argnums=2)(X, W), "positions from 0 to 1"),
        (lambda: jf.analyze(loss, mode="grad")(), "second call"),
        (lambda: jf.analyze(loss, mode="grad", argnums=())(X, W), "names no argument"),
        (lambda: jf.analyze(loss, mode="grad", argnums=None)(X, W), "names no argument"),
        (lambda: jf.interpolate(loss, sizes=["T"])(lambda B: (X, W)), "write lambda T: jf.specs("),
        (lambda: jf.interpolate(loss, sizes=["T"])(X), "write lambda T: jf.specs("),
        (lambda: jf.interpolate(loss, sizes=["T"])(lambda T: X), "made as one ShapeDtypeStruct"),
        (lambda: jf.analyze(jnp.sum)(*jf.specs("f32[N]")).at(N=0), "symbols are sizes >= 1"),
        (lambda: jf.analyze(loss, static_argnums=5)(X, W), "static_argnums"),
        (lambda: jf.analyze(product, mode="grad")(X, W), "scalar-output"),
        (lambda: jf.analyze(loss)(X), "does not trace: TypeError"),
        (lambda: jf.analyze(lambda x: x if x > 0 else -x)(jf.spec("f32[]")), "lax.cond"),
        (lambda: jf.analyze(jax.jit(loss).trace(X, W))(X), "arguments already"),
        (lambda: jf.analyze(jax.jit(loss).trace(X, W), mode="grad")(), "the function itself"),
        (lambda: jf.analyze(jax.jit(loss).lower(X, W))(), "has no jaxpr left to count"),
        (lambda: jf.analyze(jax.jit(loss).lower(X, W).compile())(), "pass the function itself"),
        (lambda: jf.analyze(lambda x: x * 2)("f32[3]"), "write arrays as jf.spec"),
        (
            lambda: jf.analyze(lambda x: lax.associative_scan(jnp.add, x))(jf.spec("f32[T]")),
            "use jf.interpolate",
        ),
        (lambda: jf.analyze(choosing, branch=7)(*jf.specs("i32[]", "f32[8,8]")), "branches 0..2"),
        (
            lambda: jf.analyze(newton, trip_counts={"solver": 3})(jf.spec("f32[8,8]")),
            "no open loop at 'solver'",
        ),
        *(
            (lambda n=n: jf.analyze(newton, trip_counts={"solver": n}), "write an int >= 0, or")
            for n in (-8, 8.5, "8", None)
        ),
        (lambda: jf.analyze(loss, rules=["tanh"])(X, W), "a formula for each name"),
        (lambda: jf.analyze(loss, rules={"tanh": 5})(X, W), "a formula for each name"),
        (lambda: jf.analyze(jnp.tanh, rules={"tanh": lambda op, **_: 3})(X), "gives a jf.Cost"),
        (lambda: jf.analyze(jnp.tanh, rules={"tanh": halved})(X), "write n // 2, not n / 2"),
        (
            lambda: jf.analyze(jnp.dot)(*jf.specs("f32[B,E]", "f32[D,K]")),
            "sizes that must be equal need one name",
        ),
        (lambda: jf.analyze(loss)(X, W).by("layer"), "write one of 'primitive'"),
        (lambda: jf.analyze(loss)(X, W).by("source", depth=2), "scope paths only"),
    ],
)
def test_messages_say_what_to_write(call: Any, message: str) -> None:
    with pytest.raises(jf.JaxflopsError, match=re.escape(message)):
        call()


def test_counts_divide_exactly_and_format() -> None:
    analysis = jf.analyze(loss, mode="value_and_grad", argnums=(0, 1))(
        *jf.specs("f32[B,D]", "f32[D,K]")
    )
    share = jf.ratio(analysis.backward.matmul_flops, analysis.matmul_flops)
    assert share == jf.ratio(2, 3)
    assert f"{analysis.matmul_flops:>12,}" == "     6·B·D·K"
    with pytest.raises(jf.JaxflopsError, match="jf.ratio"):
        analysis.matmul_flops / analysis.flops


@pytest.mark.parametrize(
    ("fn", "spec"),
    [(jnp.sum, "f32[0]"), (lambda x: x.prod(1), "f32[3,0]"), (jax.nn.softmax, "f32[3,0]")],
)
def test_nothing_is_combined_where_there_is_nothing(fn: Any, spec: str) -> None:
    assert jf.analyze(fn)(jf.spec(spec)).total.other_flops >= 0


def test_the_curried_object_says_how_to_call_it() -> None:
    assert "call it with loss's arguments" in repr(jf.analyze(loss, mode="grad"))


def test_a_second_rule_for_a_primitive_says_how_to_override() -> None:
    with pytest.raises(jf.JaxflopsError, match="rules={'dot_general': rule}"):
        jf.cost_rule("dot_general")(lambda op, /, **_: jf.Cost())


def test_a_number_asked_for_before_the_arguments_says_where_they_go():
    waiting = jf.analyze(loss, mode="grad")
    with pytest.raises(AttributeError, match=r"write jf.analyze\(loss\)\(\*args\).matmul_flops"):
        waiting.matmul_flops  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'flop'"):
        waiting.flop  # noqa: B018
    assert not hasattr(waiting, "derivation")
    assert copy.copy(waiting) == waiting


def test_open_trip_counts_may_be_zero() -> None:
    analysis = jf.analyze(loops_on_data)(*jf.specs("f32[8,8]", "i32[]"))
    (trips,) = analysis.symbols
    assert analysis.at(**{trips: 0}).matmul_flops == 0


def loops_on_data(x: Any, n: Any) -> Any:
    return lax.fori_loop(0, n, lambda i, v: v @ v, x)


def test_positions_may_be_any_integers() -> None:
    plain = jf.analyze(loss, mode="grad", argnums=1)(X, W).total
    assert (
        jf.analyze(loss, mode="grad", argnums=np.int64(1), static_argnums=None)(X, W).total == plain
    )


@pytest.mark.parametrize("mode", ["grad", "value_and_grad", "vjp"])
@pytest.mark.parametrize(("argnums", "same"), [(-1, 1), ((-2,), (0,)), ((-1, 0), (1, 0))])
def test_positions_count_from_the_end_too(mode: str, argnums: Any, same: Any) -> None:
    found = jf.analyze(loss, mode=mode, argnums=argnums)(X, W)
    expected = jf.analyze(loss, mode=mode, argnums=same)(X, W)
    assert found.total == expected.total
    assert str(found.derivation) == str(expected.derivation)


def power(x: Any, w: Any, n: int) -> Any:
    for _ in range(n):
        x = x @ w
    return jnp.sum(x)


def test_static_positions_count_from_the_end_too() -> None:
    args = jnp.ones((4, 8)), jnp.ones((8, 8)), 3
    options = {"mode": "grad", "argnums": -2, "static_argnums": -1}
    expected = jf.analyze(power, mode="grad", argnums=1, static_argnums=2)(*args).matmul_flops
    assert expected == 2 * 4 * 8 * 8 * (2 + 2 + 3)  # x#4 = x#3 @ w is dead; w three times, x twice
    assert jf.analyze(power, **options)(*args).matmul_flops == expected
    outputs, executed = jf.analyze_executed(power, **options)(*args)
    assert outputs.shape == (8, 8)
    assert executed.matmul_flops == expected
    assert jf.compare(power, compiled=False, **options)(*args).counted.matmul_flops == expected


def test_positions_before_the_first_are_refused() -> None:
    with pytest.raises(
        jf.JaxflopsError, match=r"positions from 0 to 1 \(or, from the end, -1 to -2"
    ):
        jf.analyze(loss, mode="grad", argnums=-3)(X, W)


def halved(op: Any, /, **_: Any) -> jf.Cost:
    return jf.Cost(other_flops=op.out.size / 2)
