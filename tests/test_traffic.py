"""`bytes_compulsory`: programs where arguments and results counted once would be wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import Primitive

import jaxflops as jf

F = 4  # bytes of an element


def touched(fn, *specs, donate=(), **options):
    """(bytes read of arguments, bytes written of results)."""
    analysis = jf.analyze(jax.jit(fn, donate_argnums=donate), **options)(*jf.specs(*specs))
    parts = analysis.footprint.compulsory
    assert analysis.bytes_compulsory == parts.read + parts.written
    return parts.read, parts.written


def decode(cache, key, query, position):
    """One step of attention over a cache of all earlier keys."""
    cache = lax.dynamic_update_slice(cache, key[:, None], (0, position, 0))
    return cache, jnp.einsum("bd,bsd->bs", query, cache)


def test_decoding_with_a_donated_cache() -> None:
    """All of the cache is read but the row that is replaced; one row of each is written."""
    specs = ("f32[2,128,16]", "f32[2,16]", "f32[2,16]", "i32[]")
    cache, row, scores = 2 * 128 * 16, 2 * 16, 2 * 128
    read = F * (cache - row + row + row + 1)
    assert touched(decode, *specs, donate=0) == (read, F * (row + scores))
    assert touched(decode, *specs) == (read, F * (cache + scores))


ROW = {
    "sliced": lambda c, row, i: lax.dynamic_update_slice(c, row[:, None], (0, i, 0)),
    "scattered": lambda c, row, i: c.at[:, i].set(row),
    "called": lambda c, row, i: jax.jit(lambda c: c.at[:, i].set(row))(c.reshape(2, 128, 8)),
    "either": lambda c, row, i: lax.cond(
        i > 3, lambda c: c.at[:, i].set(row), lambda c: c.at[:, i - 1].set(row), c
    ),
}


@pytest.mark.parametrize("name", ROW)
def test_an_update_in_place_reads_nothing_of_it(name) -> None:
    """At most: of a choice, the rows of both branches."""
    read, written = touched(ROW[name], "f32[2,128,8]", "f32[2,8]", "i32[]", donate=0)
    assert read == F * (2 * 8 + 1)
    assert written == (2 if name == "either" else 1) * F * 2 * 8


def test_adding_in_place_reads_what_it_adds_to() -> None:
    add = lambda c, rows, i: c.at[i].add(rows)
    read, written = touched(add, "f32[100,8]", "f32[3,8]", "i32[3]", donate=0)
    assert (read, written) == (F * (3 * 8 + 3 * 8 + 3), F * 3 * 8)


def test_layers_with_stacked_caches() -> None:
    """A scan over layers updates a row of every layer's cache; the stack is updated in place."""

    def layers(weights, caches, x, i):
        def layer(h, parts):
            w, cache = parts
            h = jnp.tanh(h @ w)
            return h, lax.dynamic_update_slice(cache, h[:, None], (0, i, 0))

        return lax.scan(layer, x, (weights, caches))

    specs = ("f32[5,8,8]", "f32[5,4,32,8]", "f32[4,8]", "i32[]")
    read, written = touched(layers, *specs, donate=1)
    assert read == F * (5 * 8 * 8 + 4 * 8 + 1)
    assert written == F * (4 * 8 + 5 * 4 * 8)


def test_a_loop_that_fills_a_buffer() -> None:
    """Three rows of a hundred; of a loop of unknown length, all."""

    def fill(buffer, rows, n):
        step = lambda i, b: lax.dynamic_update_slice(b, rows[i][None], (i, 0))
        return lax.fori_loop(0, n, step, buffer)

    known = lambda buffer, rows: fill(buffer, rows, 3)
    specs = ("f32[100,8]", "f32[50,8]")
    assert touched(known, *specs, donate=0) == (F * 3 * 8, F * 3 * 8)
    assert touched(fill, *specs, "i32[]", donate=0) == (F * (50 * 8 + 1), F * 100 * 8)


def test_embedding_lookup() -> None:
    """Eight rows, however long the table; through a conversion and a scaling too."""
    look = lambda table, i: (table.astype(jnp.bfloat16) * 3)[i].astype(jnp.float32)
    for fn in (look, lambda table, i: table[i], lambda table, i: jnp.take(table, i, axis=0)):
        assert touched(fn, "f32[50000,64]", "i32[8]") == (F * (8 * 64 + 8), F * 8 * 64)


def test_symbols() -> None:
    """No more rows than there are."""
    read, written = touched(lambda table, i: table[i], "f32[V,D]", "i32[N]")
    assert (str(read), str(written)) == ("4·N + 4·min(D·N, D·V)", "4·D·N")
    analysis = jf.analyze(lambda table, i: table[i])(*jf.specs("f32[V,D]", "i32[N]"))
    assert analysis.at(V=50000, D=64, N=8).bytes_compulsory == F * (8 * 64 + 8 + 8 * 64)
    assert analysis.at(V=5, D=64, N=8).bytes_compulsory == F * (5 * 64 + 8 + 8 * 64)


def test_arguments_that_are_not_used() -> None:
    """Neither one that nothing reads, nor one of which only the shape is read."""
    fn = lambda x, unused, shaped: x + jnp.zeros(shaped.shape)
    assert touched(fn, "f32[8]", "f32[1000]", "f32[8]") == (F * 8, F * 8)


def test_stacked_weights_are_all_touched() -> None:
    """The scan's body reads one layer, and runs for each; a gradient reads no more arguments."""

    def loss(ws, x):
        return jnp.sum(lax.scan(lambda h, w: (jnp.tanh(h @ w), None), x, ws)[0])

    specs = ("f32[6,8,8]", "f32[4,8]")
    assert touched(loss, *specs) == (F * (6 * 64 + 32), F)
    assert touched(jax.grad(loss), *specs) == (F * (6 * 64 + 32), F * 6 * 64)


def test_a_scan_that_looks_up() -> None:
    """One row for each of 8 tokens, not 8 tables; a static row is the same each time."""

    def program(table, tokens):
        step = lambda c, t: (c + table[t] + table[0], None)
        return lax.scan(step, jnp.zeros(16), tokens)[0]

    assert touched(program, "f32[100,16]", "i32[8]")[0] == F * ((8 + 1) * 16 + 8)
    assert touched(program, "f32[4,16]", "i32[8]")[0] == F * (4 * 16 + 8)


def test_a_result_that_is_an_argument() -> None:
    """Copied, unless it is donated."""
    both = lambda x, y: (x, y + 1)
    assert touched(both, "f32[8]", "f32[3]") == (F * 11, F * 11)
    assert touched(both, "f32[8]", "f32[3]", donate=0) == (F * 3, F * 3)


def test_carries_that_feed_each_other() -> None:
    """The last of eight carries becomes the result after eight iterations: all are read."""

    def shift(values):
        return lax.fori_loop(0, 20, lambda _, v: (v[-1], *v[:-1]), values)[0]

    values = tuple(jf.specs(*["f32[8]"] * 8))
    assert jf.analyze(shift)(values).footprint.compulsory.read == F * 8 * 8


def test_a_loop_that_reads_what_it_wrote_before() -> None:
    """A recurrence over the rows of a table: two rows an iteration are read, not the table."""

    def recur(table):
        def step(i, table):
            row = table[i] + table[i + 1]
            return lax.dynamic_update_slice(table, row[None], (i + 2, 0))

        return lax.fori_loop(0, 3, step, table)

    read, written = touched(recur, "f32[100,8]", donate=0)
    assert (read, written) == (F * 2 * 3 * 8, F * 3 * 8)


def test_what_is_stacked_or_swapped_is_not_in_place() -> None:
    """A donated value that each iteration returns, and two that a loop exchanges."""
    stack = lambda table, xs: lax.scan(lambda c, x: (c + x, table), 0.0, xs)[1]
    assert touched(stack, "f32[8]", "f32[5]", donate=0) == (F * 8, F * 5 * 8)

    def swap(x, y):
        return lax.fori_loop(0, 3, lambda _, pair: (pair[1], pair[0]), (x, y))

    assert touched(swap, "f32[8]", "f32[8]", donate=(0, 1)) == (F * 16, F * 16)


@pytest.mark.parametrize(("dtype", "bits"), [("i4", 4), ("u4", 4), ("i8", 8), ("bf16", 16)])
def test_types_of_less_than_a_byte_are_packed(dtype, bits) -> None:
    """As XLA keeps them; NumPy would say a byte each."""
    fn = lambda table, i: table[i].astype(jnp.float32)
    args = jf.specs(f"{dtype}[101,3]", "i32[2]")
    compiled = jax.jit(fn).lower(*args).compile().memory_analysis()
    arguments = -(-101 * 3 * bits // 8)
    assert compiled.argument_size_in_bytes == arguments + 2 * 4
    analysis = jf.analyze(fn)(*args)
    assert analysis.footprint.compulsory.read == -(-2 * 3 * bits // 8) + 2 * 4
    assert jf.analyze(lambda x: x.astype(jnp.float32))(args[0]).total.bytes_read == arguments
    assert analysis.peak_bytes >= arguments


def test_unfused_bytes_of_a_loop_are_those_of_its_slices() -> None:
    """Each iteration reads its own layer, not the stack, and updates a row, not the carry."""

    def program(ws, x, buffer):
        def step(carry, parts):
            h, buffer = carry
            i, w = parts
            h = h @ w
            return (h, lax.dynamic_update_slice(buffer, h, (i, 0))), None

        return lax.scan(step, (x, buffer), (jnp.arange(5), ws))[0]

    by = jf.analyze(program)(*jf.specs("f32[5,8,8]", "f32[1,8]", "f32[5,8]")).by("primitive")
    assert by["dot_general"].bytes == 5 * F * (8 + 64 + 8)
    row = by["dynamic_update_slice"]
    assert (row.bytes_read, row.bytes_written) == (5 * F * (8 + 2), 5 * F * 8)


def test_a_value_closed_over_is_read() -> None:
    table = np.ones((100, 4), np.float32)
    assert touched(lambda i: jnp.asarray(table)[i], "i32[2]")[0] >= F * 2 * 4


def test_unknown_access_is_the_whole_argument_and_said() -> None:
    kernel = Primitive("paged")
    kernel.def_abstract_eval(lambda x, i: jax.core.ShapedArray((4,), x.dtype))
    fn = lambda table, i, other: kernel.bind(table, i) + other[:4]
    analysis = jf.analyze(fn)(*jf.specs("f32[100,4]", "i32[]", "f32[50]"))
    assert analysis.footprint.compulsory.read == F * (400 + 1 + 4)
    assert analysis.caveats[-1] == (
        "bytes_compulsory: paged is taken to read all of table, i: what it accesses is not known"
    )


def test_the_memory_is_in_json() -> None:
    analysis = jf.analyze(jax.jit(decode, donate_argnums=0))(
        *jf.specs("f32[B,S,16]", "f32[B,16]", "f32[B,16]", "i32[]")
    )
    read = jf.load(analysis.to_json())
    assert read.footprint == analysis.footprint
    assert read.bytes_compulsory == analysis.bytes_compulsory
    assert read.caveats == analysis.caveats


# Programs that only pick elements: an element is touched if the results depend on it.
PICKS = {
    "rows": lambda x: x[2:5, 1:3],
    "overlapping": lambda x: x[0:4] + x[2:6],
    "a slice of a slice": lambda x: x[1:][2:4] * x[3:5],
    "shifted": lambda x: x[1:] - x[:-1],
    "strided": lambda x: x[::2].sum(),
    "a view": lambda x: x.T[1:3].reshape(-1)[::2],
    "padded": lambda x: jnp.pad(x[2:4], 1),
    "joined": lambda x: jnp.concatenate([x[:1], x[6:7]]),
    "looked up": lambda x: x[jnp.arange(2) * 4 + 1],
    "a scan of rows": lambda x: lax.map(lambda row: row[1] * 2, x),
    "a loop": lambda x: lax.fori_loop(0, 3, lambda i, c: c + x[i, 2], 0.0),
    "a branch of many": lambda x: jax.jit(lambda y: y[0] + y[0])(x[3:]),
    "masked": lambda x: jnp.where(jnp.arange(4) > 1, x[0], x[7]),
    "split": lambda x: jnp.split(x, 4)[1],
}


@pytest.mark.parametrize("name", PICKS)
def test_what_is_touched_is_what_results_depend_on(name) -> None:
    fn = PICKS[name]
    x = np.arange(1.0, 33.0, dtype=np.float32).reshape(8, 4)
    jitted = jax.jit(fn)
    expected = [np.asarray(v) for v in jax.tree.leaves(jitted(x))]
    depends = 0
    for place in np.ndindex(*x.shape):
        changed = x.copy()
        changed[place] += 0.37
        results = jax.tree.leaves(jitted(changed))
        depends += any((np.asarray(a) != b).any() for a, b in zip(results, expected, strict=True))
    read = jf.analyze(fn)(x).footprint.compulsory.read
    if name in ("strided", "a view", "masked"):  # rows of views and masks are not followed
        assert F * depends <= read <= F * x.size
    else:
        assert read == F * depends
