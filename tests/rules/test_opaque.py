"""What JAX cannot see: never silently zero."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import io_callback

import jaxflops as jf
from jaxflops.errors import UnknownCostError

HOST = "runs on the host: only the bytes that reach it are counted"


@pytest.mark.parametrize(
    ("f", "primitive"),
    [
        (lambda x: jax.pure_callback(np.sin, x, x), "pure_callback"),
        (lambda x: io_callback(np.sin, x, x), "io_callback"),
        (lambda x: (jax.debug.callback(print, x), x)[1], "debug_callback"),
    ],
)
def test_callbacks_move_bytes_and_say_so(f, primitive) -> None:
    analysis = jf.analyze(f)(jnp.zeros((4, 6)))
    assert analysis.by("primitive")[primitive].bytes >= 4 * 6 * 4
    assert analysis.flops == 0
    assert f"{primitive}: {HOST}" in analysis.caveats
    assert not analysis.unknown


def test_printing_is_a_callback() -> None:
    analysis = jf.analyze(lambda x: (jax.debug.print("{}", x), x * 2)[1])(jnp.zeros((4, 6)))
    assert any(HOST in caveat for caveat in analysis.caveats)
    assert analysis.flops == 4 * 6


def test_a_foreign_function_is_unknown_and_named() -> None:
    f = lambda x: jax.ffi.ffi_call("my_kernel", x)(x) + 1.0
    analysis = jf.analyze(f)(jnp.zeros((4, 6)))
    assert [entry.name for entry in analysis.unknown] == ["ffi_call"]
    assert analysis.flops == 4 * 6
    assert analysis.caveats[0] == (
        "ffi_call(float32[4,6]): 'my_kernel' is a foreign function (state it with jf.costed), "
        "so its FLOPs are not in the totals"
    )
    with pytest.raises(UnknownCostError, match=r"ffi_call\(float32\[4,6\]\): 'my_kernel' is a"):
        jf.analyze(f, strict=True)(jnp.zeros((4, 6)))


def test_a_rule_for_one_call_replaces_the_unknown() -> None:
    f = lambda x: jax.ffi.ffi_call("my_kernel", x)(x)
    rule = lambda op, /, **_: jf.Cost(matmul_flops=2 * op.out.size)
    analysis = jf.analyze(f, rules={"ffi_call": rule}, strict=True)(jnp.zeros((4, 6)))
    assert analysis.flops == 2 * 4 * 6


def test_a_sparse_solve_is_unknown_because_of_its_fill_in() -> None:
    from jax.experimental.sparse.linalg import spsolve

    f = lambda data, b: spsolve(data, jnp.arange(6), jnp.arange(7), b)
    analysis = jf.analyze(f)(jnp.ones(6), jnp.ones(6))
    assert any("the fill-in of a sparse solve depends" in caveat for caveat in analysis.caveats)
