"""Every primitive has a rule, every free one a proof, and public programs leave nothing unknown."""

import re
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from jax import lax
from jax.ad_checkpoint import checkpoint_name
from jax.experimental.layout import Layout, with_layout_constraint
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P
from public_programs import AREAS
from rule_oracles import cost

import jaxflops as jf
from jaxflops.jaxpr.registry import COST_RULES, PROVED

SCRIPT = Path(__file__).parents[2] / "scripts" / "check_rules.py"


# Costed, one an element, inside Pallas kernels only: nothing to hold them against.
KERNELS = {name for name, rule in COST_RULES.items() if rule.state == "costed" and not rule.oracle}


def test_only_primitives_of_kernels_have_no_oracle() -> None:
    assert {COST_RULES[name].formula.__module__ for name in KERNELS} == {
        "jaxflops.jaxpr.rules.kernel"
    }


def test_every_primitive_of_the_installed_jax_has_a_rule() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--summary"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (bare,) = re.findall(r"costed without an oracle: (\d+)", done.stdout)
    assert int(bare) == len(KERNELS & set(done.stdout.split()))


def check_memory(analysis, args, results) -> None:
    """What is touched is no more than all there is, and all of it is alive at some time."""
    closed_over = 10_000  # tables of constants, of which no program here has more
    inputs, outputs = (sum(map(size_of, jax.tree.leaves(part))) for part in (args, results))
    moved = analysis.footprint.compulsory
    assert 0 <= moved.read <= inputs + closed_over
    assert 0 <= moved.written <= outputs
    assert analysis.peak_bytes >= max(moved.read, moved.written)


def size_of(array) -> int:
    return array.size * array.dtype.itemsize


@pytest.mark.parametrize("area", AREAS)
def test_public_programs_leave_nothing_unknown(area) -> None:
    unknown = {}
    for name, (fn, specs) in AREAS[area].items():
        args = jf.specs(*specs)
        analysis = jf.analyze(fn)(*args)
        check_memory(analysis, args, jax.eval_shape(fn, *args))
        found = analysis.unknown
        if found:
            unknown[name] = [entry.name for entry in found]
    assert unknown == {}


@pytest.mark.parametrize("area", ["nn", "lax", "linalg"])
def test_gradients_of_public_programs_leave_nothing_unknown(area) -> None:
    unknown = {}
    for name, (fn, specs) in AREAS[area].items():
        try:
            analysis = jf.analyze(fn, mode="vjp")(*jf.specs(*specs))
        except jf.TraceError:  # not differentiable
            continue
        if analysis.unknown:
            unknown[name] = [entry.name for entry in analysis.unknown]
    assert unknown == {}


X = "f32[4,6]"


def _sharded(x):
    mesh = jax.make_mesh((1,), ("d",), axis_types=(AxisType.Auto,))
    return lax.with_sharding_constraint(x, NamedSharding(mesh, P("d")))


def _sliced(x, i):
    return lax.dynamic_slice(x, (i, i), (2, 3), allow_negative_indices=False)


def _updated(x, u, i):
    return lax.dynamic_update_slice(x, u, (i, i), allow_negative_indices=False)


def _looked_up(x, i):
    return x.at[i].get(mode="promise_in_bounds", wrap_negative_indices=False)


def _after(x):
    lax.after_all(lax.create_token(), lax.create_token())
    return x


def _inspected(x):
    jax.debug.inspect_array_sharding(x, callback=print)
    return x


# A program that holds the primitive, for those that some public function makes.
PROGRAMS = {
    "reshape": (lambda x: lax.reshape(x, (24,)), X),
    "squeeze": (lambda x: lax.squeeze(x, (0,)), "f32[1,6]"),
    "bitcast_convert_type": (lambda x: lax.bitcast_convert_type(x, jnp.int32), X),
    "broadcast_in_dim": (lambda x: lax.broadcast(x, (3,)), X),
    "transpose": (lambda x: lax.transpose(x, (1, 0)), X),
    "rev": (lambda x: lax.rev(x, (0,)), X),
    "concatenate": (lambda x: lax.concatenate([x, x], 0), X),
    "pad": (lambda x: lax.pad(x, 0.0, ((1, 1, 1), (0, -1, 0))), X),
    "iota": (lambda: lax.iota(jnp.int32, 7),),
    "copy": (jnp.copy, X),
    "device_put": (jax.device_put, X),
    "slice": (lambda x: lax.slice(x, (0, 0), (2, 3)), X),
    "dynamic_slice": (_sliced, X, "i32[]"),
    "dynamic_update_slice": (_updated, X, "f32[2,3]", "i32[]"),
    "split": (lambda x: lax.split(x, (1, 3)), X),
    "gather": (_looked_up, X, "i32[2]"),
    "stop_gradient": (lax.stop_gradient, X),
    "stack": (lambda x: jnp.stack([x, x]), X),
    "tile": (lambda x: jnp.tile(x, (2, 2)), X),
    "unstack": (jnp.unstack, X),
    "empty": (lambda: lax.empty((3,), "float32"),),
    "layout_constraint": (lambda x: with_layout_constraint(x, Layout((0, 1))), X),
    "after_all": (_after, X),
    "create_token": (_after, X),
    "dce_sink": (lambda x: (lax.dce_sink(x), x)[1], X),
    "inspect_sharding": (_inspected, X),
    "name": (lambda x: checkpoint_name(x, "here"), X),
    "optimization_barrier": (lax.optimization_barrier, X),
    "sharding_constraint": (_sharded, X),
    "random_wrap": (jax.random.wrap_key_data, "u32[2]"),
    "random_unwrap": (jax.random.key_data, "key[]"),
    "random_clone": (jax.random.clone, "key[]"),
    "new_ref": (lambda x: jax.ref.freeze(jax.new_ref(x)), X),
    "freeze": (lambda x: jax.ref.freeze(jax.new_ref(x)), X),
    "get": (lambda x: jax.new_ref(x)[...], X),
    "real": (lax.real, "c64[4,6]"),
    "imag": (lax.imag, "c64[4,6]"),
    "complex": (lax.complex, X, X),
}
# HLO that computes nothing. `real`, `imag` and `complex` pick and pair components.
STILL = [
    "parameter",
    "constant",
    "reshape",
    "bitcast-convert",
    "broadcast",
    "transpose",
    "reverse",
    "concatenate",
    "pad",
    "iota",
    "copy",
    "slice",
    "dynamic-slice",
    "dynamic-update-slice",
    "gather",
    "opt-barrier",
    "tuple",
    "get-tuple-element",
    "custom-call",
    "real",
    "imag",
    "complex",
    "call",
    "after-all",
]


@pytest.mark.parametrize("name", PROGRAMS)
def test_free_and_moved_primitives_lower_to_no_arithmetic(name) -> None:
    fn, *specs = PROGRAMS[name]
    args = jf.specs(*specs)
    assert re.search(rf"\b{name}\b", str(jax.make_jaxpr(fn)(*args))) or name in _names(fn, args)
    module = jax.jit(fn).lower(*args).compiler_ir("hlo").as_hlo_text()
    opcodes = set(re.findall(r"= \S+ ([a-z][a-z\-]*)\(", module))
    assert opcodes <= set(STILL)
    got = cost(fn, *specs)
    assert (got.flops, got.transcendentals, got.int_ops) == (0, 0, 0)
    assert COST_RULES[name].state in ("free", "moved")


def _names(fn, args) -> set[str]:
    return {str(name) for name in jf.analyze(fn)(*args).by("primitive")}


def test_every_proof_is_made_here() -> None:
    """No primitive is said to lower to no arithmetic without a program that shows it."""
    proved = {name for name, rule in COST_RULES.items() if rule.oracle == PROVED}
    assert proved <= {*PROGRAMS, "costed_differentiated"}


def test_free_primitives_move_nothing_and_moved_ones_do() -> None:
    assert cost(lambda x: lax.reshape(x, (24,)), X).bytes == 0
    moved = cost(lambda x: lax.transpose(x, (1, 0)), X)
    assert (moved.bytes_read, moved.bytes_written) == (96, 96)
