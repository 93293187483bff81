"""Which branch of a `cond` counts: policies, indices, names; the interval is kept throughout."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import jaxflops as jf

PRODUCT = 2 * 8**3


def skip(x):
    return x + 1


def refine(x):
    return x @ x


def solve(x):
    return x @ x @ x


def twice(i, x):
    x = lax.switch(i, [skip, refine, solve], x)
    return jnp.sum(lax.cond(i > 0, refine, skip, x))


ARGS = jf.specs("i32[]", "f32[8,8]")


@pytest.mark.parametrize(
    ("branch", "products"),
    [
        ("max", 2 + 1),
        ("min", 0),
        ("sum", 3 + 1),
        (0, 0),
        (1, 1 + 1),
        ("skip", 0),
        ("refine", 1 + 1),
        ("solve", 2 + 1),
    ],
)
def test_a_branch_is_chosen_by_policy_index_or_name(branch, products):
    """`solve` stands in the first choice only; the second costs its maximum then."""
    analysis = jf.analyze(twice, branch=branch)(*ARGS)
    assert analysis.matmul_flops == products * PRODUCT
    assert analysis.interval == (64 + 64 + 63, 3 * PRODUCT + 63)
    assert f"FLOPs by the branches taken: 191 to {3 * PRODUCT + 63:,}\n" in str(analysis)
    assert str(branch) in analysis.provenance.conventions["branch"]
    assert len([note for note in analysis.caveats if note.startswith("cond at")]) == 2


def test_a_name_holds_through_a_gradient():
    """Forward and both products of the pullback are of the branch that was named."""
    by_name = {
        name: jf.analyze(twice, mode="value_and_grad", argnums=1, branch=name)(*ARGS).matmul_flops
        for name in ("skip", "refine")
    }
    assert by_name == {"skip": 0, "refine": 2 * 3 * PRODUCT}


def test_branches_of_equal_cost_are_all_in_the_sum():
    fn = lambda i, x: lax.cond(i > 0, refine, lambda x: x @ x, x)
    assert jf.analyze(fn, branch="sum")(*ARGS).matmul_flops == 2 * PRODUCT
    assert jf.analyze(fn)(*ARGS).matmul_flops == PRODUCT


def test_an_interval_spans_nested_choices_and_loops():
    """Least and most of every choice, times the loops around it."""
    inner = lambda i, x: lax.cond(i > 1, refine, skip, x)
    fn = lambda i, x: lax.scan(
        lambda c, _: (lax.cond(i > 0, lambda c: inner(i, c), solve, c), None), x, length=5
    )[0]
    assert jf.analyze(fn)(*ARGS).interval == (5 * 64, 5 * 2 * PRODUCT)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(jf.JaxflopsError, match="the conds have 'refine', 'skip', 'solve'"):
        jf.analyze(twice, branch="resolve")(*ARGS)
    with pytest.raises(jf.JaxflopsError, match="the conds have no names"):
        jf.analyze(jax.numpy.sum, branch="resolve")(jf.spec("f32[8]"))
