"""`peak_bytes` of programs whose live values can be told by hand."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import jaxflops as jf
from jaxflops.models import suite

M = 64 * 64 * 4  # bytes of a matrix


def peak(fn, *specs, donate=()):
    return jf.analyze(jax.jit(fn, donate_argnums=donate))(*jf.specs(*specs)).peak_bytes


def test_values_end_with_their_last_use() -> None:
    """x, w and two products at a time; where the first is read at the end, three."""
    assert peak(lambda x, w: x @ w @ w @ w, "f32[64,64]", "f32[64,64]") == 4 * M

    def skip(x, w):
        first = x @ w
        return first @ w @ w @ first

    assert peak(skip, "f32[64,64]", "f32[64,64]") == 5 * M


def test_an_argument_lives_on_unless_it_is_donated() -> None:
    """Donated, x ends with the first product: then w and two products."""
    chain = lambda x, w: x @ w @ w @ w
    assert peak(chain, "f32[64,64]", "f32[64,64]", donate=0) == 3 * M


def test_an_argument_as_a_result_is_copied() -> None:
    """Whole or as a view, and a literal is written; donated, it is there already."""
    assert peak(lambda x: (x, 1.0), "f32[64,64]") == 2 * M + 4
    assert peak(lambda x: x.reshape(-1), "f32[64,64]") == 2 * M
    assert peak(lambda x: x.reshape(-1), "f32[64,64]", donate=0) == M
    assert peak(lambda x: (x @ x).reshape(-1), "f32[64,64]") == 2 * M


def test_elementwise_work_is_fused() -> None:
    """Its readers can repeat it; a product reads what is stored."""
    assert peak(lambda x: (jnp.exp(x) + 1).sum(), "f32[64,64]") == M + 4
    assert peak(lambda x: (jnp.exp(x) + 1) @ x, "f32[64,64]") == 3 * M
    assert peak(lambda x: (x + 1) * 2 - x, "f32[64,64]") == 2 * M


def test_calls_that_are_read_twice_are_stored_and_cheap_work_is_not() -> None:
    both = lambda y: (y.sum(0), y.sum(1))
    sums = 2 * 64 * 4
    assert peak(lambda x: both(jnp.exp(x)), "f32[64,64]") == 2 * M + sums
    assert peak(lambda x: both(x + 1), "f32[64,64]") == M + sums


def layers(step):
    return lambda ws, x: jnp.sum(lax.scan(step, x, ws)[0] ** 2)


def step(h, w):
    return jnp.tanh(h @ w), None


def saved(fn, *args):
    """Bytes that the first scan of a program stacks for each of its iterations."""
    (first, *_) = [e for e in jax.make_jaxpr(fn)(*args).eqns if e.primitive.name == "scan"]
    stacked = [v.aval for v in first.outvars if v.aval.shape[:1] == (100,)]
    return sum(a.size * a.dtype.itemsize for a in stacked) // 100


@pytest.mark.parametrize("wrap", [lambda f: f, jax.checkpoint])
def test_residuals_of_a_scan_are_kept_for_all_iterations(wrap) -> None:
    """A layer more is its weights, their gradient, and what its forward pass saves."""
    gradient = jax.grad(layers(wrap(step)))
    activation, weights = 128 * 64 * 4, M
    kept = saved(gradient, *jf.specs("f32[100,64,64]", "f32[128,64]"))
    assert kept == activation if wrap is jax.checkpoint else kept >= 2 * activation
    symbolic = jf.analyze(gradient)(*jf.specs("f32[L,64,64]", "f32[128,64]"))
    for analysis in (
        lambda n: jf.analyze(gradient)(*jf.specs(f"f32[{n},64,64]", "f32[128,64]")),
        lambda n: symbolic.at(L=n),
    ):
        assert analysis(101).peak_bytes - analysis(100).peak_bytes == 2 * weights + kept


SCANNED = {c.name: c for c in suite("small") if "-scan" in c.name and "two" not in c.name}
PAIRS = [name for name in SCANNED if not name.endswith("-remat") and f"{name}-remat" in SCANNED]


@pytest.mark.parametrize("name", PAIRS)
def test_remat_of_scanned_layers_lowers_the_peak_of_a_gradient(name) -> None:
    peaks = []
    for case in (SCANNED[name], SCANNED[f"{name}-remat"]):
        gradient = jax.grad(case.loss, argnums=case.loss.argnums)
        peaks.append(jf.analyze(gradient)(*case.args).peak_bytes)
    plain, remat = peaks
    assert remat < plain


def test_a_donated_step() -> None:
    """The new weights take the place of the old ones; undonated, they stand side by side."""

    def descend(w, x):
        gradient = (x.T @ (x @ w)) @ (x @ x)
        return w - 0.1 * gradient

    specs = ("f32[64,64]", "f32[64,64]")
    assert peak(descend, *specs) == peak(descend, *specs, donate=0)


def test_a_branch_is_the_larger() -> None:
    """Its own peak, beside the predicate, and the index made of it."""
    small, large = (lambda x: x * 2), (lambda x: (x @ x) @ (x.T @ x))
    choose = lambda p, x: lax.cond(p, small, large, x)
    assert peak(large, "f32[64,64]") > peak(small, "f32[64,64]")
    assert peak(choose, "bool[]", "f32[64,64]") == 1 + 4 + peak(large, "f32[64,64]")
