"""What a user may point the command line at; copied into a folder as program.py."""

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive


def loss(x, w):
    return jnp.mean(jnp.tanh(x @ w))


loss.example_args = "f32[8,16] f32[16,4]"
loss.argnums = 1


def tree(x, params):
    return jnp.sum(x @ params["w"])


tree.example_args = lambda: ("f32[2,3]", {"w": "f32[3,4]"})


def tokens(ids, table):
    return jnp.sum(table[ids] ** 2)


tokens.example_args = "i32[5] f32[7,3]"


@jax.jit
def jitted(x):
    return jnp.sum(x * 2.0)


jitted.example_args = "f32[4]"


def pair(x):
    return jnp.sum(x), x


pair.example_args = "f32[4]"


def power(x, n, *, lr=1.0, mode="sum"):
    return getattr(jnp, mode)(x**n * lr)


def loop(x):
    return jax.lax.while_loop(lambda v: v.sum() > 0, lambda v: v - 1.0, x)


loop.example_args = "f32[3]"


def choice(flag, x):
    return jax.lax.cond(flag > 0, lambda v: v @ v, lambda v: v + 1.0, x)


choice.example_args = "i32[] f32[4,4]"


def conv(image, kernel):
    return jax.lax.conv(image, kernel, (1, 1), "SAME")


conv.example_args = "f32[1,1,4,4] f32[1,1,3,3]"


def mystery(x):
    return jnp.sin(primitive.bind(x))


mystery.example_args = "f32[4]"

primitive = Primitive("mystery")
primitive.def_abstract_eval(lambda x: x)


def no_example(x, params):
    return jnp.sum(x)


def raises(x):
    raise ValueError("negative learning rate")


def branchy(x):
    return x if x.sum() > 0 else -x


def vector(x):
    return x * 2.0


class Net:
    @staticmethod
    def apply(x):
        return jnp.sin(x)


def wrong_example(x):
    return x


wrong_example.example_args = 3

number = 3
