"""Rules that users write: every form that the documents name works, and no other passes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import Primitive

import jaxflops as jf

X = jf.spec("f32[8,8]")
INNER = jax.make_jaxpr(lambda x: x @ x)(jnp.ones((8, 8)))
PRODUCT = 2 * 8**3


def primitive(name):
    made = Primitive(name)
    made.def_abstract_eval(lambda x, **_: x)
    return made


one, several, no_body = map(primitive, ("users_one", "users_several", "users_no_body"))
leaf = primitive("users_leaf")


@jf.body_rule("users_one")
def one_body(_op, /, *, jaxpr, n, **_):
    return jf.Body(jaxpr, n)


@jf.body_rule("users_several")
def several_bodies(_op, /, *, jaxpr, n, **_):
    return [jf.Body(jaxpr, n), jf.Body(jaxpr)]


@jf.body_rule("users_no_body")
def not_a_body(_op, /, *, jaxpr, **_):
    return jaxpr


def run(called, n=3):
    return jf.analyze(lambda x: called.bind(x, jaxpr=INNER, n=n))(X)


def test_a_body_rule_gives_one_body_or_several():
    assert run(one).matmul_flops == 3 * PRODUCT
    assert run(several).matmul_flops == 4 * PRODUCT
    with pytest.raises(jf.JaxflopsError, match=r"it gives a jf.Body\(jaxpr, times\)"):
        run(no_body)


@pytest.mark.parametrize("decorator", [jf.cost_rule, jf.body_rule])
@pytest.mark.parametrize("names", [(leaf,), (), (lambda op, /, **_: jf.Cost(),)])
def test_a_rule_without_the_name_of_a_primitive_is_refused(decorator, names):
    with pytest.raises(jf.JaxflopsError, match=r"takes the primitive's name"):
        decorator(*names)


def counted(value):
    rules = {"users_leaf": lambda op, /, **_: jf.Cost(other_flops=value)}
    return jf.analyze(lambda x: leaf.bind(x), rules=rules)(X).flops


def test_numpy_integers_are_ints():
    assert counted(np.prod((8, 8))) == 64
    assert type(counted(np.int32(7))) is int


@pytest.mark.parametrize(("value", "message"), [(-2, "less than 0"), (np.float32(2), "n // 2")])
def test_a_cost_below_zero_or_not_exact_is_refused(value, message):
    with pytest.raises(jf.JaxflopsError, match=message):
        counted(value)
