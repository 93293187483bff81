"""Planted faults, those that need no compilation; `scripts/faults.py` runs all of them."""

import faults
import pytest

KNOWN = faults.programs()
CASES = [
    (fault, name)
    for fault in faults.faults()
    if not fault.compiled
    for name in fault.programs
    if not name.startswith("transformer")
]


@pytest.mark.parametrize(("fault", "name"), CASES, ids=[f"{f.name}-{n}" for f, n in CASES])
def test_a_planted_fault_is_unexplained_to_the_flop(fault, name):
    assert faults.check(fault, KNOWN[name])
