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


def careless(op, /, **_):
    return jf.Cost(other_flops=op.out.size // (op.out.shape[0] - 8))


def in_layer(x):
    with jax.named_scope("layer"):
        return leaf.bind(x)


def test_a_rule_that_raises_is_named_with_its_primitive_and_its_equation():
    line = careless.__code__.co_firstlineno
    bound = in_layer.__code__.co_firstlineno + 2
    message = (
        rf"^the rule of 'users_leaf', careless \(test_rules_of_users.py:{line}\), raised "
        rf"ZeroDivisionError: .*; it was asked about users_leaf\(float32\[8,8\]\) at "
        rf"test_rules_of_users.py:{bound}$"
    )
    with pytest.raises(jf.JaxflopsError, match=message) as found:
        jf.analyze(jax.jit(in_layer), rules={"users_leaf": careless})(X)
    assert isinstance(found.value.__cause__, ZeroDivisionError)
    assert jf.analyze(in_layer, rules={"users_leaf": careless})(jf.spec("f32[9,8]")).flops == 72


def test_a_rule_that_asks_for_a_parameter_that_is_not_there_is_named():
    def wide(op, /, *, width, **_):
        return jf.Cost(other_flops=width)

    with pytest.raises(
        jf.JaxflopsError, match=r"'users_leaf', .*wide .* raised TypeError: .*width"
    ):
        jf.analyze(in_layer, rules={"users_leaf": wide})(X)


def test_what_a_rule_says_on_purpose_stays_as_it_is():
    def refuses(op, /, **_):
        raise jf.JaxflopsError("no batches of 8")

    with pytest.raises(jf.JaxflopsError, match="^no batches of 8$"):
        jf.analyze(in_layer, rules={"users_leaf": refuses})(X)


broken_body = primitive("users_broken_body")


@jf.body_rule("users_broken_body")
def no_such_key(_op, /, **params):
    return jf.Body(params["body"])


def test_a_body_rule_that_raises_is_named():
    message = r"the rule of 'users_broken_body', no_such_key \(.*:\d+\), raised KeyError: 'body'"
    with pytest.raises(jf.JaxflopsError, match=message):
        run(broken_body)


def test_a_fault_of_our_own_is_not_blamed_on_the_user(monkeypatch):
    from jaxflops.jaxpr.registry import COST_RULES, make_rule

    def fails(op, /, **_):
        raise ZeroDivisionError

    fails.__module__ = "jaxflops.jaxpr.rules.elementwise"
    monkeypatch.setitem(COST_RULES, "sin", make_rule(fails))
    with pytest.raises(ZeroDivisionError):
        jf.analyze(jnp.sin)(X)


def one_flop(op, /, **_):
    return jf.Cost(other_flops=1)


def test_a_rule_that_no_equation_needs_is_a_caveat():
    rules = {"users_leaff": one_flop, "sin": one_flop, "scan": one_flop}
    analysis = jf.analyze(lambda x: jnp.sin(leaf.bind(x)), rules=rules)(X)
    assert analysis.flops == 1
    told = [note for note in analysis.caveats if note.startswith("rules: ")]
    vain = "rules: no equation that runs is a {}, so its rule had no effect"
    meant = "; did you mean 'users_leaf'?"
    assert told == [vain.format("'scan'"), vain.format("'users_leaff'") + meant]
    report = " ".join(str(analysis).split())
    assert all(note in report for note in told)


def test_a_rule_that_a_loop_or_a_dead_equation_needs():
    def fn(x):
        jnp.cos(x)  # nobody reads it
        return jax.lax.scan(lambda x, _: (leaf.bind(x), None), x, None, 5)[0]

    analysis = jf.analyze(fn, rules={"users_leaf": one_flop, "cos": one_flop})(X)
    assert analysis.flops == 5
    (told,) = (note for note in analysis.caveats if note.startswith("rules: "))
    assert "'cos'" in told
    whole = jf.analyze(fn, rules={"scan": one_flop})(X)
    assert whole.flops == 1
    assert not [note for note in whole.caveats if note.startswith("rules: ")]
