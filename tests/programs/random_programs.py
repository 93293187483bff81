"""Random JAX programs, as data: nested lists that print, shrink and become regression tests.

A program carries an array x, float32[4,4], and an integer s. Decisions of the program depend on s
alone, and s on nothing but s, so that they can be taken in plain Python as well: `build` makes the
program as it is written in JAX, `unrolled` the same without loops and branches, all decided.

A block is a list of statements, each a tuple of its name, its settings and its inner blocks.
"""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st
from jax import lax

W = jnp.linspace(-0.5, 0.5, 16).reshape(4, 4)
KERNEL = jnp.linspace(-0.3, 0.4, 9).reshape(1, 1, 3, 3)
INDEX = jnp.array([2, 0, 3, 3])

OPERATIONS = {
    "square": lambda x: 0.2 * (x @ x),
    "weights": lambda x: x @ W,
    "gram": lambda x: 0.1 * (x.T @ x),
    "row": lambda x: x + 0.1 * (x[0] @ x),
    "outer": lambda x: x + 0.01 * jnp.einsum("i,j->ij", x[:, 0], x[1]),
    "batched": lambda x: (
        lax.dot_general(x.reshape(2, 2, 4), x.reshape(2, 4, 2), (((2,), (1,)), ((0,), (0,))))
        .reshape(2, 4)
        .repeat(2, 0)
    ),
    "conv": lambda x: lax.conv_general_dilated(x[None, None], KERNEL, (1, 1), "SAME")[0, 0],
    "strided": lambda x: (
        x + jnp.sum(lax.conv_general_dilated(x[None, None], KERNEL, (2, 1), "VALID"))
    ),
    "dilated": lambda x: lax.conv_general_dilated(
        x[None, None], KERNEL, (1, 1), ((2, 2), (2, 2)), rhs_dilation=(2, 2)
    )[0, 0],
    "tanh": jnp.tanh,
    "sine": lambda x: jnp.sin(x) + x,
    "affine": lambda x: 0.9 * x + 0.1,
    "center": lambda x: x - x.mean(0),
    "softmax": lambda x: jax.nn.softmax(x, axis=1),
    "sums": lambda x: jnp.cumsum(x, 0) * 0.3,
    "gather": lambda x: x[INDEX] + x,
    "slice": lambda x: x.at[1:3].add(x[:2, ::-1] * 0.5),
    "sort": lambda x: jnp.sort(x, axis=1),
    "norm": lambda x: x / (1.0 + jnp.linalg.norm(x)),
    "pool": lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (3, 1), (1, 1), "SAME"),
}
CALLS = ("jit", "twice", "remat", "custom_vjp", "custom_jvp")
LOOPS = ("counter", "dynamic", "until", "triangle")  # a `while`: no reverse mode through them


def mix(s, a):
    return (s * a + 1) % 7


def trips_of(start, bound, step):
    return len(range(start, bound, step))


def build(block, unroll=1):
    """The program (x, s) -> (x, s), in JAX."""

    def run(x, s):
        for statement in block:
            x, s = apply(statement, x, s, unroll)
        return x, s

    return run


def apply(statement, x, s, unroll):
    name, *given = statement
    if name in OPERATIONS:
        return OPERATIONS[name](x), s
    if name == "mix":
        return x, mix(s, given[0])
    body = build(given[-1], unroll)
    step = lambda _, c: body(*c)
    if name == "scan":
        n, reverse = given[:2]
        turn = lambda c, i: (body(c[0], c[1] + i), None)
        return lax.scan(turn, (x, s), jnp.arange(n), reverse=reverse, unroll=unroll)[0]
    if name == "fori":
        return lax.fori_loop(0, given[0], step, (x, s))
    if name == "counter":
        start, bound, stride = given[:3]
        ahead = lambda c: c[0] < bound if stride > 0 else c[0] > bound
        return lax.while_loop(ahead, lambda c: (c[0] + stride, body(*c[1])), (start, (x, s)))[1]
    if name == "dynamic":
        return lax.fori_loop(0, s % 4, step, (x, s))
    if name == "until":
        more = lambda c: (c[1] % 5 != 0) & (c[2] < 4)

        def turn(c):
            x, s = body(c[0], c[1])
            return x, s + 1, c[2] + 1

        return lax.while_loop(more, turn, (x, s, 0))[:2]
    if name == "triangle":
        inner = lambda i, c: lax.fori_loop(0, i, step, c)
        return lax.fori_loop(0, given[0], inner, (x, s))
    if name == "cond":
        return lax.cond(s % 2 == 0, build(given[0], unroll), body, x, s)
    if name == "switch":
        return lax.switch(s % 3, [build(b, unroll) for b in given], x, s)
    if name == "vmap":
        return mapped(given[0], given[1], body, x, s)
    if name == "grad":
        y, pull = jax.vjp(lambda x: body(x, s)[0], x)
        # As batched as y: `vmap` takes a constant cotangent once, unlike `straight`.
        (g,) = pull(jnp.ones_like(y) + 0 * y)
        return x - 0.1 * g + 0.001 * jnp.sum(y), s
    if name == "jvp":
        y, t = jax.jvp(lambda x: body(x, s)[0], (x,), (x * 0.5,))
        return y + 0.1 * t, s
    return called(name, body)(x, s)


def mapped(size, each, body, x, s):
    """`body` on a batch of x; with `each`, on a batch of s too."""
    xs = jnp.stack([x * (1 + 0.1 * i) for i in range(size)])
    if each:
        x, s = jax.vmap(body)(xs, s + jnp.arange(size, dtype=jnp.int32))
        return jnp.mean(x, 0), jnp.max(s, 0)
    x, s = jax.vmap(body, (0, None), (0, None))(xs, s)
    return jnp.mean(x, 0), s


def called(name, body):
    if name == "jit":
        return jax.jit(body)
    if name == "twice":
        once = jax.jit(body)
        return lambda x, s: once(*once(x, s))
    if name == "remat":
        return jax.checkpoint(body)
    return CUSTOM[name](body)


def custom_vjp(body):
    """Its backward rule is its own: one product with W, whatever the body is."""
    f = jax.custom_vjp(body)
    f.defvjp(lambda x, s: (body(x, s), None), lambda _, g: (g[0] @ W.T, None))
    return f


def custom_jvp(body):
    f = jax.custom_jvp(body)

    @f.defjvp
    def rule(primals, tangents):
        x, s = primals
        out = f(x, s)
        return out, (tangents[0] @ W, np.zeros(np.shape(out[1]), jax.dtypes.float0))

    return f


CUSTOM = {"custom_vjp": custom_vjp, "custom_jvp": custom_jvp}


# The same without loops and branches. x has leading batch axes, one for each enclosing vmap, and s
# is a NumPy array of as many axes, of size 1 where it is not batched.


def unrolled(block, s):
    """The program x -> x with every decision taken, for this s."""
    return lambda x: straight(block, x, np.asarray(s, np.int32))[0]


def straight(block, x, s):
    for statement in block:
        x, s = straight_statement(statement, x, s)
    return x, s


def over_batch(operation, depth):
    for _ in range(depth):
        operation = jax.vmap(operation)
    return operation


def choose(mask, a, b):
    (xa, sa), (xb, sb) = a, b
    wide = jnp.asarray(np.broadcast_to(mask, xa.shape[:-2]))[..., None, None]
    return jnp.where(wide, xa, xb), np.where(mask, sa, sb)


def repeat(block, x, s, times):
    for _ in range(times):
        x, s = straight(block, x, s)
    return x, s


def loop(block, x, s, more, after):
    """A loop whose condition each element has of its own; those that are done wait."""
    i = np.zeros_like(s)
    while (holds := more(s, i)).any():
        new = straight(block, x, s)
        new = new[0], after(new[1])
        x, s = choose(holds, new, (x, s)) if holds.size > 1 else new
        i = np.where(holds, i + 1, i)
    return x, s


def straight_statement(statement, x, s):
    name, *given = statement
    depth = x.ndim - 2
    if name in OPERATIONS:
        return over_batch(OPERATIONS[name], depth)(x), s
    if name == "mix":
        return x, mix(s, given[0])
    block = given[-1]
    if name == "scan":
        n, reverse = given[:2]
        for i in reversed(range(n)) if reverse else range(n):
            x, s = straight(block, x, s + i)
        return x, s
    if name in ("fori", "counter"):
        return repeat(block, x, s, given[0] if name == "fori" else trips_of(*given[:3]))
    if name == "dynamic":
        bound = s % 4
        return loop(block, x, s, lambda _, i: i < bound, lambda s: s)
    if name == "until":
        return loop(block, x, s, lambda s, i: (s % 5 != 0) & (i < 4), lambda s: s + 1)
    if name == "triangle":
        for i in range(given[0]):
            x, s = repeat(block, x, s, i)
        return x, s
    if name in ("cond", "switch"):
        return decided(name, given, x, s)
    if name == "vmap":
        return straight_vmap(*given, x, s)
    if name in ("grad", "jvp"):
        return differentiated(name, block, x, s), s
    if name == "twice":
        return straight(block, *straight(block, x, s))
    if name == "jit":
        return straight(block, x, s)
    make = jax.checkpoint if name == "remat" else CUSTOM[name]
    after = []

    def inner(x, _):
        x, last = straight(block, x, s)
        after[:] = [last]  # known while tracing, since it depends on no array
        return x, jnp.int32(0)

    return make(inner)(x, jnp.int32(0))[0], after[0]


def decided(name, blocks, x, s):
    """One branch; where each element chooses, all of them and a selection."""
    which = (s % 2 != 0).astype(int) if name == "cond" else s % 3
    if which.size == 1:
        return straight(blocks[int(which.reshape(()))], x, s)
    results = [straight(block, x, s) for block in blocks]
    out = results[0]
    for number, result in enumerate(results[1:], 1):
        out = choose(which == number, result, out)
    return out


def straight_vmap(size, each, block, x, s):
    depth = x.ndim - 2
    xs = jnp.stack([x * (1 + 0.1 * i) for i in range(size)], axis=depth)
    wide = s[..., None] + (np.arange(size, dtype=np.int32) if each else np.zeros(1, np.int32))
    x, s = straight(block, xs, wide)
    return jnp.mean(x, depth), s.max(-1) if each else s[..., 0]


def differentiated(name, block, x, s):
    inner = lambda x: straight(block, x, s)[0]
    if name == "jvp":
        y, t = jax.jvp(inner, (x,), (x * 0.5,))
        return y + 0.1 * t
    y, pull = jax.vjp(inner, x)
    (g,) = pull(jnp.ones_like(y))
    return x - 0.1 * g + 0.001 * jnp.sum(y, (-2, -1), keepdims=True)


# Strategies.

operations = st.sampled_from(sorted(OPERATIONS)).map(lambda name: (name,))
mixes = st.integers(1, 5).map(lambda a: ("mix", a))


@st.composite
def statements(draw, depth, within):
    """One statement, inside a gradient (`grad`), a tangent (`jvp`) or neither (empty)."""
    if depth == 0:
        return draw(st.one_of(operations, operations, mixes))
    kinds = ["op", "op", "mix", "scan", "fori", "cond", "switch", "vmap", *CALLS]
    kinds += () if within == "grad" else LOOPS
    kinds += () if within else ("grad", "jvp")
    kind = draw(
        st.sampled_from([kind for kind in kinds if (kind, within) != ("custom_vjp", "jvp")])
    )
    inner = lambda within=within: draw(blocks(depth - 1, within))
    few = st.integers(0, 3)
    match kind:
        case "op":
            return draw(operations)
        case "mix":
            return draw(mixes)
        case "scan":
            return (kind, draw(few), draw(st.booleans()), inner())
        case "fori" | "triangle":
            return (kind, draw(few), inner())
        case "counter":
            start, stride = draw(st.integers(-3, 3)), draw(st.sampled_from([-2, -1, 1, 2, 3]))
            # Whole strides: XLA of jaxlib 0.10.2 removes `i = 0; while i < 1: i += 2` on CPUs.
            return (kind, start, start + draw(few) * stride, stride, inner())
        case "cond":
            return (kind, inner(), inner())
        case "switch":
            return (kind, inner(), inner(), inner())
        case "vmap":
            return (kind, draw(st.integers(2, 3)), draw(st.booleans()), inner())
        case "grad" | "jvp":
            return (kind, inner(kind))
    return (kind, inner())


@st.composite
def blocks(draw, depth, within=""):
    """A block of one to three statements."""
    return draw(st.lists(statements(depth, within), min_size=1, max_size=3 if depth else 2))


programs = st.integers(1, 3).flatmap(blocks)
"""Blocks nested up to three deep."""


def names_in(block):
    """The names of all statements."""
    for name, *given in block:
        yield name
        for part in given:
            if isinstance(part, list):
                yield from names_in(part)
