"""Operations on tiles inside kernels, against loops over the tile."""

import itertools

import numpy as np
import pytest
from rule_oracles import Counted

import jaxflops as jf
from jaxflops.errors import UnknownCostError
from jaxflops.jaxpr.registry import COST_RULES


def rule(name, inputs, output):
    array = lambda shape: jf.Array(shape, "float32", 4, "float")
    op = jf.Op(name, tuple(map(array, inputs)), (array(output),))
    return COST_RULES[name].formula(op)


@pytest.mark.parametrize("name", ["mma", "wgmma", "tcgen05_mma", "matmul_acc_lhs"])
def test_a_tile_product(name) -> None:
    m, k, n = 3, 4, 5
    tally = Counted.start()
    a, b = (np.vectorize(Counted)(np.ones(shape)) for shape in ((m, k), (k, n)))
    accumulator = np.vectorize(Counted)(np.zeros((m, n)))
    for i, j, x in itertools.product(range(m), range(n), range(k)):
        accumulator[i, j] = accumulator[i, j] + a[i, x] * b[x, j]
    cost = rule(name, ((m, n), (m, k), (k, n)), (m, n))
    assert cost.matmul_flops == tally["+"] + tally["*"]
    with pytest.raises(UnknownCostError, match="the tile's extent is not known"):
        rule(name, ((m, n), (2, m, k), (k, n)), (m, n))


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
def test_a_reduced_tile(name) -> None:
    tally = Counted.start()
    tile = np.vectorize(Counted)(np.ones((6, 8)))
    for row in tile:
        total = row[0]
        for x in row[1:]:
            total = total + x
    cost = rule(f"mosaic_gpu_reduce_{name}", ((6, 8),), (6,))
    assert cost.other_flops == tally["+"]


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_a_sorted_tile_takes_as_many_comparisons_as_its_worst_order(length) -> None:
    worst = 0
    for order in itertools.permutations(range(length)):
        tally = Counted.start()
        kept: list[Counted] = []
        for value in map(Counted, order):  # binary insertion
            low, high = 0, len(kept)
            while low < high:
                middle = (low + high) // 2
                low, high = (low, middle) if value < kept[middle] else (middle + 1, high)
            kept.insert(low, value)
        worst = max(worst, tally["<"])
    assert rule("masked_sort", ((length,),), (length,)).other_flops == worst
