"""Shapes and arguments as text, and the border to JAX's symbolic dimensions."""

import operator

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.export import SymbolicScope, symbolic_shape

from jaxflops.errors import SpecError
from jaxflops.jaxpr.arguments import parse_args
from jaxflops.jaxpr.specs import spec, specs
from jaxflops.jaxpr.symbols import to_count
from jaxflops.polynomial import evaluate, maximum, minimum, symbol

B, D, T = map(symbol, "BDT")
laws = settings(max_examples=60, deadline=None, derandomize=True)

SPECS = [
    ("f32[8,128]", (8, 128), "float32"),
    ("f32[]", (), "float32"),
    (" f32 [ 8 , 4 ] ", (8, 4), "float32"),
    ("bf16[B,2*D]", (B, 2 * D), "bfloat16"),
    ("f16[0]", (0,), "float16"),
    ("float32[T//2 + 1]", (T // 2 + 1,), "float32"),
    ("bfloat16[3]", (3,), "bfloat16"),
    ("i32[floordiv(T, 2), T % 8]", (T // 2, T % 8), "int32"),
    ("s32[max(T, 8), min(B, T)]", (maximum(T, 8), minimum(B, T)), "int32"),
    ("u8[T**2 - 1, T^2]", (T**2 - 1, T**2), "uint8"),
    ("i4[D - D + 3]", (3,), "int4"),
    ("u2[2]", (2,), "uint2"),
    ("bool[B]", (B,), "bool"),
    ("pred[2]", (2,), "bool"),
    ("c64[(B + 1)*(B - 1) + 1]", (B**2,), "complex64"),
    ("f8_e4m3fn[4]", (4,), "float8_e4m3fn"),
    ("f8e5m2[4]", (4,), "float8_e5m2"),
    ("float8_e5m2[4]", (4,), "float8_e5m2"),
    ("key[4]", (4,), "key<fry>"),
    ("key<rbg>[]", (), "key<rbg>"),
]


@pytest.mark.parametrize(("text", "shape", "dtype"), SPECS, ids=[s[0] for s in SPECS])
def test_spec(text, shape, dtype):
    array = spec(text)
    assert isinstance(array, jax.ShapeDtypeStruct)
    assert tuple(map(to_count, array.shape)) == shape
    assert str(array.dtype) == dtype


def test_specs_share_their_sizes():
    x, params = specs("f32[B,D]", {"w": ("f32[D,K]", jnp.zeros(2)), "rate": 0.5, "none": None})
    later = spec("f32[B,K]")  # a separate call: a name still means the same size
    assert params["rate"] == 0.5
    assert params["none"] is None
    assert params["w"][1].shape == (2,)
    out = jax.eval_shape(lambda x, p, y: x @ p["w"][0] + y, x, params, later)
    assert str(out.shape) == "(B, K)"


def test_64_bit_types_when_switched_on():
    with jax.enable_x64(True):
        assert spec("f64[2]").dtype == np.float64
        assert spec("u64[2]").dtype == np.uint64


EXPRESSIONS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
    "max": max,
    "min": min,
}


def tree(names="BDT"):
    leaves = st.sampled_from(names) | st.integers(1, 9)
    small = st.integers(2, 9)

    def grow(inner):
        kinds = [st.tuples(st.just(o), inner, small if o in "//%" else inner) for o in EXPRESSIONS]
        return st.one_of(kinds)

    return st.recursive(leaves, grow, max_leaves=6)


def written(node):
    if not isinstance(node, tuple):
        return str(node)
    sign, left, right = node[0], written(node[1]), written(node[2])
    return f"{sign}({left}, {right})" if sign in ("max", "min") else f"({left}) {sign} ({right})"


def value(node, sizes):
    if isinstance(node, tuple):
        return EXPRESSIONS[node[0]](value(node[1], sizes), value(node[2], sizes))
    return sizes.get(node, node)


@laws
@given(tree(), st.fixed_dictionaries({name: st.integers(1, 30) for name in "BDT"}))
def test_a_written_size_is_its_value(node, sizes):
    """Text -> JAX's dimension -> our count -> a number: equal to Python's own arithmetic."""
    (dim,) = spec(f"f32[max({written(node)}, 0)]").shape
    assert evaluate(to_count(dim), sizes) == max(value(node, sizes), 0)


def test_counts_of_dimensions():
    a, b = symbolic_shape("2*B*D^2 - B + 3, floordiv(B, D) * mod(T, B)", scope=SymbolicScope())
    assert to_count(a) == 2 * B * D**2 - B + 3
    assert to_count(b) == (B // D) * (T % B)
    assert to_count(8) == 8
    for other in (np.int64(8), np.uint8(8), True):
        assert type(to_count(other)) is int
    other_scope = symbolic_shape("B", scope=SymbolicScope())[0]
    assert to_count(other_scope) == to_count(spec("f32[B]").shape[0]) == B


def read(text):
    """`parse_args` with every abstract array written back as text."""
    arguments = parse_args(text)

    def show(leaf):
        if not isinstance(leaf, jax.ShapeDtypeStruct):
            return leaf
        return f"{leaf.dtype}[{','.join(map(str, leaf.shape))}]"

    return jax.tree.map(show, (arguments.args, arguments.kwargs), is_leaf=lambda x: x is None)


F = "float32"
ARGUMENTS = [
    ("", (), {}),
    ("f32[B,D] f32[D,D], f32[D,K]", (f"{F}[B,D]", f"{F}[D,D]", f"{F}[D,K]"), {}),
    ("{w: f32[D,K], b: f32[K]}", ({"w": f"{F}[D,K]", "b": f"{F}[K]"},), {}),
    ("(f32[2], [f32[3], i32[]])", ((f"{F}[2]", [f"{F}[3]", "int32[]"]),), {}),
    ("(f32[2])", ((f"{F}[2]",),), {}),
    ("{} [] ()", ({}, [], ()), {}),
    ("0.1 3 -1e-3 007 1_000 .5", (0.1, 3, -0.001, 7, 1000, 0.5), {}),
    ("true False null None", (True, False, None, None), {}),
    ("""'str' "a'b" 'f32[8]' 'tab\\t'""", ("str", "a'b", "f32[8]", "tab\t"), {}),
    ("f32[2] lr=f32[] steps = 3", (f"{F}[2]",), {"lr": f"{F}[]", "steps": 3}),
    ("[f32[D,D]]*2 (1, 'a') * 2", ([f"{F}[D,D]"] * 2, (1, "a", 1, "a")), {}),
    ("{1: f32[2], -2: 3}", ({1: f"{F}[2]", -2: 3},), {}),
    ("{'a b': {c: [i8[1]]}}", ({"a b": {"c": ["int8[1]"]}},), {}),
    ("key<rbg>[]\n  u8[max(2,3)]", ("key<rbg>[]", "uint8[3]"), {}),
]


@pytest.mark.parametrize(("text", "args", "kwargs"), ARGUMENTS, ids=[a[0] for a in ARGUMENTS])
def test_arguments(text, args, kwargs):
    assert read(text) == (args, kwargs)


SPEC_ERRORS = [
    ("f32", "'f32' is no shape spec; write dtype[dims], as in f32[8,128] or f32[]"),
    (8, "8 is no shape spec; write dtype[dims]"),
    ("f32[8", "'f32[8' is no shape spec"),
    ("f64[8]", "in 'f64[8]': f64 needs 64-bit types, which JAX has switched off; write f32, or"),
    ("complex128[]", "write c64, or switch them on with jax.config.update('jax_enable_x64', True)"),
    ("q3[2]", "in 'q3[2]': unknown dtype 'q3'; write f32, bf16"),
    ("sin[2]", "unknown dtype 'sin'"),
    ("f99[2]", "unknown dtype 'f99'"),
    ("key<dice>[]", "unknown random generator in 'key<dice>'; write key, key<fry>"),
    ("f32[2,]", "cannot read the size ''; write an int, a name such as B"),
    ("f32[-1]", "the size '-1' is negative; write an int >= 0 or a name"),
    ("f32[a b]", "cannot read the size 'a b'"),
    (
        "f32[lambda]",
        "cannot read the size 'lambda'; write an int, a name such as B (no Python keyw",
    ),
    ("f32[1.5]", "cannot read the size '1.5'"),
    (
        "f32[B/2]",
        "cannot read the size 'B/2'; write an int, a name such as B (no Python keyword), ",
    ),
    ("f32[T//0]", "cannot read the size 'T//0'"),
    ("f32[2**B]", "cannot read the size '2**B'"),
    ("f32[exp(B, 2)]", "cannot read the size 'exp(B, 2)'"),
]


@pytest.mark.parametrize(("text", "message"), SPEC_ERRORS, ids=[str(e[0]) for e in SPEC_ERRORS])
def test_bad_specs_say_what_to_write(text, message):
    with pytest.raises(SpecError) as error:
        spec(text)
    assert message in str(error.value)


def test_a_bad_dimension_says_what_to_write():
    with pytest.raises(SpecError, match="float is no dimension; write an int or a name"):
        to_count(2.5)


ARGUMENT_ERRORS = [
    ("f32[2] f32[B,D", 7, "the '[' of f32 has no closing ']'; write f32[8,128]"),
    ("f32", 0, "f32 is neither a spec nor a value (a string wants quotes); write a spec such as"),
    ("{w f32[2]}", 1, "a dict wants key: value, as in {w: f32[8,8], b: f32[8]}"),
    ("{w: }", 4, "expected a value, got '}'; write a spec such as f32[8,128], a number, 'text'"),
    ("3 (f32[2]", 2, "'(' has no closing ')'; write it"),
    ("f32[2]]", 6, "expected a value, got ']'"),
    ("a=3 4", 4, "a positional argument after a keyword one; write it before them"),
    ("a=1 a=2", 4, "a= is given twice; write it once"),
    ("{a: 1, a: 2}", 7, "the key 'a' is given twice; write it once"),
    ("3 f64[2]", 2, "f64 needs 64-bit types"),
    ("x=", 2, "expected a value, got the end"),
    ("1.2.3", 0, "expected a value, got '1.2.3'"),
    ("1\n@", 2, "expected a value, got '@'"),
]


@pytest.mark.parametrize(("text", "column", "message"), ARGUMENT_ERRORS)
def test_bad_arguments_are_marked(text, column, message):
    with pytest.raises(SpecError) as error:
        parse_args(text)
    first, line, caret = str(error.value).split("\n")
    assert message in first
    assert line == "  " + text.replace("\n", " ")
    assert caret == "  " + " " * column + "^"
