"""On a GPU that is attached: JAX_PLATFORMS=cuda,cpu python -m pytest tests/gpu."""

import os

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import jaxflops as jf
from jaxflops.models import suite, transformer

pytestmark = pytest.mark.skipif(
    jax.default_backend() != "gpu", reason="no GPU, or JAX_PLATFORMS does not name it"
)
MODELS = {case.name: case for case in suite("small")}


@pytest.mark.parametrize("name", ["mlp-scan-remat", "resnet", "unet", "lstm-unrolled", "vit-scan"])
def test_contractions_are_accounted_for(name):
    case = MODELS[name]
    comparison = jf.compare(case.loss, mode="grad", argnums=case.loss.argnums)(*case.args)
    assert comparison.counted.matmul_flops == comparison.lowered.matmul_flops
    assert comparison.unexplained == 0


PROGRAMS = {
    "matmul": (jnp.matmul, "bf16[512,256]", "bf16[256,1024]"),
    "split": (jnp.matmul, "bf16[64,16384]", "bf16[16384,64]"),
    "highest": (lambda a, b: jnp.dot(a, b, precision="highest"), "f32[64,128]", "f32[128,256]"),
    "batched": (lambda a, b: jnp.einsum("bij,bjk->bki", a, b), "f32[8,32,64]", "f32[8,64,48]"),
    "convolution": (lambda x, w: lax.conv(x, w, (1, 1), "SAME"), "f32[2,16,9,9]", "f32[8,16,3,3]"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_compiles_is_what_was_asked_for(name):
    fn, *specs = PROGRAMS[name]
    args = jf.specs(*specs)
    counted, compiled = jf.analyze(fn)(*args), jf.analyze_compiled(fn)(*args)
    assert compiled.matmul_flops == counted.matmul_flops > 0
    kinds = {key for key, cost in compiled.by("kind").items() if cost.matmul_flops}
    assert all(("HIGHEST" in kind) == (name == "highest") for kind in kinds)


@pytest.mark.parametrize("fn", [jnp.sort, jnp.argsort, lambda x: lax.top_k(x, 4), jnp.fft.rfft])
def test_libraries_are_known(fn):
    assert not jf.analyze_compiled(fn)(jf.spec("f32[65536]")).unknown


def profiled(**settings):
    model = transformer.with_preset("tiny").with_config(**settings)
    return jf.profile(model, mode="value_and_grad", runs=2)(*model.example_args())


@pytest.mark.parametrize("remat", [True, False])
def test_every_instruction_that_ran_is_the_programs(remat):
    profile = profiled(scan=True, remat=remat)
    assert not any("does not have" in caveat for caveat in profile.caveats)
    assert [loop.observed for loop in profile.loops] == [loop.inferred for loop in profile.loops]
    assert len(profile.loops) == 2
    assert not profile.impossible


def test_what_ran_has_the_flops_of_the_compiled_program():
    profile = profiled(scan=False, remat=False)
    model = transformer.with_preset("tiny").with_config(scan=False, remat=False)
    compiled = jf.analyze_compiled(model, mode="value_and_grad")(*model.example_args())
    assert sum(sum(each.flops.values()) for each in profile.items) == compiled.matmul_flops


def test_a_loop_on_data_is_observed():
    def root(a):
        def near(x):
            return jnp.abs(x * x - a).max() > 1e-4

        return lax.while_loop(near, lambda x: 0.5 * (x + a / x), a)

    start = jnp.full((8,), 100.0)
    _, analysis = jf.analyze_executed(root)(start)
    profile = jf.profile(root, runs=2)(start)
    assert [loop.observed for loop in profile.loops] == [analysis.executions[0].executed_iterations]


def test_command_buffers_of_a_compiled_are_named_in_the_error():
    model = transformer.with_preset("tiny").with_config(scan=False)
    compiled = jax.jit(model).lower(*model.example_args()).compile()
    if "xla_gpu_enable_command_buffer" in os.environ.get("XLA_FLAGS", ""):
        pytest.skip("command buffers are off")
    with pytest.raises(jf.JaxflopsError, match="command buffers"):
        jf.profile(compiled)(*model.example_args())


def test_a_matmul_is_below_its_peak():
    device = jf.device()
    assert device is not None
    a = jf.spec("bf16[4096,4096]")
    measured = jf.measure(jnp.matmul, seconds=0.2)(a, a)
    assert 0 < measured.mfu <= measured.hfu <= 1
