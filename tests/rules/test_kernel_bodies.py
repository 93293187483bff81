"""What runs jaxprs around and inside kernels, against the same work written out."""

import importlib
import inspect

import jax
import jax.numpy as jnp
import pytest
from jax.experimental import pallas as pl
from jax.experimental.compute_on import compute_on
from jax.experimental.pallas import tpu as pltpu
from jax.experimental.pallas import tpu_sc
from still_tpu import NEWEST, WHERE_IT_IS, a_chip, array, call

import jaxflops as jf

N = 8 * 128
CORES, SUBCORES, LANES = 2, 16, 16


def counted(fn, *args) -> jf.Analysis:
    """The analysis on a chip that is not attached, printed and all."""
    with a_chip():
        analysis = jf.analyze(fn)(*args)
    analysis.tree.check()
    assert str(analysis)
    assert not analysis.unknown
    return analysis


def on_each_core(body, mesh, like):
    parameters = inspect.signature(pl.kernel).parameters
    out = "out_type" if "out_type" in parameters else "out_shape"
    return lambda x: pl.kernel(lambda *_: body(), mesh=mesh(), **{out: like})(x)


def in_scratch(work, *shape):
    """Work on an array that lives in a kernel."""

    def scope(ref):
        ref[...] = work(ref[...])

    return lambda: pl.run_scoped(scope, pltpu.VMEM(shape, jnp.float32))


def cores():
    return pltpu.create_tensorcore_mesh("c", num_cores=CORES)


def subcores():
    return tpu_sc.VectorSubcoreMesh(core_axis_name="c", subcore_axis_name="s")


def test_a_state_runs_its_function_once() -> None:
    def state(x):
        def body(ref):
            ref[...] = jnp.tanh(ref[...])

        return pl.run_state(body)(x)

    analysis = counted(state, array(8, 128))
    assert analysis.transcendentals == N
    assert analysis.bytes_compulsory == 2 * 4 * N  # read whole, as far as one can tell
    assert any("run_state is taken to read all of x" in note for note in analysis.caveats)


def test_a_pipeline_runs_its_body_once_a_block() -> None:
    def body(a, b):
        b[...] = jnp.tanh(a[...])

    def kernel(x, o):
        rows = pl.BlockSpec((8, 128), lambda i: (i, 0))
        pltpu.emit_pipeline(body, grid=(4,), in_specs=[rows], out_specs=[rows])(x, o)

    fn, args = call(
        kernel, array(32, 128), out=array(32, 128), in_specs=[WHERE_IT_IS], out_specs=WHERE_IT_IS
    )
    assert counted(fn, *args).transcendentals == 4 * N


@pytest.mark.filterwarnings("ignore:.* is deprecated:DeprecationWarning")
def test_a_map_over_cores_runs_on_each() -> None:
    """By `core_map`, which `pl.kernel` was made of, and by `pl.kernel`."""

    def mapped(x):
        def state(_ref):
            pl.core_map(cores())(in_scratch(jnp.tanh, 8, 128))

        return pl.run_state(state)(x)

    kernel = on_each_core(in_scratch(jnp.tanh, 8, 128), cores, array(8, 128))
    for fn in (mapped, kernel):
        assert counted(fn, array(8, 128)).transcendentals == CORES * N


def test_a_kernel_of_sparse_cores_runs_on_each_subcore() -> None:
    double = in_scratch(lambda x: x * 2.0, LANES)
    fn = on_each_core(double, subcores, array(LANES))
    with a_chip():
        chip = subcores()
    everywhere = chip.num_cores * chip.num_subcores
    assert counted(fn, array(LANES)).flops == everywhere * LANES


@pytest.mark.skipif(not NEWEST, reason="needs Mosaic for GPUs")
def test_a_kernel_of_a_gpu_runs_in_each_thread_of_each_block_of_each_cluster() -> None:
    from jax.experimental.pallas import mosaic_gpu as gpu

    def kernel(x, o):
        o[...] = jnp.sin(x[...])

    def pipeline(x, o):
        block = gpu.BlockSpec((128,), lambda i: (i,))
        gpu.emit_pipeline(
            lambda _i, a, b: b.__setitem__(..., jnp.exp(a[...])),
            grid=(4,),
            in_specs=[block],
            out_specs=[block],
        )(x, o)

    names = {"grid_names": ("g",), "cluster_names": ("c",), "thread_name": "t"}
    of_all = gpu.kernel(
        kernel, out_type=array(128), grid=(5,), cluster=(2,), num_threads=3, **names
    )
    assert counted(of_all, array(128)).transcendentals == 5 * 2 * 3 * 128
    in_blocks = gpu.kernel(pipeline, out_type=array(512))
    assert counted(in_blocks, array(512)).transcendentals == 4 * 128


def test_work_on_the_host_is_work() -> None:
    marked = compute_on if NEWEST else importlib.import_module("jax._src.compute_on").compute_on2
    space = jax.memory.Space.Device
    fn = marked(jnp.tanh, compute_type="device_host", out_memory_spaces=space)
    assert "compute_on[" in str(jax.make_jaxpr(fn)(array(8, 128)))
    assert counted(fn, array(8, 128)).transcendentals == N
