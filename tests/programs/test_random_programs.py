"""Laws that every program keeps, over random ones; and each program that once broke one.

Thousands of examples: `python scripts/random_programs.py --examples 3000`.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from laws import LAWS, counting, execution, lowering
from random_programs import OPERATIONS, programs

few = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    database=None,
)
random_program = given(programs, st.integers(0, 6))


@random_program
@few
def test_counting(block, s):
    counting(block, s)


@random_program
@few
def test_execution(block, s):
    execution(block, s)


@random_program
@few
def test_lowering(block, s):
    lowering(block, s)


ONCE_BROKEN = {
    # A derivation asked for the frames of a value in a jaxpr without equations.
    "nested loops of a batch": ([("vmap", 3, True, [("triangle", 2, [("square",)])])], 1),
    # The index of a choice inside a loop was looked up in the state of no iteration.
    "a choice decides a loop": (
        [("until", [("switch", [("mix", 3)], [("mix", 1)], [("mix", 2), ("tanh",)])])],
        5,
    ),
    # A choice inside a call inside a loop: its index was looked up in the wrong slice.
    "a choice in a call decides a loop": (
        [("until", [("mix", 1), ("remat", [("cond", [("mix", 1)], [("mix", 2)])])])],
        2,
    ),
    # `branch="sum"` counted one of two branches of equal cost.
    # The program written out had a cotangent for each element, the program under test one for all.
    "a gradient of a batch ends in a choice": (
        [("vmap", 3, False, [("grad", [("switch", [("row",)], [("mix", 3)], [("conv",)])])])],
        2,
    ),
    "equal branches": ([("cond", [("weights",)], [("weights",)])], 0),
}


@pytest.mark.parametrize("name", ONCE_BROKEN)
@pytest.mark.parametrize("law", LAWS)
def test_programs_that_once_broke_a_law(law, name):
    LAWS[law](*ONCE_BROKEN[name])


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_of_the_programs(name):
    """Alone, so that a random program does not have to find it."""
    counting([(name,)], 0)
    lowering([("grad", [(name,)])], 0)
