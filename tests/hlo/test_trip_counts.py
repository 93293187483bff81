"""Trip counts, against loops that are simply run."""

import pytest
from hlo_programs import count_of, instructions
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxflops.formulas.integers import COMPARISONS, apply, bounds
from jaxflops.hlo.text import read_text

LOOP = """HloModule m

%body (s: ({t}[], {t}[], f32[4])) -> ({t}[], {t}[], f32[4]) {{
  %s = ({t}[], {t}[], f32[4]) parameter(0)
  %i = {t}[] get-tuple-element(%s), index=0
  %n = {t}[] get-tuple-element(%s), index=1
  %x = f32[4] get-tuple-element(%s), index=2
  %sine = f32[4] sine(%x)
  %step = {t}[] constant({step})
  %next = {t}[] {op}(%i, %step)
  ROOT %out = ({t}[], {t}[], f32[4]) tuple(%next, %n, %sine)
}}

%condition (c: ({t}[], {t}[], f32[4])) -> pred[] {{
  %c = ({t}[], {t}[], f32[4]) parameter(0)
  %j = {t}[] get-tuple-element(%c), index=0
  %m = {t}[] get-tuple-element(%c), index=1
  ROOT %go = pred[] compare(%j, %m), direction={direction}
}}

ENTRY %main (x0: f32[4]) -> ({t}[], {t}[], f32[4]) {{
  %x0 = f32[4] parameter(0)
  %start = {t}[] constant({start})
  %bound = {t}[] constant({bound})
  %init = ({t}[], {t}[], f32[4]) tuple(%start, %bound, %x0)
  ROOT %loop = ({t}[], {t}[], f32[4]) while(%init), condition=%condition, body=%body{attributes}
}}
"""


def written(start, bound, step, direction, *, t="s32", op="add", attributes=""):
    return read_text(
        LOOP.format(
            t=t,
            op=op,
            start=start,
            bound=bound,
            step=step,
            direction=direction,
            attributes=attributes,
        )
    )


def run(start, bound, step, direction, t, op):
    """The number of iterations, by running them; None after more than a small dtype can have."""
    state = start
    for done in range(600):
        if not COMPARISONS[direction](state, bound):
            return done
        state = apply(op, [state, step], t)
    return None


@given(data=st.data(), t=st.sampled_from(["s8", "u8", "s16"]))
@settings(max_examples=150, deadline=None)
def test_counts_equal_the_loop_that_is_run(data, t):
    low, high = bounds(t)
    values = st.integers(max(low, -150), min(high, 150))
    start, bound, step = data.draw(values), data.draw(values), data.draw(values)
    direction = data.draw(st.sampled_from(sorted(COMPARISONS)))
    op = data.draw(st.sampled_from(["add", "subtract", "multiply", "divide"]))
    expected = run(start, bound, step, direction, t, op)
    (found,) = count_of(written(start, bound, step, direction, t=t, op=op))
    if expected is not None or t != "s16":
        assert found.count == expected, found


@pytest.mark.parametrize(
    ("start", "bound", "step", "direction", "count"),
    [
        (0, 4, 2, "LT", 2),  # the constant in the condition is not the count
        (0, 5, 2, "LT", 3),
        (20, -5, -3, "GE", 9),
        (0, 10**9, 1, "LT", 10**9),
        (0, 7, 1, "NE", 7),
        (3, 3, 1, "EQ", 1),
        (5, 4, 1, "LT", 0),
    ],
)
def test_induction_variables(start, bound, step, direction, count):
    (found,) = count_of(written(start, bound, step, direction))
    assert (found.count, found.provenance) == (count, "induction")
    assert found.reason == f"counts from {start} by {step} while {direction}"


def test_other_integer_recurrences_are_evaluated():
    (found,) = count_of(written(1, 1000, 2, "LT", op="multiply"))
    assert (found.count, found.provenance) == (10, "evaluated")


def test_overflow_ends_a_loop_as_it_does_on_a_device():
    (found,) = count_of(written(100, 0, 1, "GT", t="s8"))
    assert found.count == 28


def test_a_loop_that_never_ends_is_open():
    (found,) = count_of(written(0, 1, 0, "LT"))
    assert found.count is None
    assert found.reason.endswith("scalars that come back to where they were: it never ends")


def test_a_loop_too_long_to_evaluate_is_open(monkeypatch):
    monkeypatch.setattr("jaxflops.formulas.induction.MOST_ITERATIONS", 20)
    (found,) = count_of(written(1, 2**30, 2, "LT", op="multiply"))
    assert found.reason.endswith("scalars that still go on after 20 iterations")


def annotation(count):
    return f', backend_config={{"known_trip_count":{{"n":"{count}"}}}}'


def test_xlas_annotation_is_a_cross_check():
    (agrees,) = count_of(written(0, 4, 2, "LT", attributes=annotation(2)))
    assert (agrees.count, agrees.annotated, agrees.disputed) == (2, 2, False)
    (disputed,) = count_of(written(0, 4, 2, "LT", attributes=annotation(4)))
    assert (disputed.count, disputed.annotated, disputed.disputed) == (2, 4, True)


def test_xlas_annotation_stands_in_for_what_cannot_be_evaluated():
    (found,) = count_of(written(0, 4, 2, "LT", t="f32", attributes=annotation(2)))
    assert (found.count, found.provenance) == (2, "annotated")
    (without,) = count_of(written(0, 4, 2, "LT", t="f32"))
    assert (without.count, without.provenance) == (None, "open")
    assert "which is not an integer but f32" in without.reason


def test_a_computation_with_two_callers_is_not_guessed():
    module = written(0, 4, 2, "LT")
    text = LOOP.format(
        t="s32", op="add", start=0, bound=4, step=2, direction="LT", attributes=""
    ).replace("ENTRY %main (x0: f32[4])", "%inner (n0: s32[], x0: f32[4])")
    text = text.replace(
        "%x0 = f32[4] parameter(0)", "%n0 = s32[] parameter(0)\n  %x0 = f32[4] parameter(1)"
    )
    text = text.replace("tuple(%start, %bound, %x0)", "tuple(%start, %n0, %x0)")
    text += """
ENTRY %main (y: f32[4]) -> (s32[], s32[], f32[4]) {
  %y = f32[4] parameter(0)
  %two = s32[] constant(2)
  %six = s32[] constant(6)
  %first = (s32[], s32[], f32[4]) call(%two, %y), to_apply=%inner
  ROOT %second = (s32[], s32[], f32[4]) call(%six, %y), to_apply=%inner
}
"""
    (found,) = count_of(read_text(text))
    assert found.reason == "the condition depends on what the 2 callers of 'inner' give it"
    only = text.replace("call(%six, %y), to_apply=%inner", "tuple(%six, %six, %y)")
    (found,) = count_of(read_text(only))
    assert found.count == 1
    assert len(instructions(module, "while")) == 1
