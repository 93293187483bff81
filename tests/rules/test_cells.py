"""Branches of a kernel that its grid decides count in the cells that take them."""

from dataclasses import fields
from itertools import product

import jax
import jax.numpy as jnp
import pytest
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu
from jax.experimental.pallas.ops.tpu import flash_attention
from rule_oracles import cost

import jaxflops as jf

TILE = 8 * 8
SQUARE = "f32[8,8]"


def on_grid(kernel, grid, like="f32[8,8]"):
    """A kernel on whole arrays, at each position of a grid."""
    return lambda x: pl.pallas_call(
        kernel, out_shape=jax.ShapeDtypeStruct(x.shape, x.dtype), grid=grid, interpret=True
    )(x), like


def test_a_blocked_product_starts_and_ends_once_for_each_block() -> None:
    """[16,64] @ [64,24] in blocks of 8, 8 and 16: 2 x 3 blocks, each of 4 steps."""

    def kernel(x, y, o, total):
        k = pl.program_id(2)

        @pl.when(k == 0)
        def _():
            total[...] = jnp.zeros_like(total)

        total[...] += x[...] @ y[...]

        @pl.when(k == pl.num_programs(2) - 1)
        def _():
            o[...] = jnp.tanh(total[...])

    f = pl.pallas_call(
        kernel,
        grid=(2, 3, 4),
        in_specs=[
            pl.BlockSpec((8, 16), lambda i, j, k: (i, k)),
            pl.BlockSpec((16, 8), lambda i, j, k: (k, j)),
        ],
        out_specs=pl.BlockSpec((8, 8), lambda i, j, k: (i, j)),
        out_shape=jax.ShapeDtypeStruct((16, 24), "float32"),
        scratch_shapes=[pltpu.VMEM((8, 8), "float32")],
    )
    analysis = jf.analyze(f)(*jf.specs("f32[16,64]", "f32[64,24]"))
    analysis.tree.check()
    assert analysis.matmul_flops == 2 * 16 * 64 * 24
    assert analysis.transcendentals == 2 * 3 * TILE
    # zeros set; tanh: the total read, a result set; each step: the total read and set. What is
    # read is written as a value; what is set is exchanged with what was there.
    steps, ends = 2 * 3 * 4, 2 * 3
    touched = analysis.by("primitive")
    assert touched["swap"].bytes == 2 * 2 * 4 * TILE * (steps + ends + ends)
    assert touched["get"].bytes == 2 * 4 * ((TILE + 2 * 8 * 16) * steps + TILE * ends)
    assert analysis.interval == (analysis.flops, analysis.flops)
    assert not [note for note in analysis.caveats if "cond" in note]


def _causal(x, o):
    i, j = pl.program_id(0), pl.program_id(1)

    @pl.when(j <= i)
    def _():
        o[...] = x[...] @ x[...]


def test_blocks_above_the_diagonal_are_left_out() -> None:
    f, x = on_grid(_causal, (4, 4))
    taken = sum(j <= i for i, j in product(range(4), range(4)))
    assert taken == 10
    assert cost(f, x).matmul_flops == taken * 2 * 8**3
    assert cost(jax.vmap(f), "f32[3,8,8]").matmul_flops == 3 * taken * 2 * 8**3


def test_a_product_in_a_branch_of_a_kernel_has_its_row() -> None:
    f, x = on_grid(_causal, (4, 4))
    analysis = jf.analyze(lambda x, w: f(x @ w))(*jf.specs(x, x))
    rows = analysis.derivation.rows
    assert [row.flops for row in rows] == [2 * 8**3, 10 * 2 * 8**3]
    assert sum(row.flops for row in rows) == analysis.matmul_flops
    assert str(jf.load(analysis.to_json())) == str(analysis)
    _, executed = jf.analyze_executed(f)(jnp.ones((8, 8)))
    assert executed.matmul_flops == 10 * 2 * 8**3


@pytest.mark.parametrize("causal", [False, True])
def test_flash_attention_of_jax_leaves_out_what_its_mask_does(causal) -> None:
    """Two products a block forward; backward five, and the scores again in each of two kernels."""
    batch, heads, length, depth, block = 1, 2, 1024, 128, 128
    sizes = {field.name: block for field in fields(flash_attention.BlockSizes)}
    sizes = flash_attention.BlockSizes(**{**sizes, "block_b": 1})
    attend = lambda q, k, v: flash_attention.flash_attention(
        q, k, v, causal=causal, block_sizes=sizes
    )
    loss = lambda *operands: attend(*operands).sum()
    args = [jf.spec(f"f32[{batch},{heads},{length},{depth}]")] * 3
    blocks = length // block
    cells = blocks * (blocks + 1) // 2 if causal else blocks**2
    product = 2 * block * block * depth * batch * heads * cells
    assert jf.analyze(attend)(*args).matmul_flops == 2 * product
    grad = jf.analyze(loss, mode="grad", argnums=(0, 1, 2))(*args)
    assert (grad.forward.matmul_flops, grad.backward.matmul_flops) == (2 * product, 7 * product)


def test_the_cells_counted_are_those_that_run() -> None:
    """Each cell that takes the branch adds one; the kernel is run, interpreted."""

    def kernel(x, o):
        i, j = pl.program_id(0), pl.program_id(1)

        @pl.when((i + j) % 3 == 1)
        def _():
            o[...] = o[...] + jnp.sin(x[...])

    f, x = on_grid(kernel, (5, 4), "f32[1]")
    counted = cost(f, x).transcendentals

    def marked(x, o):
        i, j = pl.program_id(0), pl.program_id(1)
        o[0, 0] = jnp.where((i + j) % 3 == 1, 1.0, 0.0) + x[0, 0]

    marks = pl.pallas_call(
        marked,
        grid=(5, 4),
        in_specs=[pl.BlockSpec((1, 1), lambda i, j: (i, j))],
        out_specs=pl.BlockSpec((1, 1), lambda i, j: (i, j)),
        out_shape=jax.ShapeDtypeStruct((5, 4), "float32"),
        interpret=True,
    )(jnp.zeros((5, 4)))
    assert counted == int(marks.sum())


def test_a_switch_on_the_position_is_clamped() -> None:
    """Five cells on three branches: 0, 1, 2, 2, 2."""

    def kernel(x, o):
        branches = [lambda a: a, jnp.sin, lambda a: jnp.sin(jnp.cos(a))]
        o[...] = lax.switch(pl.program_id(0), branches, x[...])

    f, x = on_grid(kernel, (5,))
    assert cost(f, x).transcendentals == (0 + 1 + 3 * 2) * TILE


def test_a_branch_in_a_loop_is_decided_where_the_loop_does_not_matter() -> None:
    def kernel(x, o):
        first = pl.program_id(0) == 0

        def body(_, carry):
            return lax.cond(first, jnp.sin, lambda a: a, carry)

        o[...] = lax.fori_loop(0, 7, body, x[...])

    f, x = on_grid(kernel, (4,))
    assert cost(f, x).transcendentals == 7 * TILE


@pytest.mark.parametrize("of", ["data", "the loop", "two calls"])
def test_what_the_grid_does_not_decide_is_the_costliest_branch(of) -> None:
    @jax.jit
    def when(first, a):
        return lax.cond(first, jnp.sin, lambda a: a, a)

    def kernel(x, o):
        k = pl.program_id(0)
        if of == "data":
            o[...] = when(x[0, 0] > 0, x[...])
        elif of == "the loop":
            o[...] = lax.fori_loop(0, 1, lambda i, a: when(i + k == 0, a), x[...])
        else:
            o[...] = when(k == 0, when(k == 1, x[...]))

    f, x = on_grid(kernel, (4,))
    analysis = jf.analyze(f)(*jf.specs(x))
    calls = 2 if of == "two calls" else 1
    assert analysis.transcendentals == 4 * calls * TILE
    assert any("max of" in note for note in analysis.caveats)


def test_a_grid_that_is_a_value_keeps_the_costliest_branch() -> None:
    def kernel(x, o):
        @pl.when(pl.program_id(0) == 0)
        def _():
            o[...] = jnp.sin(x[...])

    f = lambda n, x: on_grid(kernel, (n,))[0](x)
    assert str(cost(f, "i32[]", SQUARE).transcendentals) == "64·grid(axis 0)"


@pytest.mark.slow
def test_a_ledger_holds_kernels_as_xla_does() -> None:
    f, x = on_grid(_causal, (4, 4))
    comparison = jf.compare(f)(jf.spec(x))
    assert comparison.ok
    assert comparison.counted.matmul_flops == 16 * 2 * 8**3
