"""Programs whose modules the tests read, and their modules, made once."""

from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxflops.hlo.trip_counts import trip_count

DUMPS = Path(__file__).parent / "dumps"


def shape(*sizes, dtype=jnp.float32):
    return jax.ShapeDtypeStruct(sizes, dtype)


def matmul(a, b):
    return jnp.tanh(jnp.einsum("bik,kj->bij", a, b, precision="highest"))


def convolution(x, w):
    return jax.lax.conv_general_dilated(
        x,
        w,
        (2, 1),
        ((1, 2), (0, 1)),
        rhs_dilation=(1, 2),
        feature_group_count=2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def convolution_grad(x, w):
    return jax.grad(lambda x, w: (convolution(x, w) ** 2).sum(), (0, 1))(x, w)


def layer(x, p):
    q, k, v = jnp.split(x @ p["qkv"], 3, -1)
    scores = jnp.where(jnp.tril(jnp.ones((6, 6), bool)), q @ k.swapaxes(-1, -2), -1e30)
    x = x + jax.nn.softmax(scores) @ v @ p["o"]
    return x + jax.nn.gelu(x @ p["up"]) @ p["down"]


def transformer(params, table, tokens):
    def loss(params, table):
        with jax.named_scope('body "quoted" {brace} é'):
            step = jax.checkpoint(lambda x, p: (layer(x, p), None))
            x, _ = jax.lax.scan(step, table[tokens], params)
        return -jnp.take_along_axis(jax.nn.log_softmax(x @ table.T), tokens[..., None], -1).mean()

    return jax.grad(loss, (0, 1))(params, table)


def data_dependent(x, n):
    return jax.lax.while_loop(lambda c: c[0] < n, lambda c: (c[0] + 1, jnp.sin(c[1])), (0, x))


def sort_and_index(x, i):
    ordered, _ = jax.lax.sort((x, i), num_keys=1)
    start = i[0, 0], i[1, 0]
    return ordered, x[i[0]], x.at[i[0]].add(1.0), jax.lax.dynamic_slice(x, start, (2, 3))


def fourier(x):
    return jnp.fft.irfft(jnp.fft.rfft(x)), jnp.fft.fft2(x)


def cholesky(a, b):
    factor = jnp.linalg.cholesky(a @ a.T)
    return jax.scipy.linalg.solve_triangular(factor, b, lower=True)


def windows(x):
    def pooled(x):
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2), (1, 2, 2), "SAME").sum()

    padded = jax.lax.pad(x, 0.0, ((1, 0, 0), (0, 2, 1), (-1, 0, 0)))
    return jax.grad(pooled)(x), jnp.cumsum(x, 1), padded


def branches(x, i):
    return jax.lax.switch(i, [lambda x: x @ x, jnp.sin, lambda x: x], x)


def many_dtypes(a, b, c):
    return (
        jax.lax.dot(a, b, preferred_element_type=jnp.int32),
        c @ c,
        c.real[0, :3] * np.array([1.5, float("nan"), -float("inf")], "float32"),
        a.astype(jnp.bfloat16) * jnp.bfloat16(0.7),
        a.astype(jnp.float8_e4m3fn),
        jnp.arange(30).reshape(3, 10) * 2,
        jax.random.bits(jax.random.key(0), (4,)),
    )


PROGRAMS = {
    "matmul": (matmul, (shape(3, 4, 8), shape(8, 16))),
    "convolution_grad": (convolution_grad, (shape(2, 9, 9, 8), shape(3, 3, 4, 12))),
    "transformer": (
        transformer,
        (
            {
                "qkv": shape(2, 8, 24),
                "o": shape(2, 8, 8),
                "up": shape(2, 8, 16),
                "down": shape(2, 16, 8),
            },
            shape(12, 8),
            shape(2, 6, dtype=jnp.int32),
        ),
    ),
    "data_dependent": (data_dependent, (shape(4), shape(dtype=jnp.int32))),
    "sort_and_index": (sort_and_index, (shape(5, 7), shape(5, 7, dtype=jnp.int32))),
    "fourier": (fourier, (shape(4, 16),)),
    "cholesky": (cholesky, (shape(5, 5), shape(5, 3))),
    "windows": (windows, (shape(2, 6, 6),)),
    "branches": (branches, (shape(4, 4), shape(dtype=jnp.int32))),
    "many_dtypes": (
        many_dtypes,
        (
            shape(4, 8, dtype=jnp.int8),
            shape(8, 4, dtype=jnp.int8),
            shape(4, 4, dtype=jnp.complex64),
        ),
    ),
}


@cache
def lowered(name):
    function, args = PROGRAMS[name]
    return jax.jit(function).lower(*args)


@cache
def compiled(name):
    return lowered(name).compile()


def instructions(module, opcode):
    return [ins for each in module.computations.values() for ins in each if ins.opcode == opcode]


def signature(module):
    """All that the cost of the contractions is computed from."""
    return sorted(
        repr(
            (
                ins.shape.dims,
                [each[name].shape.dims for name in ins.operands],
                (
                    ins.attributes.dot,
                    ins.attributes.conv,
                    ins.attributes.window,
                    ins.attributes.feature_group_count,
                ),
            )
        )
        for each in module.computations.values()
        for ins in each
        if ins.opcode in ("dot", "convolution")
    )


def count_of(module):
    """The trip counts of all loops, outermost computation last."""
    return [
        trip_count(module, each, ins)
        for each in module.computations.values()
        for ins in each
        if ins.opcode == "while"
    ]
