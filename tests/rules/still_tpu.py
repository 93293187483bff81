"""Kernels that hold a primitive said to compute nothing, as Mosaic lowers them for a TPU.

Nothing is compiled, so no TPU is needed: `debug=True` prints the kernel's module.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu
from jax.experimental.pallas import tpu_sc
from jax.sharding import AbstractDevice, AbstractMesh, use_abstract_mesh
from still_xla import DEFINED

einshape = importlib.import_module("jax._src.pallas.einshape").einshape

NEWEST = jax.__version_info__ >= (0, 12)
Call = tuple[Callable[..., Any], tuple[jax.ShapeDtypeStruct, ...]]


def array(*shape: int, dtype: Any = "float32") -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, dtype)


TILE = array(8, 128)
ONE = array(1, 1, dtype="int32")
SMEM = pl.BlockSpec(memory_space=pltpu.SMEM)
WHERE_IT_IS = pl.BlockSpec(memory_space=pl.ANY)
SEMAPHORE = pltpu.SemaphoreType.REGULAR


def call(kernel: Callable[..., None], *args: Any, out: Any = TILE, **options: Any) -> Call:
    return pl.pallas_call(kernel, out_shape=out, debug=True, **options), args


def each(change: Callable[[Any], Any], out: Any = TILE, **options: Any) -> Call:
    """A kernel that stores what it makes of its operand."""

    def kernel(x, o, *_):
        o[...] = change(x[...])

    return call(kernel, TILE, out=out, **options)


def beside(mark: Callable[..., Any], **options: Any) -> Call:
    """A kernel that copies its operand, and does `mark` (of its scratch) beside that."""

    def kernel(x, o, *scratch):
        mark(*scratch)
        o[...] = x[...]

    return call(kernel, TILE, **options)


def _program_id(_x, o):
    o[0, 0] = pl.program_id(0)


def _num_programs(n, x):
    def kernel(_x, o):
        o[0, 0] = pl.num_programs(0)

    return pl.pallas_call(
        kernel, out_shape=ONE, debug=True, grid=(n,), in_specs=[WHERE_IT_IS], out_specs=SMEM
    )(x)


def _multiple_of(i, x, o):
    o[...] = x[pl.ds(pl.multiple_of(i[0], 8), 8), :]


def _trace_value(i, x, o):
    pltpu.trace_value("i", i[0])
    o[...] = x[...]


def _touched(x, o):
    pltpu.touch(x)
    o[...] = x[...]


def _checked(x, o):
    pl.debug_check(x[0, 0] > 0, "not positive")
    o[...] = x[...]


def _copied(x, o, semaphore):
    copy = pltpu.make_async_copy(x, o, semaphore)
    copy.start()
    copy.wait()


def _signalled(semaphore):
    pl.semaphore_signal(semaphore, 1)
    pl.semaphore_wait(semaphore, 1)


def _read(_x, o, semaphore):
    o[0, 0] = pl.semaphore_read(semaphore)


def _pushed(x, o):
    pltpu.matmul_push_rhs(x[...], staging_register=0, mxu_index=0)
    o[...] = x[...]


def _popped(_x, o):
    if NEWEST:
        with a_chip():
            accumulator = pltpu.ACC(0)((256, 256), jnp.float32)
        o[...] = pl.run_scoped(pltpu.matmul_pop, accumulator)
    else:
        o[...] = pltpu.matmul_pop(0, (256, 256), jnp.float32, mxu_index=0)


def _popped_in_order(_x, o):
    o[...] = pltpu.matmul_pop_fifo((256, 256), jnp.float32, mxu_index=0)


def _subcores() -> Call:
    """A barrier of the vector subcores of a chip's sparse cores."""

    def run(x):
        mesh = tpu_sc.VectorSubcoreMesh(core_axis_name="core", subcore_axis_name="subcore")
        out = "out_type" if "out_type" in inspect.signature(pl.kernel).parameters else "out_shape"
        kernel = pl.kernel(
            lambda _x, _o: tpu_sc.subcore_barrier(), mesh=mesh, debug=True, **{out: x}
        )
        return kernel(x)

    return run, (array(8, dtype="int32"),)


def a_chip():
    """A TPU with sparse cores, of which nothing is attached."""
    device = AbstractDevice(device_kind="TPU7x", num_cores=2, platform="tpu")
    return use_abstract_mesh(AbstractMesh((), (), abstract_device=device))


_SCALARS = {"in_specs": [SMEM, pl.BlockSpec()]}
_SQUARE = array(256, 256, dtype="bfloat16")
_BARRIER = pltpu.CompilerParams(collective_id=0)
_COPY = call(
    _copied,
    TILE,
    in_specs=[WHERE_IT_IS],
    out_specs=WHERE_IT_IS,
    scratch_shapes=[pltpu.SemaphoreType.DMA],
)
_SIGNAL = beside(_signalled, scratch_shapes=[SEMAPHORE])
_KERNELS: dict[str, Call] = {
    "roll": each(lambda x: pltpu.roll(x, 1, 0)),
    "bitcast": each(lambda x: pltpu.bitcast(x, jnp.int32), out=array(8, 128, dtype="int32")),
    "einshape_lo": each(lambda x: einshape("ab->ba", x), out=array(128, 8)),
    "program_id": call(_program_id, TILE, out=ONE, grid=(2,), out_specs=SMEM),
    "num_programs": (_num_programs, (array(dtype="int32"), TILE)),
    "multiple_of": call(_multiple_of, array(1, dtype="int32"), array(16, 128), **_SCALARS),
    "trace_value": call(_trace_value, array(1, dtype="int32"), TILE, **_SCALARS),
    "delay": beside(lambda: pl.delay(3)),
    "add_dependency": call(_touched, TILE),
    "check": call(_checked, TILE),
    "dma_start": _COPY,
    "dma_wait": _COPY,
    "semaphore_signal": _SIGNAL,
    "semaphore_wait": _SIGNAL,
    "semaphore_read": call(_read, TILE, out=ONE, out_specs=SMEM, scratch_shapes=[SEMAPHORE]),
    "get_barrier_semaphore": beside(
        lambda: pl.semaphore_signal(pltpu.get_barrier_semaphore(), 1), compiler_params=_BARRIER
    ),
    "matmul_push_rhs": call(_pushed, _SQUARE, out=_SQUARE),
    "matmul_pop": call(_popped, TILE, out=array(256, 256)),
    "matmul_pop_fifo": call(_popped_in_order, TILE, out=array(256, 256)),
    "barrier": _subcores(),
}
KERNELS = {name: kernel for name, kernel in _KERNELS.items() if name in DEFINED}
"""Those of the installed JAX."""
