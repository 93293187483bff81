"""A function whose cost its author states: counted so wherever it stands, and said."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.experimental import pallas as pl

import jaxflops as jf


def product(a, b):
    return jnp.sin(a) @ b


SPECS = jf.specs("f32[4,8]", "f32[8,2]")
STATED = jf.Cost(matmul_flops=7)
stated = jf.costed(product, STATED)
by_shape = jf.costed(product, lambda a, b: jf.Cost(matmul_flops=2 * a.size * b.shape[-1]))


def arrays():
    return jnp.linspace(0.0, 1.0, 32).reshape(4, 8), jnp.linspace(1.0, 2.0, 16).reshape(8, 2)


def test_the_stated_cost_replaces_what_would_be_counted() -> None:
    analysis = jf.analyze(lambda a, b: stated(a, b) + 1.0)(*SPECS)
    assert analysis.matmul_flops == 7
    assert (analysis.transcendentals, analysis.total.other_flops) == (0, 8)
    assert analysis.by("scope")["product"].matmul_flops == 7
    assert analysis.caveats == ["costed: the cost of product is stated by its author, not counted"]
    assert analysis.coverage == 1


def test_bytes_are_those_of_operands_and_results_unless_stated() -> None:
    cost = jf.analyze(stated)(*SPECS).total
    assert (cost.bytes_read, cost.bytes_written) == (4 * (32 + 16), 4 * 8)
    own = jf.costed(product, jf.Cost(bytes_read=5, bytes_written=6))
    assert jf.analyze(own)(*SPECS).bytes_unfused == 11


def test_a_cost_of_the_shapes_takes_symbols() -> None:
    analysis = jf.analyze(by_shape)(*jf.specs("f32[B,D]", "f32[D,K]"))
    assert str(analysis.matmul_flops) == "2·B·D·K"


def test_it_runs_what_it_always_ran() -> None:
    a, b = arrays()
    expected = product(a, b)
    for run in (stated, jax.jit(stated), jax.jit(jax.checkpoint(stated))):
        np.testing.assert_allclose(run(a, b), expected, rtol=1e-6)
    many = jnp.stack([a, 2 * a, 3 * a])
    for axes, out in (((0, None), 0), ((0, None), 1)):
        mapped = jax.vmap(stated, axes, out)
        np.testing.assert_allclose(
            mapped(many, b), jax.vmap(product, axes, out)(many, b), rtol=1e-6
        )


def test_jit_scan_and_vmap_multiply() -> None:
    def program(a, b):
        step = lambda c, _: (c + jax.jit(stated)(a, b), None)
        return lax.scan(step, jnp.zeros((4, 2)), None, length=5)[0]

    assert jf.analyze(program)(*SPECS).matmul_flops == 5 * 7
    nested = jax.vmap(jax.vmap(stated, (0, None)), (0, None))
    assert jf.analyze(nested)(*jf.specs("f32[N,3,4,8]", "f32[8,2]")).matmul_flops == (
        21 * jf.polynomial.symbol("N")
    )


def loss(fn):
    return lambda a, b: jnp.sum(fn(a, b) ** 2)


def test_a_derivative_is_counted_from_the_code_and_says_so() -> None:
    """Forward 2·4·8·2, and a product for each of the two gradients."""
    analysis = jf.analyze(loss(stated), mode="grad", argnums=(0, 1))(*SPECS)
    assert analysis.matmul_flops == 3 * 2 * 4 * 8 * 2
    (caveat,) = analysis.caveats
    assert caveat.startswith("costed_differentiated: product has no stated cost of its derivative")
    for got, expected in zip(
        jax.grad(loss(stated), (0, 1))(*arrays()),
        jax.grad(loss(product), (0, 1))(*arrays()),
        strict=True,
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_a_stated_backward() -> None:
    both = jf.costed(product, STATED, backward=jf.Cost(matmul_flops=11))
    for mode in ("grad", "value_and_grad"):
        analysis = jf.analyze(loss(both), mode=mode, argnums=(0, 1))(*SPECS)
        assert (analysis.forward.matmul_flops, analysis.backward.matmul_flops) == (7, 11)
    a, b = arrays()
    for got, expected in zip(
        jax.jit(jax.grad(loss(both), (0, 1)))(a, b),
        jax.grad(loss(product), (0, 1))(a, b),
        strict=True,
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_remat_repeats_the_stated_forward() -> None:
    both = jax.checkpoint(jf.costed(product, STATED, backward=jf.Cost(matmul_flops=11)))
    analysis = jf.analyze(loss(both), mode="value_and_grad")(*SPECS)
    assert analysis.recompute.matmul_flops == 7


def test_gradients_reach_what_it_closes_over() -> None:
    """A constant that the function closes over is an operand, not lost to differentiation."""

    def program(wrap):
        return lambda w: jnp.sum(wrap(lambda x: x * w)(jnp.arange(3.0)) ** 2)

    plain = jax.grad(program(lambda f: f))(2.0)
    assert jax.grad(program(lambda f: jf.costed(f, STATED)))(2.0) == plain != 0


def test_integer_arguments_pytrees_and_keywords() -> None:
    def pick(tables, *, i):
        return {"row": tables["t"][i] * 2}

    both = jf.costed(pick, STATED, backward=STATED)
    once = jf.costed(pick, STATED)
    tables = {"t": jnp.arange(12.0).reshape(3, 4)}
    for fn in (both, once):
        got = jax.grad(lambda t, fn=fn: fn(t, i=1)["row"].sum())(tables)["t"]
        np.testing.assert_array_equal(got, [[0] * 4, [2] * 4, [0] * 4])


def test_a_function_that_has_a_custom_derivative() -> None:
    @jax.custom_vjp
    def twice(x):
        return 2 * x

    twice.defvjp(lambda x: (2 * x, None), lambda _, ct: (ct * 5,))
    assert jax.grad(jf.costed(twice, STATED))(3.0) == 5


def test_forward_mode() -> None:
    a, b = arrays()
    got = jax.jvp(stated, (a, b), (a, b))[1]
    np.testing.assert_allclose(got, jax.jvp(product, (a, b), (a, b))[1], rtol=1e-6)


def test_inside_a_sharded_body() -> None:
    mesh = jax.make_mesh((1,), ("d",), axis_types=(jax.sharding.AxisType.Auto,))
    spec = jax.sharding.PartitionSpec("d")
    wide = jax.sharding.AbstractMesh((4,), ("d",), axis_types=(jax.sharding.AxisType.Auto,))
    body = lambda a: stated(a, jnp.ones((8, 2)))
    a, b = arrays()[0], jnp.ones((8, 2))
    sharded = jax.shard_map(body, mesh=mesh, in_specs=spec, out_specs=spec)
    np.testing.assert_allclose(jax.jit(sharded)(a), product(a, b), rtol=1e-6)
    counted = jf.analyze(jax.shard_map(body, mesh=wide, in_specs=spec, out_specs=spec))
    assert counted(jf.spec("f32[16,8]")).matmul_flops == 4 * 7


def test_a_pallas_kernel_and_a_foreign_function() -> None:
    """The kernel's body is not counted, and the foreign function is not unknown."""

    def double(x_ref, o_ref):
        o_ref[...] = x_ref[...] * 2

    def kernel(x):
        shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
        return pl.pallas_call(double, out_shape=shape, interpret=True)(x)

    of_size = lambda x: jf.Cost(other_flops=3 * x.size)
    x = jnp.ones((8, 128))
    np.testing.assert_array_equal(jax.jit(jf.costed(kernel, of_size))(x), 2 * x)
    assert jf.analyze(jf.costed(kernel, of_size), strict=True)(x).flops == 3 * 8 * 128
    foreign = lambda x: jax.ffi.ffi_call("mine", x)(x)
    assert jf.analyze(jf.costed(foreign, of_size), strict=True)(x).flops == 3 * 8 * 128


def test_wrong_input_says_what_to_write() -> None:
    with pytest.raises(jf.JaxflopsError, match="cost is a int; write a jf.Cost, or a function of"):
        jf.costed(product, 5)
    with pytest.raises(jf.JaxflopsError, match="cost function returned a int; return a jf.Cost"):
        jf.costed(product, lambda a, b: 5)(*arrays())
    with pytest.raises(jf.JaxflopsError, match="it has side effects or collectives"):
        jf.costed(lambda x: (jax.debug.print("{}", x), x)[1], STATED)(1.0)


def test_a_cost_function_that_raises_is_named() -> None:
    wrong = jf.costed(product, lambda a, b: jf.Cost(other_flops=a.size // 0))
    message = (
        r"^jf.costed\(product\): its cost function, .*<lambda> \(test_costed.py:\d+\), raised Zero"
    )
    for front in (jf.analyze, jf.analyze_compiled):
        with pytest.raises(jf.JaxflopsError, match=message) as found:
            front(wrong)(*arrays())
        assert isinstance(found.value.__cause__, ZeroDivisionError)
