"""Contractions that lower to others: explained by the equation lowered by itself, or not at all."""

from dataclasses import replace

import jax.numpy as jnp
import pytest
from jax import lax

import jaxflops as jf
from jaxflops.compare.composites import COMPOSITES
from jaxflops.jaxpr.registry import COST_RULES

RAGGED = jf.specs("f32[8,4]", "f32[3,4,5]", "i32[3]")
CONV = jf.specs("c64[2,3,9]", "c64[4,3,3]")
PRODUCT = 2 * 8 * 4 * 5  # each row with its own group
TAPS = 2 * 9 - 2 + 9  # of the window of 3 over 9, those that meet the input
MULTIPLY_ADDS = 2 * 4 * 3 * TAPS
DENSE = "ragged product made dense over its groups"
REAL = "complex convolution made of three real ones"


def ragged(x, w, sizes):
    return lax.ragged_dot(x, w, sizes).sum()


def in_loops(x, w, sizes):
    """Seven times, of which lowering writes four out and one more."""
    step = lambda c, _: (c + lax.ragged_dot(x * c, w, sizes).sum(), None)
    return lax.scan(step, 0.0, length=7, unroll=3)[0]


def convolution(x, w):
    return jnp.abs(lax.conv_general_dilated(x, w, (1,), "SAME")).sum()


CASES = {  # program, mode, arguments -> cause, FLOPs more than were counted
    "ragged": (ragged, "call", RAGGED, DENSE, 2 * PRODUCT),
    "ragged gradient": (ragged, "grad", RAGGED, DENSE, 2 * 2 * PRODUCT),
    "ragged in loops": (in_loops, "call", RAGGED, DENSE, 7 * 2 * PRODUCT),
    "complex": (convolution, "call", CONV, REAL, (3 * 2 - 8) * MULTIPLY_ADDS),
    "complex gradient": (convolution, "grad", CONV, REAL, 3 * (3 * 2 - 8) * MULTIPLY_ADDS),
}


def compared(name):
    fn, mode, args, *_ = CASES[name]
    argnums = (0, 1) if mode == "grad" else 0
    return jf.compare(fn, mode=mode, argnums=argnums, compiled=False)(*args)


@pytest.mark.parametrize("name", CASES)
def test_it_is_the_equation_by_itself(name):
    *_, cause, flops = CASES[name]
    found = compared(name)
    (row,) = [row for row in found.rows if row.step == "counted to lowered"]
    assert (row.cause, row.flops, row.explained) == (cause, flops, True)
    assert found.counted.matmul_flops + flops == found.lowered.matmul_flops
    assert (found.unexplained, found.elementwise.unexplained, found.ok) == (0, 0, True)


@pytest.mark.parametrize("name", CASES)
def test_what_does_not_lower_as_it_must_is_unexplained(name, monkeypatch):
    *_, flops = CASES[name]
    for primitive, composite in COMPOSITES.items():
        monkeypatch.setitem(COMPOSITES, primitive, composite._replace(law=lambda _: False))
    found = compared(name)
    assert (found.unexplained, found.ok) == (abs(flops), False)


@pytest.mark.parametrize("primitive", list(COMPOSITES))
def test_a_wrong_rule_is_no_composite(primitive, monkeypatch):
    right = COST_RULES[primitive]
    doubled = replace(right, formula=lambda op, /, **params: right.formula(op, **params) * 2)
    monkeypatch.setitem(COST_RULES, primitive, doubled)
    name = "ragged" if primitive == "ragged_dot_general" else "complex"
    found = compared(name)
    assert found.unexplained == abs(found.lowered.matmul_flops - found.counted.matmul_flops) > 0


def test_of_two_products_only_the_ragged_one_is_dense():
    def both(x, w, sizes):
        return lax.ragged_dot(jnp.tanh(x @ x.T) @ x, w, sizes).sum()

    found = jf.compare(both, compiled=False)(*RAGGED)
    (row,) = found.rows
    assert (row.cause, row.flops) == (DENSE, 2 * PRODUCT)
    assert found.ok


@pytest.mark.parametrize("target", ["cuda", "tpu"])
def test_for_an_accelerator_a_ragged_product_stays_one(target):
    found = jf.compare(ragged, target=target)(*RAGGED)
    assert found.lowered.matmul_flops == found.counted.matmul_flops == PRODUCT
    assert found.rows == ()
