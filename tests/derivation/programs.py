"""Programs whose contractions are easy to name wrongly; all small."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


@dataclass(frozen=True)
class Case:
    """A function, its arguments, and how it is differentiated."""

    fn: Callable[..., Any]
    args: tuple[Any, ...]
    how: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        argnums = self.how.get("argnums", 0)
        return f"{self.fn.__name__}-{self.how.get('mode', 'grad')}-{argnums}".replace(" ", "")


def random(*shape: int, dtype: Any = jnp.float32) -> Any:
    """Normal numbers that differ from call to call."""
    random.calls += 1
    values = np.random.default_rng(random.calls).normal(size=shape)
    return jnp.asarray(values / np.sqrt(shape[-1] if shape else 1), dtype)


random.calls = 0
CASES: list[Case] = []


def case(*shapes: Any, argnums: Any = 0, **how: Any) -> Callable[[Any], Any]:
    """Register a function with random arguments of these shapes (or pytrees of shapes)."""

    def register(fn: Callable[..., Any]) -> Callable[..., Any]:
        is_shape = lambda s: isinstance(s, tuple) and all(isinstance(n, int) for n in s)
        args = tuple(
            jax.tree.map(lambda s: random(*s), shape, is_leaf=is_shape) for shape in shapes
        )
        CASES.append(Case(fn, args, {"mode": "grad", "argnums": argnums, **how}))
        return fn

    return register


@case((4, 8), (8, 8), (8, 2), argnums=(1, 2))
@case((4, 8), (8, 8), (8, 2), argnums=(0, 1, 2))
@case((4, 8), (8, 8), (8, 2), argnums=1)
@case((4, 8), (8, 8), (8, 2), argnums=(1, 2), mode="value_and_grad")
def two_layer(x, w1, w2):
    h1 = x @ w1
    h2 = h1 @ w2
    loss = jnp.mean(h2**2)
    return loss


@case((4, 8), (6, 8), (6, 8), argnums=(0, 1, 2))
def transposed(x, w, v):
    h = x @ w.T
    y = jnp.tanh(h) @ v.T.T
    return jnp.sum(jnp.sin(y) ** 2)


@case((8, 8), (8, 8), argnums=(0, 1))
def tied(x, w):
    h = jnp.tanh(x @ w)
    y = h @ w.T
    return jnp.sum(y**2)


@case((8, 8), (8, 8), argnums=(0, 1))
@case((8, 8), (8, 8), argnums=0)
@case((8, 8), (8, 8), argnums=1)
def reused_in_a_loop(x, w):
    h = x
    for _ in range(3):
        h = h @ w
    return jnp.sum(jnp.cos(h))


@case((8, 8), (8, 8), argnums=(0, 1))
def rebound(x, w):
    h = x @ w
    h = jax.nn.relu(h)
    h = jnp.tanh(h @ w)
    z = h @ h.T
    return jnp.sum(z**2)


@case((6, 6), argnums=0)
def square(x):
    y = x @ x
    return jnp.sum(y**3)


@case((6, 6), argnums=0)
def gram(x):
    g = x @ x.T
    k = jnp.sin(g)
    z = k.T @ k
    return jnp.sum(z**2)


@case((4, 6), (4, 6), (6, 5), (6, 3), argnums=(0, 1, 2, 3))
def tuples(x, y, w1, w2):
    a, b = x @ w1, y @ w2
    (c, d), e = (a.T @ b, b.T @ a), [x @ w1, 0][0]
    return jnp.sum(c**2) + jnp.sum(d**3) + jnp.sum(jnp.sin(e))


@case((2, 5, 4, 3), (2, 6, 4, 3), (2, 6, 4, 3), argnums=(0, 1, 2))
def attention(q, k, v):
    scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / 2
    p = jax.nn.softmax(scores, axis=-1)
    out = jnp.einsum("bhqk,bkhd->bqhd", p, v)
    return jnp.sum(out**2)


@case((3, 4, 5), (4, 5, 6), (6, 3), argnums=(0, 1, 2))
def several_axes(x, w, u):
    y = jnp.einsum("bij,ijk->bk", x, w)
    z = jnp.einsum("kb,bk->", u, y) * jnp.einsum("bk,kb->b", y, u)
    return jnp.sum(z**2)


@case((3, 4, 5), (3, 5, 6), argnums=(0, 1))
def batched(x, y):
    z = x @ y
    w = jnp.matmul(z, jnp.swapaxes(z, 1, 2))
    return jnp.sum(w**2)


@case((2, 3, 8), (8, 8), (8, 8), (8, 8), argnums=(0, 1, 2, 3))
def multi_head(x, wq, wk, wv):
    q = (x @ wq).reshape(2, 3, 2, 4)
    k = (x @ wk).reshape(2, 3, 2, 4)
    v = (x @ wv).reshape(2, 3, 2, 4)
    p = jax.nn.softmax(jnp.einsum("bqhd,bkhd->bhqk", q, k))
    context = jnp.einsum("bhqk,bkhd->bqhd", p, v).reshape(2, 3, 8)
    return jnp.sum(jnp.sin(context))


@case((2, 3, 8), (8, 24), (8, 8), argnums=(0, 1, 2))
def fused_qkv(x, wqkv, wo):
    q, k, v = jnp.split(x @ wqkv, 3, axis=-1)
    p = jax.nn.softmax(q @ jnp.swapaxes(k, 1, 2))
    y = (p @ v) @ wo
    return jnp.sum(y**2)


@case((4, 8), {"w": (3, 8, 8), "b": (3, 8)}, argnums=1)
@case((4, 8), {"w": (3, 8, 8), "b": (3, 8)}, argnums=(0, 1))
@case((4, 8), {"w": (3, 8, 8), "b": (3, 8)}, argnums=1, mode="value_and_grad")
def scanned(x, params):
    def layer(h, p):
        a = h @ p["w"]
        h = jnp.tanh(a + p["b"])
        return h, None

    h, _ = lax.scan(layer, x, params)
    return jnp.sum(h**2)


@case((4, 8), {"w": (3, 8, 8), "v": (3, 8, 8)}, argnums=1)
@case((4, 8), {"w": (3, 8, 8), "v": (3, 8, 8)}, argnums=(0, 1), mode="value_and_grad")
def scanned_with_remat(x, params):
    @jax.checkpoint
    def layer(h, p):
        a = jax.nn.gelu(h @ p["w"])
        h = h + a @ p["v"]
        return h, None

    h, _ = lax.scan(layer, x, params)
    return jnp.sum(h**2)


@case((4, 8), (3, 8, 8), argnums=(0, 1))
def scanned_anonymous(x, w):
    step = lambda c, w: jnp.tanh(c @ w)
    h = lax.scan(lambda c, w: (step(c, w), None), x, w)[0]
    return jnp.sum(h**2)


@case((5, 4, 8), (8, 8), (8, 8), (8, 3), argnums=(0, 1, 2, 3))
def recurrent(xs, w, u, v):
    def cell(state, x):
        h, c = state
        g = x @ w + h @ u
        c = jnp.tanh(g) * c + 1
        h = jnp.sin(g) * c
        return (h, c), h

    zero = jnp.zeros((4, 8))
    (h, c), hs = lax.scan(cell, (zero, zero), xs)
    y = hs @ v
    return jnp.sum(y**2) + jnp.sum(h @ v)


@case((5, 4, 8), (8, 8), (8, 8), argnums=(0, 1, 2))
def two_scans(xs, w, u):
    def first(h, x):
        h = jnp.tanh(x + h @ w)
        return h, h

    def second(h, x):
        h = x @ u + h
        return h, h @ w

    start = jnp.ones((4, 8))
    _, hs = lax.scan(first, start, xs)
    last, ys = lax.scan(second, start, hs, reverse=True)
    return jnp.sum(ys**2) + jnp.sum(last)


@case((4, 8), (2, 3, 8, 8), (2, 8, 8), argnums=(0, 1, 2))
def nested_scans(x, w, v):
    def outer(h, p):
        ws, u = p

        def inner(g, w):
            g = jnp.tanh(g @ w)
            return g, None

        g, _ = lax.scan(inner, h, ws)
        h = h + g @ u
        return h, None

    h, _ = lax.scan(outer, x, (w, v))
    return jnp.sum(h**2)


@case((4, 8), (2, 3, 8, 8), argnums=(0, 1), mode="value_and_grad")
def nested_scans_with_remat(x, w):
    @jax.checkpoint
    def outer(h, ws):
        def inner(g, w):
            a = g @ w
            return jnp.tanh(a), None

        g, _ = lax.scan(inner, h, ws)
        return h + g, None

    h, _ = lax.scan(outer, x, w)
    return jnp.sum(h**2)


@case((4, 8), [(8, 8)] * 3, argnums=(0, 1))
@case((4, 8), [(8, 8)] * 3, argnums=1)
def unrolled(x, ws):
    h = x
    for w in ws:
        h = jnp.tanh(h @ w)
    return jnp.sum(h**2)


@case((4, 8), (3, 8, 8), argnums=(0, 1))
def indexed(x, ws):
    for i in range(3):
        x = x @ ws[i]
    return jnp.sum(jnp.sin(x))


@jax.jit
def dense(x, w):
    y = x @ w
    return jax.nn.relu(y)


@case((4, 8), [(8, 8)] * 3, argnums=(0, 1))
def jitted(x, ws):
    h = dense(x, ws[0])
    h = dense(h, ws[1])
    out = dense(h, ws[2])
    again = dense(out, ws[0])
    return jnp.sum(again**2)


@jax.jit
def product(x, w):
    return x @ w


@case((4, 8), (8, 8), (8, 8), argnums=(0, 1, 2))
def jitted_products(x, w, v):
    a = product(x, w)
    b = product(a, v)
    for _ in range(2):
        b = product(b, w)
    return jnp.sum(b**2)


@case((4, 8), (8, 8), argnums=(0, 1))
@case((4, 8), (8, 8), argnums=(0, 1), mode="value_and_grad")
def remat_blocks(x, w):
    @jax.checkpoint
    def block(x, w):
        h = x @ w
        return jnp.tanh(h)

    y = block(x, w)
    z = block(y, w)
    return jnp.sum(z**2)


@case((2, 3, 8), (8, 8), argnums=(0, 1))
def mapped(x, w):
    def one(x):
        h = x @ w
        g = jnp.tanh(h) @ h.T
        return jnp.sum(g**2)

    return jnp.sum(jax.vmap(one)(x))


@case((4, 8), (8, 8), (8, 2), argnums=(0, 1, 2), mode="value_and_grad")
def frozen(x, w1, w2):
    h = x @ w1
    target = lax.stop_gradient(h @ w2)
    y = jnp.tanh(h) @ w2
    return jnp.mean((y - target) ** 2)


@case({"a": {"w1": (8, 8)}, "b": [(8, 4), (4,)]}, (4, 8), argnums=0)
def nested_parameters(params, x):
    h = jnp.tanh(x @ params["a"]["w1"])
    w, b = params["b"]
    y = h @ w + b
    return jnp.sum(y**2)


@case((4, 8), (8, 3), argnums=1, mode="value_and_grad", has_aux=True)
def with_aux(x, w):
    logits = x @ w
    return jnp.sum(logits**2), {"logits": logits}


@case((4, 8), (8, 8), argnums=(0, 1))
def in_place(x, w):
    h = x
    h += x @ w
    h @= w
    state = {}
    state["y"] = h @ w
    if (z := state["y"] @ w) is None:
        return None
    first: Any = z @ w
    return jnp.sum(first**2)


@case((4, 8), [(8, 8)] * 2, argnums=(0, 1))
def comprehension(x, ws):
    hs = [x @ w for w in ws]
    return sum(jnp.sum(h**2) for h in hs)


@case((4, 8), (8, 8), (8, 8), argnums=(0, 1, 2))
def residual(x, w, v):
    h = x + jnp.tanh(x @ w)
    h = h + jnp.tanh(h @ v) @ w
    return jnp.sum(h**2)


@case((4, 8), (8, 6), argnums=(0, 1))
def vectors(x, w):
    y = x[0] @ w
    z = w @ y
    s = z @ x[1]
    o = jnp.outer(y, z)
    return s * jnp.sum(o**2)


@case((8, 6), (6,), (8,), argnums=(0, 1, 2))
@case((8, 6), (6,), (8,), argnums=1, mode="value_and_grad")
def ends_in_a_product(w, x, y):
    r = w @ x - y
    return r @ r  # both transposes read the cotangent 1.0, a literal


@case((6,), (6, 6), argnums=(0, 1))
def quadratic_form(x, w):
    return x @ w @ x


@case((4, 8), (8, 8), argnums=(0, 1))
def einsum_to_a_scalar(x, w):
    y = x @ w
    return jnp.einsum("bi,bi->", y, x)


def helper(a, b):
    return jnp.dot(a, b)


@case((4, 8), (8, 8), argnums=(0, 1))
def through_returns(x, w):
    def twice(x):
        first = helper(x, w)
        return first, helper(first, w)

    a, b = twice(x)
    pair = twice(b)
    return jnp.sum(pair[0] * pair[1]) + jnp.sum(a)


@case((4, 8), (8, 8), argnums=(0, 1), mode="value_and_grad")
def branches(x, w):
    h = x @ w
    h = lax.cond(jnp.sum(h) > 0, lambda h: jnp.tanh(h @ w), lambda h: jnp.sin(h) @ w.T, h)
    return jnp.sum(h**2)


@jax.custom_vjp
def scaled(x, w):
    y = x @ w
    return y


def scaled_forward(x, w):
    y = x @ w
    return y, (x, w)


def scaled_backward(saved, g):
    x, w = saved
    dx = g @ w.T
    dw = x.T @ g
    return dx, dw


scaled.defvjp(scaled_forward, scaled_backward)


@case((4, 8), (8, 8), argnums=(0, 1))
def hand_written(x, w):
    h = scaled(x, w)
    y = jnp.tanh(h) @ w
    return jnp.sum(y**2)


@jax.custom_vjp
def clipped(x, w):
    return jnp.tanh(x @ w)


def clipped_forward(x, w):
    return clipped(x, w), (x, w)


def clipped_backward(saved, g):
    x, w = saved
    y = jnp.tanh(x @ w)  # computed again, by hand
    g = g * (1 - y * y)
    return g @ w.T, x.T @ g


clipped.defvjp(clipped_forward, clipped_backward)


@case((4, 8), (8, 8), argnums=(0, 1))
def hand_written_recomputation(x, w):
    h = clipped(x, w)
    z = clipped(h, w)
    return jnp.sum(z**2)


@jax.custom_vjp
def attended(q, k, v):
    scores = q @ k.T
    p = jax.nn.softmax(scores)
    return p @ v


def attended_forward(q, k, v):
    return attended(q, k, v), (q, k, v)


def attended_backward(saved, g):
    q, k, v = saved
    scores = q @ k.T
    p = jax.nn.softmax(scores)
    dv = p.T @ g
    dp = g @ v.T
    ds = p * (dp - (dp * p).sum(-1, keepdims=True))
    dk = ds.T @ q  # the cotangent itself is transposed
    return ds @ k, dk, dv


attended.defvjp(attended_forward, attended_backward)


@case((5, 4), (6, 4), (6, 3), argnums=(0, 1, 2), mode="value_and_grad")
@case((5, 4), (5, 4), (5, 3), argnums=(0, 1, 2), mode="value_and_grad")
def hand_written_attention(q, k, v):
    o = attended(q, k, v)
    return jnp.sum(o**2)


@case((5, 2, 8), (8, 8), (8, 8), (8, 8), argnums=(1, 2, 3))
def two_directions(xs, w, u, v):
    def cell(weights):
        def step(h, x):
            h = jnp.tanh(x @ weights + h @ u)
            return h, h

        return step

    start = jnp.zeros((2, 8))
    _, f = lax.scan(cell(w), start, xs)
    _, b = lax.scan(cell(v), start, xs, reverse=True)
    return jnp.sum(f * b)


@case((4, 8), (8, 8), argnums=(0, 1), mode="call")
def step(x, w):
    def loss(w):
        h = x @ w
        return jnp.sum(jnp.tanh(h) ** 2)

    value, g = jax.value_and_grad(loss)(w)
    q = g @ g.T
    return value, w - 0.1 * (q @ g)


@case((3, 4, 8), (8, 8), argnums=1, mode="call")
def accumulated(xs, w):
    def loss(w, x):
        h = x @ w
        return jnp.sum(jnp.tanh(h) ** 2)

    total = 0
    for x in xs:
        total = total + jax.grad(loss)(w, x)
    return total


@case((4, 8), (8, 8), argnums=(0, 1))
def mixed_precision(x, w):
    h = x.astype(jnp.bfloat16) @ w.astype(jnp.bfloat16)
    y = jnp.tanh(h.astype(jnp.float32)) @ w
    return jnp.sum(y**2)


def network(w, x):
    h = jnp.tanh(x @ w)
    y = h @ w
    return y


@case((4, 8), (8, 8), (8, 8), mode="call")
def forward_mode(x, w, dw):
    return jax.jvp(lambda w: network(w, x), (w,), (dw,))


@case((4, 8), (8, 8), mode="call")
def forward_jacobian(x, w):
    return jax.jacfwd(lambda x: network(w, x)[0])(x)


@case((4, 8), (8, 8), mode="call")
def reverse_jacobian(x, w):
    return jax.jacrev(lambda w: network(w, x)[0])(w)


@case((4, 8), (8, 8), (8, 8), mode="call")
def hessian_vector_product(x, w, v):
    gradient = jax.grad(lambda w: jnp.sum(network(w, x) ** 2))
    return jax.jvp(gradient, (w,), (v,))


@case((3, 4), (4, 4), mode="call")
def hessian(x, w):
    return jax.hessian(lambda w: jnp.sum(network(w, x) ** 2))(w)


@case((4, 8), (8, 8), mode="grad", argnums=(0, 1))
def gradient_of_a_gradient(x, w):
    g = jax.grad(lambda w: jnp.sum(network(w, x) ** 2))(w)
    return jnp.sum(jnp.sin(g))


@case((4, 8), (8, 8), argnums=(0, 1))
def gradient_through_steps(x, start):
    w = start  # not named as the weights that enter through products alone

    def loss(w):
        h = jnp.tanh(x @ w)
        return jnp.mean(h**2)

    for _ in range(3):
        w = w - 0.1 * jax.grad(loss)(w)
    return loss(w)


@case((2, 7, 6, 2), (3, 2, 2, 3), argnums=(0, 1))
def convolution(x, w):
    y = lax.conv_general_dilated(x, w, (2, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return jnp.sum(y**2)


@case((2, 4, 5, 6), (6, 2, 3, 2), argnums=(0, 1))
def grouped_convolution(x, w):
    y = lax.conv_general_dilated(x, w, (1, 2), ((1, 2), (0, 1)), feature_group_count=2)
    return jnp.sum(jnp.sin(y))


@case((2, 3, 8), (4, 3, 3), (4, 5), argnums=(0, 1, 2))
def dilated_convolution(x, w, v):
    y = lax.conv_general_dilated(x, w, (1,), ((2, 2),), rhs_dilation=(2,))
    z = jnp.einsum("ncw,cd->nwd", jax.nn.relu(y), v)
    return jnp.sum(z**2)


@case((2, 3, 4, 4), (5, 3, 3, 3), argnums=(0, 1))
def transposed_convolution(x, w):
    y = lax.conv_general_dilated(x, w, (1, 1), ((2, 2), (1, 2)), lhs_dilation=(2, 2))
    y = jax.nn.relu(y)
    y = lax.conv_general_dilated(y, jnp.swapaxes(w, 0, 1), (2, 2), "VALID")
    return jnp.sum(y**2)


def stacked(layers: int, *, scan: bool) -> Iterator[Case]:
    """The same layers, scanned or unrolled."""
