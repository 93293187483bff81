"""The join: every FLOP of both sides is in exactly one match."""

from hypothesis import given, settings
from hypothesis import strategies as st

from jaxflops.compare.entries import Entry, Place, by_phase, total
from jaxflops.compare.join import join

A = Place("forward", ("layer",), "f.py", 1)
B = Place("backward", ("layer",), "f.py", 1)
C = Place("forward", ("other",), "f.py", 2)

entries = st.dictionaries(
    st.builds(Entry, st.sampled_from([A, B, C]), st.integers(1, 5)), st.integers(1, 4), max_size=6
)


def test_equal_multisets_have_no_difference():
    assert join({Entry(A, 8): 3}, {Entry(A, 8): 3}) == []


def test_other_flops_at_one_place_are_their_difference():
    (found,) = join({Entry(A, 10): 3}, {Entry(A, 8): 3})
    assert (found.how, found.change, found.size) == ("other count", -6, 6)


def test_a_swapped_phase_changes_no_total_but_has_a_size():
    (found,) = join({Entry(A, 8): 3}, {Entry(B, 8): 3})
    assert (found.how, found.change, found.size, found.places) == ("other phase", 0, 24, (A, B))


def test_equal_work_elsewhere_is_paired():
    (found,) = join({Entry(A, 8): 3}, {Entry(C, 8): 3})
    assert (found.how, found.change, found.size) == ("other place", 0, 24)


def test_a_place_without_a_source_agrees_with_any_of_its_scope_and_phase():
    unknown = A._replace(file="", line=0)
    assert join({Entry(unknown, 8): 3}, {Entry(A, 8): 3}) == []
    assert join({Entry(A, 8): 3}, {Entry(unknown, 8): 3}) == []
    (found,) = join({Entry(unknown, 8): 3}, {Entry(A, 8): 2})
    assert (found.how, found.change) == ("missing", -8)
    (found,) = join({Entry(unknown, 8): 3}, {Entry(C, 8): 3})
    assert (found.how, found.size) == ("other place", 24)
    (found,) = join({Entry(A._replace(line=2), 8): 3}, {Entry(A, 8): 3})
    assert (found.how, found.size) == ("other place", 24)


def test_work_of_one_side_only():
    missing, added = join({Entry(A, 8): 1}, {Entry(C, 5): 2})
    assert (missing.how, missing.change) == ("missing", -8)
    assert (added.how, added.change) == ("added", 10)


@settings(max_examples=100, deadline=None)
@given(entries, entries)
def test_changes_sum_to_the_difference_of_the_totals(left, right):
    assert sum(d.change for d in join(left, right)) == total(right) - total(left)
    assert all(d.size >= abs(d.change) for d in join(left, right))
    assert sum(by_phase(left).values()) == total(left)
    assert bool(join(left, right)) == (left != right)
