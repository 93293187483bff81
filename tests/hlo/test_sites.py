"""op_names are read as lane 1 reads name stacks."""

import jax
import jax.numpy as jnp
import pytest

import jaxflops as jf
from jaxflops.hlo.module import read_module
from jaxflops.hlo.sites import COMPILER, read_name
from jaxflops.hlo.text import read_text
from jaxflops.hlo.walk import walk
from jaxflops.views import by


@pytest.mark.parametrize(
    ("op_name", "scope", "phase", "primitive"),
    [
        ("jit(f)/mul", (), None, "mul"),
        ("jit(f)/jvp()/mul", (), "forward", "mul"),
        ("jit(f)/layer/dot_general", ("layer",), None, "dot_general"),
        ("jit(f)/jvp(layer)/tanh", ("layer",), "forward", "tanh"),
        ("jit(f)/transpose(jvp(layer))/tanh", ("layer",), "backward", "tanh"),
        ("jit(f)/transpose(jvp())/layer/tanh", ("layer",), "backward", "tanh"),
        ("jit(f)/vmap(jvp(a))/b/sin", ("a", "b"), "forward", "sin"),
        ("jit(f)/jvp(jit(silu))/mul", (), "forward", "mul"),
        ("jit(f)/while/body/layer/sin", ("layer",), None, "sin"),
        ("jit(f)/jvp(while)/body/sin", (), "forward", "sin"),
        ("jit(f)/jvp(layers)/while/body/closed_call/sin", ("layers",), "forward", "sin"),
        ("jit(f)/while/cond/lt", (), None, "lt"),
        ("jit(f)/cond/branch_12_fun/a/sin", ("a",), None, "sin"),
        ("jit(f)/body/while/a/sin", ("body", "while", "a"), None, "sin"),  # the user's own names
        ("jit(f)/transpose(jvp(m))/checkpoint/rematted_computation/a/dot", ("m", "a"),
         "recompute", "dot"),
        ("jit(f)/transpose(jvp(m))/checkpoint/a/dot", ("m", "a"), "backward", "dot"),
        ("jit(f)/attention/bqhd,bkhd->bhqk/dot_general", ("attention",), None, "dot_general"),
        ("jit(f)/...d,df->...f/dot_general", (), None, "dot_general"),
        ("jit(f)/jvp(a/b)/sin", ("a", "b"), "forward", "sin"),
        ("jit(f)/f(x)/sin", ("f(x)",), None, "sin"),
        ("jit(f)/odd)/sin", ("odd)",), None, "sin"),
        ("jit(f)/odd(/sin", ("odd(",), None, "sin"),
        ("select_n", (), None, "select_n"),
    ],
)  # fmt: skip
def test_names(op_name, scope, phase, primitive) -> None:
    assert read_name(op_name) == (scope, phase, primitive)


@pytest.mark.parametrize(
    ("op_name", "scope", "phase"),
    [
        ("jit(f)/jvp(a)/b/mul;jit(f)/jvp(a)/c/add", ("a",), "forward"),
        (
            "jit(f)/transpose(jvp(a))/mul;jit(f)/transpose(jvp(a))/broadcast_in_dim",
            ("a",),
            "backward",
        ),
        ("jit(f)/a/mul;jit(f)/b/add", (), None),
        ("jit(f)/a;b/mul", ("a;b",), None),  # a scope of the user's
    ],
)
def test_merged_names_stand_where_all_do(op_name, scope, phase) -> None:
    found = read_name(op_name)
    assert (found.scope, found.phase) == (scope, phase)


def test_no_name() -> None:
    assert read_name("") is None


def nested(w, x):
    def layer(x):
        with jax.named_scope("outer"):
            with jax.named_scope("a/b"):
                x = jnp.einsum("bd,de->be", x, w)
            return jax.lax.cond(x[0, 0] > 0, lambda x: jax.nn.silu(x) @ w, jnp.sin, x)

    def body(x, _):
        return jax.checkpoint(layer)(x), None

    return jax.lax.scan(body, x, None, length=3)[0].sum()


@pytest.mark.parametrize("transform", [lambda f: f, jax.grad, jax.hessian])
def test_scopes_and_phases_are_those_of_the_jaxpr(transform) -> None:
    args = jf.specs("f32[8,8]", "f32[4,8]")
    fn = transform(nested)
    tree, asked = walk(read_module(jax.jit(fn).lower(*args))), jf.analyze(fn)(*args).tree
    for view in ("scope", "phase", "source"):
        want = {k: c.matmul_flops for k, c in by(asked, view).items() if c.matmul_flops}
        assert {k: c.matmul_flops for k, c in by(tree, view).items() if c.matmul_flops} == want


FUSED = """HloModule jit_f, entry_computation_layout={(f32[4,4]{1,0})->f32[4,4]{1,0}}

fused {
  p = f32[4,4]{1,0} parameter(0)
  s = f32[4,4]{1,0} sine(p), metadata={op_name="jit(f)/jvp(net)/a/sin"}
  c = f32[4,4]{1,0} negate(s)
  ROOT m = f32[4,4]{1,0} multiply(c, p), metadata={op_name="jit(f)/transpose(jvp(net))/b/mul"}
}

same {
  p = f32[4,4]{1,0} parameter(0)
  ROOT s = f32[4,4]{1,0} cosine(p), metadata={op_name="jit(f)/jvp(net)/a/cos"}
}

ENTRY main {
  x = f32[4,4]{1,0} parameter(0), metadata={op_name="x"}
  k = f32[4,4]{1,0} copy(x), metadata={op_name="x"}
  n = f32[4,4]{1,0} copy(k)
  y = f32[4,4]{1,0} fusion(n), kind=kLoop, calls=same, metadata={op_name="jit(f)/jvp(net)/a/cos"}
  f = f32[4,4]{1,0} fusion(y), kind=kLoop, calls=fused, metadata={op_name="jit(f)/transpose(jvp(net))/b/mul"}
  ROOT r = f32[4,4]{1,0} copy(f)
}
"""  # noqa: E501


def test_a_fusion_owns_bytes_at_the_deepest_common_scope() -> None:
    tree = walk(read_text(FUSED))
    tree.check()
    scopes = by(tree, "scope")
    assert scopes["net/a"].transcendentals == 16 + 16
    assert scopes["net/b"].other_flops == 16
    assert scopes["net"].bytes == scopes["net/a"].bytes == 2 * 4 * 16
    assert by(tree, "primitive")["shared fusion"].bytes == 2 * 4 * 16
    assert by(tree, "primitive")["fusion"].bytes == 2 * 4 * 16


def test_a_fusion_over_phases_changes_none_of_them() -> None:
    phases = by(walk(read_text(FUSED)), "phase")
    assert phases["forward"].transcendentals == 32
    assert phases["backward"].other_flops == 16
    assert phases["backward"].bytes == 2 * (2 * 4 * 16)  # the fusion, and the copy of its result
    assert "update" not in phases


def test_what_has_no_name_goes_to_the_compiler_never_to_the_root() -> None:
    scopes = by(walk(read_text(FUSED)), "scope")
    assert scopes["/".join(COMPILER)].bytes == 3 * 2 * 4 * 16
    assert scopes["net/(compiler)"].other_flops == 16
    assert "" not in scopes
