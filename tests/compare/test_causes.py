"""A pass explains a change only where the change keeps the pass's law."""

from pathlib import Path

import jax.numpy as jnp
import pytest
from jax import lax

import jaxflops as jf
from jaxflops.compare.causes import cause_of
from jaxflops.compare.entries import Entry, Place, contractions
from jaxflops.compare.passes import Change
from jaxflops.compare.windows import every_tap
from jaxflops.hlo.loops import Loops
from jaxflops.hlo.module import read_module
from jaxflops.hlo.walk import walk

H100 = Path(__file__).parents[1] / "hlo" / "dumps" / "h100"

A = Place("forward", ("layer",), "f.py", 1)
B = Place("forward", ("other",), "f.py", 2)
BACK = A._replace(phase="backward")
COMPILER = Place("forward", ("(compiler)",), "", 0)

KEPT = [
    (
        "ragged_dot_rewriter",
        {Entry(A, 8): 2},
        {Entry(A, 32): 2},
        "ragged product made dense over its groups",
    ),
    ("cse", {Entry(A, 8): 1, Entry(B, 8): 1}, {Entry(A, 8): 1}, "common subexpression merged"),
    ("dce", {Entry(A, 8): 1, Entry(B, 6): 1}, {Entry(A, 8): 1}, "dead code removed"),
    ("algsimp", {Entry(A, 8): 2}, {Entry(A, 8): 1}, "algebraic rewrite"),
    (
        "algsimp",
        {Entry(COMPILER, 6): 1, Entry(B, 9): 1},
        {Entry(A, 6): 1},
        "algebraic rewrite",  # one is renamed, one is gone
    ),
    (
        "spmd-partitioning",
        {Entry(A, 8): 1, Entry(B, 8): 2},
        {Entry(A, 2): 1, Entry(B, 8): 2},
        "one device's share, not that of all",
    ),
    (
        "conv-rewriter",
        {Entry(A, 8): 2, Entry(B, 6): 1},
        {Entry(A, 8): 4, Entry(B, 6): 1},
        "repeated as a library's call, the original left as dead code",
    ),
    ("anything", {Entry(A, 8): 2}, {Entry(B, 8): 2}, "moved by the compiler"),
    (
        "convolution-group-converter",
        {Entry(A, 8): 2},
        {Entry(COMPILER, 32): 2},
        "grouped convolution made dense",
    ),
    (
        "convolution-group-converter",
        {Entry(BACK, 8): 2},
        {Entry(BACK, 8): 1, Entry(COMPILER, 32): 1},  # what has no name has no phase
        "grouped convolution made dense",
    ),
]
SHARE = "spmd-partitioning"
BROKEN = [
    ("ragged_dot_rewriter", {Entry(A, 8): 2}, {Entry(A, 16): 2}),  # not its number of groups
    (SHARE, {Entry(A, 8): 1}, {Entry(A, 1): 1}),  # less than a fourth
    (SHARE, {Entry(A, 8): 1}, {Entry(A, 8): 2}),  # more than before
    (SHARE, {Entry(A, 8): 1, Entry(B, 8): 1}, {Entry(A, 4): 1}),  # nothing is left at a place
    ("cse", {Entry(A, 8): 1, Entry(B, 6): 1}, {Entry(A, 8): 1}),  # nothing equal is left
    ("cse", {Entry(A, 8): 1}, {Entry(A, 8): 2}),  # adds work
    ("dce", {Entry(A, 8): 1}, {Entry(A, 4): 1}),  # changes work
    ("algsimp", {Entry(A, 8): 1}, {Entry(A, 9): 1}),  # grows
    ("algsimp", {Entry(COMPILER, 6): 1, Entry(B, 9): 1}, {Entry(A, 5): 1}),  # no renaming
    ("convolution-group-converter", {Entry(A, 8): 2}, {Entry(A, 24): 2}),  # no such group count
    ("convolution-group-converter", {Entry(BACK, 8): 2}, {Entry(A, 32): 2}),  # another phase
    ("convolution-group-converter", {Entry(A, 8): 2}, {Entry(A, 32): 3}),  # runs more often
    ("conv-rewriter", {Entry(A, 8): 2}, {Entry(A, 8): 5}),  # more than once again
    ("conv-rewriter", {Entry(A, 8): 2}, {Entry(A, 8): 2, Entry(A, 9): 1}),  # something new
    ("conv-rewriter", {Entry(A, 8): 1, Entry(B, 6): 1}, {Entry(A, 8): 2}),  # something is gone
    ("dot_decomposer", {Entry(A, 8): 2}, {Entry(A, 4): 2}),  # not gone: half of it is there
    ("dot-strength-reduction", {Entry(A, 8): 2}, {Entry(A, 4): 2}),
    ("while-loop-invariant-code-motion", {Entry(A, 8): 6}, {Entry(A, 8): 1}),  # stays where it was
    ("no-such-pass", {Entry(A, 8): 1}, {}),
]


@pytest.mark.parametrize(("name", "before", "after", "cause"), KEPT)
def test_a_change_within_its_law_is_explained(name, before, after, cause):
    assert cause_of(Change(name, before, after, frozenset({4}), 4)) == cause


@pytest.mark.parametrize(("name", "before", "after"), BROKEN)
def test_a_change_that_breaks_its_law_is_not(name, before, after):
    assert cause_of(Change(name, before, after, frozenset({4}), 4)) is None


def test_what_is_hoisted_has_left_its_loop():
    hoisted = Change("while-loop-invariant-code-motion", {Entry(A, 8): 6}, {Entry(A, 8): 1})
    outside = hoisted._replace(depths={(Entry(A, 8), 1): 1}, new_depths={(Entry(A, 8), 0): 1})
    assert cause_of(outside) == "loop-invariant product hoisted"
    inside = outside._replace(new_depths=outside.depths)
    assert cause_of(inside) is None
    gone = outside._replace(after={})
    assert cause_of(gone) is None


def test_a_trip_count_lost_while_a_product_is_hoisted_shows(monkeypatch):
    """Both happen at the pass that widens the loop's state by the hoisted product."""
    trips = Loops.trips

    def wrong(self, loop, *rest):
        found = trips(self, loop, *rest)
        return found._replace(number=1) if len(loop.shape.parts) > 3 else found

    def scanned(x, w):
        body = lambda h, _: (jnp.tanh(h @ w) + (w @ w)[:4], None)
        return lax.scan(body, x, None, length=6)[0]

    args = jf.specs("f32[4,16]", "f32[16,16]")
    assert jf.compare(scanned)(*args).unexplained == 0
    monkeypatch.setattr(Loops, "trips", wrong)
    assert jf.compare(scanned)(*args).unexplained > 0


PADDING, TAPS = "conv-padding-legalization", {Entry(A, 8): 12}


@pytest.mark.parametrize(
    ("after", "lawful"),
    [
        ({Entry(A, 12): 2}, True),  # every tap of the window
        ({Entry(A, 9): 2}, True),  # some of those that padding hid
        ({Entry(A, 13): 2}, False),  # more than the window has
        ({Entry(A, 7): 2}, False),  # fewer than before
        ({Entry(A, 12): 3}, False),  # more often
        ({Entry(B, 12): 2}, False),  # elsewhere
        ({Entry(A, 12): 2, Entry(B, 4): 1}, False),  # and something else
    ],
)
def test_padding_made_real_adds_taps_of_the_window_at_most(after, lawful):
    change = Change(PADDING, {Entry(A, 8): 2}, after, taps=TAPS)
    assert (cause_of(change) == "padding of a convolution made real") == lawful


def test_every_tap_of_a_convolution_and_of_both_gradients():
    """[8,28,28,64], 3 x 3, 128 features, padded by 0 and 1, moved by 2."""
    every = 2 * 8 * 128 * 64 * (14 * 3) ** 2
    for name in ("cudnn_padding_made_real", "cudnn_backward_input"):
        module = read_module(H100 / f"{name}.txt")
        assert set(every_tap(module, walk(module)).values()) == {every}
    module = read_module(H100 / "cudnn_fused.txt")  # padded by 1 and 1: the taps at the edges
    (entry,) = contractions(walk(module))
    assert every_tap(module, walk(module)) == {entry: 2 * 8 * 128 * 64 * (28 * 3) ** 2}
    module = read_module(H100 / "cudnn_backward_filter_grouped.txt")
    assert set(every_tap(module, walk(module)).values()) == {2 * 8 * 128 * 16 * (28 * 3) ** 2}
