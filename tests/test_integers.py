"""XLA's integer semantics, where they differ from Python's."""

import pytest

from jaxflops.formulas.integers import apply, wrap


@pytest.mark.parametrize(
    ("opcode", "args", "dtype", "value"),
    [
        ("divide", [-7, 2], "s32", -3),
        ("divide", [7, 0], "s32", -1),
        ("remainder", [-7, 2], "s32", -1),
        ("shift-right-logical", [-8, 1], "s8", 124),
        ("shift-right-arithmetic", [-8, 1], "s8", -4),
        ("shift-left", [1, 8], "u8", 0),
        ("not", [1], "pred", 0),
        ("not", [1], "s32", -2),
        ("convert", [256], "pred", 1),
        ("convert", [256], "u8", 0),
        ("abs", [-128], "s8", -128),
        ("clamp", [0, 9, 5], "s32", 5),
        ("select", [0, 1, 2], "s32", 2),
        ("sign", [-3], "s32", -1),
    ],
)
def test_integer_operations_are_xlas(opcode, args, dtype, value):
    assert apply(opcode, args, dtype) == value


def test_wrapping():
    assert [wrap(200, "s8"), wrap(-1, "u8"), wrap(2, "pred")] == [-56, 255, 0]
