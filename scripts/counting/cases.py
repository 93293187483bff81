"""Twelve programs whose contraction FLOPs are derived by hand, in the docstring above each.

Every value is a formula of the sizes that stand beside it; none was read off a program. A
multiply-add is 2 FLOPs, a matmul [m,k]@[k,n] is 2·m·k·n, and a complex multiply-add is 8 (LAPACK
Working Note 41: a complex product is 6 operations on real numbers, a sum 2).

`others` is the most that all other arithmetic can come to, whoever counts it: elementwise work,
reductions, transcendentals and the integers that keep loops going. The sizes are chosen so that it
is below 5 % of the contractions, and no loop trip, branch, group or pass can hide in it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl

CONTROL = 16  # integer operations that keep one trip of a loop going, at most


class Reading(NamedTuple):
    """What a case costs by one convention: contractions exactly, all other operations at most.

    words: the convention, where it is not that of the scoreboard.
    """

    contractions: int
    others: int
    words: str = ""


class Case(NamedTuple):
    """A program, and what it costs as it was asked for.

    own: by the name of a counter, a convention of its own, where that gives another number. A
      convention says what one operation counts, or which program is counted: as asked for, as
      lowered, as compiled. Work that is left out, such as a loop's other trips, is none.
    """

    name: str
    fn: Callable[..., Any]
    args: tuple[Any, ...]
    asked: Reading
    own: Mapping[str, Reading] = {}
    derivation: str = ""


OF_THE_LOWERED = ("XLA lowered", "XLA compiled", "Flax NNX tabulate")
OF_REAL_AND_COMPLEX_ALIKE = (*OF_THE_LOWERED, "jax roofline", "pallas estimate_cost")


def f32(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def scan() -> Case:
    """L trips, each one product [B,D]@[D,D].

    contractions = L · 2·B·D². Nothing else is computed, but for the loop's own index.
    """
    L, B, D = 12, 8, 32

    def fn(h: Any, ws: Any) -> Any:
        return lax.scan(lambda h, w: (h @ w, None), h, ws)[0]

    return Case("scan", fn, (f32(B, D), f32(L, D, D)), Reading(L * 2 * B * D**2, L * CONTROL))


def nested_scan() -> Case:
    """N trips of one product and of M more in an inner loop, all [B,D]@[D,D].

    contractions = N · (1 + M) · 2·B·D².
    """
    N, M, B, D = 5, 7, 8, 32

    def fn(h: Any, outer: Any, inner: Any) -> Any:
        def step(h: Any, w: Any) -> Any:
            return lax.scan(lambda h, w: (h @ w, None), h @ w, inner)[0], None

        return lax.scan(step, h, outer)[0]

    args = f32(B, D), f32(N, D, D), f32(M, D, D)
    trips = N * (1 + M)
    return Case("nested scan", fn, args, Reading(trips * 2 * B * D**2, trips * CONTROL))


def while_loop() -> Case:
    """i = 0, 3, 6, ... while i < N, a multiple of 3: N / 3 trips of one product [B,D]@[D,D].

    contractions = N/3 · 2·B·D².
    """
    N, B, D = 36, 8, 32

    def fn(h: Any, w: Any) -> Any:
        return lax.while_loop(lambda c: c[0] < N, lambda c: (c[0] + 3, c[1] @ w), (0, h))[1]

    asked = Reading(N // 3 * 2 * B * D**2, N // 3 * CONTROL)
    return Case("while", fn, (f32(B, D), f32(D, D)), asked)


def cond() -> Case:
    """One of two branches: three products [B,D]@[D,D], or one. Which, only data know.

    The most that it can cost: contractions = 3 · 2·B·D². Others: what turns `which` into an index.
    """
    B, D = 8, 32

    def fn(which: Any, x: Any, w: Any) -> Any:
        return lax.cond(which, lambda x: x @ w @ w @ w, lambda x: x @ w, x)

    args = jax.ShapeDtypeStruct((), jnp.bool_), f32(B, D), f32(D, D)
    return Case("cond", fn, args, Reading(3 * 2 * B * D**2, CONTROL))


def grad() -> Case:
    """Loss |tanh(x@w1) @ w2|², its gradient by w1 and w2.

    forward   h = tanh(x@w1) 2·B·D·H    y = h@w2 2·B·H·K
    backward  w2.grad = h.T @ y.grad 2·B·H·K    h.grad = y.grad @ w2.T 2·B·H·K
              w1.grad = x.T @ h.grad 2·B·D·H    (x needs none)
    contractions = 4·B·D·H + 6·B·H·K. Others: at most 8 for each element of h and of y.
    """
    B, D, H, K = 16, 64, 64, 48

    def loss(w1: Any, w2: Any, x: Any) -> Any:
        return jnp.sum((jnp.tanh(x @ w1) @ w2) ** 2)

    args = f32(D, H), f32(H, K), f32(B, D)
    asked = Reading(4 * B * D * H + 6 * B * H * K, 8 * B * (H + K))
    return Case("grad", jax.grad(loss, argnums=(0, 1)), args, asked)


def remat_grad() -> Case:
    """Value and gradient of sum(tanh(tanh(x@w1) @ w2)), of which remat keeps the inputs alone.

    forward    x@w1 2·B·D·H    h@w2 2·B·H·K
    recompute  both again: the pullback of each tanh needs its result
    backward   w2.grad 2·B·H·K    h.grad 2·B·H·K    w1.grad 2·B·D·H
    contractions = 6·B·D·H + 8·B·H·K. Others: at most 8 for each element of h and of y, twice.
    A compiler may merge the recompute with the forward pass: then 4·B·D·H + 6·B·H·K are left, and
    others once.
    """
    B, D, H, K = 16, 64, 64, 48

    def loss(w1: Any, w2: Any, x: Any) -> Any:
        return jnp.sum(jnp.tanh(jnp.tanh(x @ w1) @ w2))

    fn = jax.value_and_grad(jax.checkpoint(loss), argnums=(0, 1))
    args = f32(D, H), f32(H, K), f32(B, D)
    asked = Reading(6 * B * D * H + 8 * B * H * K, 16 * B * (H + K))
    words = "as compiled: the recompute is merged away"
    merged = Reading(4 * B * D * H + 6 * B * H * K, 8 * B * (H + K), words)
    return Case("remat grad", fn, args, asked, {"XLA compiled": merged})


def grouped_convolution() -> Case:
    """Value and gradient of |conv(x, k)|², 3x3 with stride 2 in G groups, without padding.

    Of 9x9 pixels (9 - 3) / 2 + 1 = 4 results a side, for 2·3 + 3 = 9 pixels: every tap meets one.
    forward       N·4·4·F results of 3·3·(C/G) multiply-adds: 2 · N·16·F·9·C/G
    x.grad        the same pairs of a tap and a result, transposed: the same (zeros that a
                  stride puts between gradients are not multiplied)
    k.grad        the same once more
    contractions = 3 · 2·N·16·F·9·C/G. Others: at most 5 for each result (square, sum, 2·y, ...).
    """
    N, C, F, G = 2, 16, 32, 4

    def loss(x: Any, k: Any) -> Any:
        y = lax.conv_general_dilated(
            x, k, (2, 2), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=G,
        )  # fmt: skip
        return jnp.sum(y * y)

    results = N * 16 * F
    args = f32(N, 9, 9, C), f32(3, 3, C // G, F)
    fn = jax.value_and_grad(loss, argnums=(0, 1))
    asked = Reading(3 * 2 * results * 9 * C // G, 5 * results)
    return Case("grouped convolution grad", fn, args, asked)


def attention() -> Case:
    """Value and gradient of |softmax(q @ k.T / sqrt(d)) @ v|² by q, k and v, in N heads.

    forward   scores q @ k.T, 2·N·T²·d    o = p @ v, 2·N·T²·d
    backward  p.grad = o.grad @ v.T    v.grad = p.T @ o.grad
              q.grad = s.grad @ k      k.grad = s.grad.T @ q, each 2·N·T²·d
    contractions = 12·N·T²·d. Others: at most 24 for each score, 8 for each element of o.
    """
    N, T, d = 2, 64, 128

    def loss(q: Any, k: Any, v: Any) -> Any:
        scores = jnp.einsum("ntd,nsd->nts", q, k) / d**0.5
        return jnp.sum(jnp.einsum("nts,nsd->ntd", jax.nn.softmax(scores), v) ** 2)

    fn = jax.value_and_grad(loss, argnums=(0, 1, 2))
    asked = Reading(12 * N * T**2 * d, 24 * N * T**2 + 8 * N * T * d)
    return Case("attention grad", fn, (f32(N, T, d),) * 3, asked)


def lstm() -> Case:
    """T steps of an LSTM: gates = x@wx + h@wh, [B,D]@[D,4H] and [B,H]@[H,4H].

    contractions = T · 2·B·(D + H)·4H. Others: at most 32 for each element of h and step: 8 for
    the sums of four gates and their bias, 12 for three sigmoids in four operations, 2 tanh, 4 for
    the cell, and the loop.
    """
    T, B, D, H = 10, 8, 64, 64

    def fn(h: Any, c: Any, xs: Any, wx: Any, wh: Any, bias: Any) -> Any:
        def step(carry: Any, x: Any) -> Any:
            h, c = carry
            i, f, g, o = jnp.split(x @ wx + h @ wh + bias, 4, axis=-1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        return lax.scan(step, (h, c), xs)[0]

    args = f32(B, H), f32(B, H), f32(T, B, D), f32(D, 4 * H), f32(H, 4 * H), f32(4 * H)
    return Case("lstm", fn, args, Reading(T * 2 * B * (D + H) * 4 * H, 32 * T * B * H))


def ragged_dot() -> Case:
    """M rows, each times the [K,N] matrix of the one group that it is in, whatever the G groups.

    contractions = 2·M·K·N. Others: at most 16 for each group, to find its first and last row.
    For a CPU, JAX lowers it to G products of all rows, those of other groups masked out:
    2·G·M·K·N, and at most 8 to mask an element of [G,M,K].
    """
    M, K, N, G = 64, 32, 128, 4
    args = f32(M, K), f32(G, K, N), jax.ShapeDtypeStruct((G,), jnp.int32)
    dense = Reading(2 * G * M * K * N, 8 * G * M * K, "as lowered: every row times every group")
    own = dict.fromkeys(OF_THE_LOWERED, dense)
    return Case("ragged_dot", lax.ragged_dot, args, Reading(2 * M * K * N, 16 * G), own)


def complex_dot() -> Case:
    """[M,K]@[K,N] of complex numbers: M·K·N multiply-adds of 6 + 2 operations on real numbers.

    contractions = 8·M·K·N; 2·M·K·N where an operation on complex numbers counts as one.
    """
    M, K, N = 16, 32, 24
    args = (jax.ShapeDtypeStruct(shape, jnp.complex64) for shape in ((M, K), (K, N)))
    alike = Reading(2 * M * K * N, 0, "an operation on complex numbers counts as one")
    own = dict.fromkeys(OF_REAL_AND_COMPLEX_ALIKE, alike)
    return Case("complex dot", jnp.matmul, tuple(args), Reading(8 * M * K * N, 0), own)


def pallas_kernel() -> Case:
    """[M,K]@[K,N] by a kernel over a grid of blocks [m,k]@[k,n], which adds up its blocks in k.

    M/m · N/n · K/k cells of 2·m·k·n each: contractions = 2·M·K·N, as without a grid.
    Others: each cell adds its block to the result, K/k · M·N, and the grid's indices.
    """
    M, K, N, m, k, n = 64, 64, 64, 16, 32, 16

    def kernel(x: Any, y: Any, out: Any) -> None:
        @pl.when(pl.program_id(2) == 0)
        def _() -> None:
            out[...] = jnp.zeros_like(out)

        out[...] += jnp.dot(x[...], y[...])

    fn = pl.pallas_call(
        kernel,
        grid=(M // m, N // n, K // k),
        in_specs=[
            pl.BlockSpec((m, k), lambda row, _, inner: (row, inner)),
            pl.BlockSpec((k, n), lambda _, column, inner: (inner, column)),
        ],
        out_specs=pl.BlockSpec((m, n), lambda row, column, _: (row, column)),
        out_shape=f32(M, N),
        interpret=True,  # the only way in which a CPU runs it
    )
    cells = (M // m) * (N // n) * (K // k)
    asked = Reading(2 * M * K * N, K // k * M * N + cells * CONTROL)
    return Case("pallas kernel", fn, (f32(M, K), f32(K, N)), asked)


MAKERS = (
    *(scan, nested_scan, while_loop, cond, grad, remat_grad, grouped_convolution, attention),
    *(lstm, ragged_dot, complex_dot, pallas_kernel),
)
CASES = {
    case.name: case._replace(derivation=inspect.cleandoc(make.__doc__ or ""))
    for make, case in ((make, make()) for make in MAKERS)
}
