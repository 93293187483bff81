"""Programs that hold a primitive said to compute nothing, for those that XLA can lower."""

from __future__ import annotations

import contextlib
import gc
import importlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import export, lax
from jax.ad_checkpoint import checkpoint_name
from jax.experimental import multihost_utils
from jax.experimental.layout import Layout, with_layout_constraint
from jax.experimental.pallas import tpu as pltpu
from jax.experimental.xla_metadata import set_xla_metadata
from jax.extend.core import Primitive
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

# Modules whose primitives no public function makes alone.
for _module in (
    "jax._src.shard_alike",  # before JAX 0.12
    "jax._src.pallas.mosaic.interpret.interpret_pallas_call",
    "jax._src.pallas.triton.primitives",
    "jax.experimental.key_reuse._core",
):
    with contextlib.suppress(ImportError):
        importlib.import_module(_module)
DEFINED = {each.name: each for each in gc.get_objects() if isinstance(each, Primitive)}
X = "f32[4,6]"


def bound(name: str, *shared: Any, **params: Any) -> Callable[..., Any]:
    """The primitive itself as a function; what it gives one of is given as that."""
    return lambda *args: DEFINED[name].bind(*args, *shared, **params)


def _sharded(x):
    return lax.with_sharding_constraint(x, NamedSharding(_mesh(AxisType.Auto), P("d")))


def _resharded(x):
    return jax.sharding.reshard(x, NamedSharding(_mesh(AxisType.Explicit), P("d")))


def _mesh(kind):
    return jax.make_mesh((1,), ("d",), axis_types=(kind,))


def _in_map(fn, out=None, kind=AxisType.Auto):
    out = P("d") if out is None else out
    return lambda x: jax.shard_map(fn, mesh=_mesh(kind), in_specs=P(), out_specs=out)(x)


def _varying(x):
    return lax.pcast(x, "d", to="varying")


def _reduced(cast):
    return _in_map(lambda x: bound(cast, axes=("d",))(bound("preduced", axes=("d",))(x)))


def _unreduced(cast):
    return _in_map(
        lambda x: bound(cast, axes=("d",))(_varying(x)), P(unreduced={"d"}), AxisType.Explicit
    )


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


def _freed(x):
    ref = jax.new_ref(x)
    kept = ref[...]
    jax.ref.free_ref(ref)
    return kept


def _unpinned(x):
    states = importlib.import_module("jax._src.state.primitives")
    return states.unpin(states.pin(x))


def _boxed(x):
    hijax = importlib.import_module("jax._src.hijax")
    box = hijax.new_box()
    hijax.box_set(box, x)
    return hijax.box_get(box)


def _global(x):
    mesh = _mesh(AxisType.Auto)
    whole = multihost_utils.host_local_array_to_global_array(x, mesh, P("d"))
    return multihost_utils.global_array_to_host_local_array(whole, mesh, P("d"))


def _placed(x):
    return pltpu.with_memory_space_constraint(x, pltpu.HBM)


def _here(x):
    return lax.platform_dependent(x, cpu=lambda x: x, default=lambda x: -x)


_CAST = "reduced_vary_cast" if "reduced_vary_cast" in DEFINED else "reduced_vary_cast_p"
_PROGRAMS: dict[str, tuple[Any, ...]] = {
    "reshape": (lambda x: lax.reshape(x, (24,)), X),
    "squeeze": (lambda x: lax.squeeze(x, (0,)), "f32[1,6]"),
    "bitcast_convert_type": (lambda x: lax.bitcast_convert_type(x, jnp.int32), X),
    "broadcast_in_dim": (lambda x: lax.broadcast(x, (3,)), X),
    "broadcast_to": (bound("broadcast_to", shape=(3, 4, 6)), X),
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
    "empty2": (bound("empty2", dtype=jnp.dtype("float32"), memory_space=jax.memory.Space.Device),),
    "layout_constraint": (lambda x: with_layout_constraint(x, Layout((0, 1))), X),
    "after_all": (_after, X),
    "create_token": (_after, X),
    "dce_sink": (lambda x: (lax.dce_sink(x), x)[1], X),
    "inspect_sharding": (_inspected, X),
    "name": (lambda x: checkpoint_name(x, "here"), X),
    "optimization_barrier": (lax.optimization_barrier, X),
    "sharding_constraint": (_sharded, X),
    "reshard": (_resharded, X),
    "relayout": (lambda x: bound("relayout", dst_layout=Layout((0, 1)))(x), X),
    "shard_alike": (bound("shard_alike"), X, X),
    "axis_index": (_in_map(lambda _x: jnp.stack([lax.axis_index("d")])), X),
    "tie": (bound("tie"), X, X),
    "max_contiguous": (bound("max_contiguous", values=(8,)), "i32[]"),
    "xla_metadata_value": (lambda x: set_xla_metadata(x, tag="a"), X),
    "with_memory_space_constraint": (_placed, X),
    "remove_memory_space": (bound("remove_memory_space"), X),
    "platform_index": (_here, X),
    "pvary": (_in_map(_varying), X),
    "preduced": (_reduced(_CAST), X),
    "reduced_vary_cast": (_reduced("reduced_vary_cast"), X),
    "vary_unreduced_cast": (_unreduced("vary_unreduced_cast"), X),
    "reduced_vary_cast_p": (_reduced("reduced_vary_cast_p"), X),
    "vary_unreduced_cast_p": (_unreduced("vary_unreduced_cast_p"), X),
    "host_local_array_to_global_array": (_global, X),
    "global_array_to_host_local_array": (_global, X),
    "random_wrap": (jax.random.wrap_key_data, "u32[2]"),
    "random_unwrap": (jax.random.key_data, "key[]"),
    "random_clone": (jax.random.clone, "key[]"),
    "new_ref": (lambda x: jax.ref.freeze(jax.new_ref(x)), X),
    "freeze": (lambda x: jax.ref.freeze(jax.new_ref(x)), X),
    "get": (lambda x: jax.new_ref(x)[...], X),
    "empty_ref": (lambda: jax.ref.empty_ref(jax.typeof(jnp.zeros(3)))[...],),
    "free_ref": (_freed, X),
    "pin": (_unpinned, X),
    "unpin": (_unpinned, X),
    "new_box": (_boxed, X),
    "box_set": (_boxed, X),
    "box_get": (_boxed, X),
    "real": (lax.real, "c64[4,6]"),
    "imag": (lax.imag, "c64[4,6]"),
    "complex": (lax.complex, X, X),
}
PROGRAMS = {name: program for name, program in _PROGRAMS.items() if name in DEFINED}
"""Those of the installed JAX."""


EXPORTED = {"dim_as_value", "dimension_size", "shape_assertion"}
"""Of sizes that are values: in what `jax.export` makes of `sizes`."""


def exported() -> str:
    """The jaxpr and the module of a function of sizes b and 2b."""
    args = export.symbolic_args_specs((jnp.ones((2, 3)), jnp.ones((4, 3))), ("b, _", "2*b, _"))
    fn = jax.jit(lambda x, _y: jnp.asarray(x.shape[0]))
    return (
        f"{jax.make_jaxpr(fn)(*args)}\n{export.export(fn, platforms=['cpu'])(*args).mlir_module()}"
    )
