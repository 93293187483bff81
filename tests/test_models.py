"""The shipped models: published sizes, finite gradients, scan = unrolled, remat = none."""

import math

import jax
import numpy as np
import pytest

from jaxflops.models import MODELS, mlp, moe, resnet, suite, transformer, two_layer
from jaxflops.models.layers import attention, cross_entropy, norm, rope
from jaxflops.models.moe import route
from jaxflops.models.ssm import selective_scan

# Compiling is what takes the time. JAX 0.12 has no way back to the quicker emitters of its CPU.
QUICK = {"xla_backend_optimization_level": 0}
if jax.__version_info__ < (0, 11):
    QUICK["xla_cpu_use_fusion_emitters"] = False
SUITE = {name: (loss, args) for name, loss, args in suite()}


def run(fn, *args):
    """One unoptimised program; eager JAX would compile one an operation."""
    compiled = jax.jit(fn).lower(*args).compile(QUICK)
    return jax.tree.map(np.asarray, compiled(*args))


def gradient(model, args):
    """Loss and parameter gradients."""
    return run(jax.value_and_grad(model, argnums=model.argnums), *args)


@pytest.fixture(scope="module")
def gradients():
    """Of the cases by name, each compiled once, from the arrays of the first seed."""
    known = {}

    def get(name):
        if name not in known:
            known[name] = gradient(SUITE[name][0], SUITE[name][0].random_args())
        return known[name]

    return get


def assert_close(left, right):
    assert jax.tree.structure(left) == jax.tree.structure(right)
    for a, b in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def unstack(params, layers):
    """Parameters of a scanned model as its unrolled form wants them."""
    each = [jax.tree.map(lambda leaf, i=i: leaf[i], params["layers"]) for i in range(layers)]
    return {**params, "layers": each}


# Sizes that are published, or counted by the reference implementation.
@pytest.mark.parametrize(
    ("name", "preset", "count"),
    [
        ("resnet", "resnet18", 11_689_512),  # torchvision
        ("resnet", "resnet34", 21_797_672),
        ("resnet", "resnet50", 25_557_032),
        ("transformer", "gpt2", 124_439_808),
        ("transformer", "llama3-8b", 8_030_261_248),
        ("transformer", "llama3-70b", 70_553_706_496),
        ("transformer", "llama3-405b", 405_853_388_800),
        ("moe", "mixtral-8x7b", 46_702_792_704),
        ("vit", "vit-b16", 86_567_656),  # torchvision
        ("vit", "vit-l16", 304_326_632),
        ("ssm", "mamba-130m", 129_135_360),
        ("unet", "default", 31_030_658),
        # Embedding, two layers of four gates with one bias, softmax: the paper says 66 million.
        ("lstm", "large", 2 * 10_000 * 1500 + 10_000 + 2 * 4 * 1500 * (2 * 1500 + 1)),
    ],
)
def test_parameter_count_is_the_published_one(name, preset, count):
    assert MODELS[name].with_preset(preset).parameter_count == count


def nominal_macs(jaxpr):
    """Multiply-adds of convolutions and products, padding counted, as papers do."""
    total = 0
    for eqn in jaxpr.eqns:
        shapes = [v.aval.shape for v in (*eqn.invars, *eqn.outvars)]
        if eqn.primitive.name == "conv_general_dilated":
            total += math.prod(shapes[2]) * math.prod(shapes[1][:-1])
        elif eqn.primitive.name == "dot_general":
            (contracted, _), _ = eqn.params["dimension_numbers"]
            total += math.prod(shapes[2]) * math.prod(shapes[0][i] for i in contracted)
        elif eqn.primitive.name in ("jit", "pjit") and "conv" not in str(eqn.params["name"]):
            total += nominal_macs(eqn.params["jaxpr"].jaxpr)
    return total


@pytest.mark.parametrize(
    ("preset", "macs"), [("resnet18", 1_814_073_344), ("resnet50", 4_089_184_256)]
)
def test_nominal_multiply_adds_at_224_pixels_are_the_published_ones(preset, macs):
    model = resnet.with_preset(preset)
    params, images, _ = model.example_args()
    assert nominal_macs(jax.make_jaxpr(model.forward)(params, images).jaxpr) == macs


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["two_layer", "mlp-scan", "resnet", "transformer-scan", "moe-scan", "lstm-scan", "vit-scan",
     "unet", "ssm-scan"],
)  # fmt: skip
def test_loss_and_gradients_are_finite_and_reach_every_parameter(name, gradients):
    value, grads = gradients(name)
    assert value.shape == ()
    for leaf in jax.tree.leaves((value, grads)):
        assert np.isfinite(leaf).all()
        assert np.abs(leaf).max() > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlp", "transformer"])
def test_unrolled_with_remat_equals_scan(name, gradients):
    value, (grads,) = gradients(f"{name}-scan")
    model, _ = SUITE[f"{name}-unrolled-remat"]
    params, *batch = SUITE[f"{name}-scan"][0].random_args()
    layers = model.config.layers
    other, (other_grads,) = gradient(model, (unstack(params, layers), *batch))
    assert_close((value, unstack(grads, layers)), (other, other_grads))


@pytest.mark.slow
def test_lstm_unrolled_over_time_with_remat_equals_scan(gradients):
    assert_close(gradients("lstm-scan"), gradients("lstm-unrolled-remat"))


@pytest.mark.parametrize("name", SUITE)
def test_every_case_traces_to_gradients_shaped_as_its_parameters(name):
    model, args = SUITE[name]
    closed = jax.make_jaxpr(jax.value_and_grad(model, argnums=model.argnums))(*args)
    params = jax.tree.leaves([args[i] for i in model.argnums])
    assert [a.shape for a in closed.out_avals] == [(), *(p.shape for p in params)]
    remat = any("checkpoint" in e.primitive.name or "remat" in e.primitive.name
                for e in all_eqns(closed.jaxpr))  # fmt: skip
    assert remat == ("-remat" in name)
    layer_loop = any(e.primitive.name == "scan" for e in all_eqns(closed.jaxpr))
    assert layer_loop == ("-scan" in name or name == "transformer-gpt2")


def all_eqns(jaxpr):
    for eqn in jaxpr.eqns:
        yield eqn
        for value in eqn.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from all_eqns(inner)


def test_llama3_405b_train_step_traces_from_abstract_arguments():
    model = transformer.with_preset("llama3-405b")
    params, tokens, targets = model.example_args()
    assert tokens.shape == targets.shape == (4, 8192)
    closed = jax.make_jaxpr(jax.value_and_grad(model))(params, tokens, targets)
    assert sum(e.primitive.name == "scan" for e in closed.jaxpr.eqns) == 2
    assert all(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in jax.tree.leaves(params))


@pytest.mark.parametrize(
    "name", [n for n in MODELS if n not in ("two_layer", "resnet18", "resnet50")]
)
def test_gradients_trace_with_a_symbolic_batch(name):
    model = MODELS[name].with_preset("tiny").with_config(batch="B")
    closed = jax.make_jaxpr(jax.value_and_grad(model))(*model.example_args())
    assert "B" in str(closed.in_avals[-1].shape[0])


@pytest.mark.parametrize("model", [two_layer, mlp, transformer])
def test_symbolic_preset_leaves_every_size_open(model):
    model = model.with_preset("symbolic")
    args = model.example_args()
    assert jax.eval_shape(jax.grad(model, argnums=model.argnums), *args)
    sizes = {str(size) for leaf in jax.tree.leaves(args) for size in leaf.shape}
    assert {"B", "D"} <= sizes
    assert not any(isinstance(size, int) for leaf in jax.tree.leaves(args) for size in leaf.shape)


def test_two_layer_is_the_plain_function():
    x, w1, w2 = (np.full(shape, 0.5, np.float32) for shape in [(2, 3), (3, 3), (3, 5)])
    np.testing.assert_allclose(run(two_layer, x, w1, w2), np.mean((x @ w1 @ w2) ** 2), rtol=1e-6)
    np.testing.assert_allclose(run(two_layer.forward, x, w1, w2), x @ w1 @ w2, rtol=1e-6)
    assert [str(arg.shape) for arg in two_layer.example_args()] == ["(B, D)", "(D, D)", "(D, K)"]


def test_attention_is_causal_and_shares_keys_within_groups():
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((1, 4, h, 6), np.float32) for h in (4, 2, 2))
    scores = np.einsum("qhd,khd->hqk", q[0], k[0].repeat(2, axis=1)) / np.sqrt(6)
    weights = np.exp(scores) * np.tri(4)
    weights /= weights.sum(-1, keepdims=True)
    expected = np.einsum("hqk,khd->qhd", weights, v[0].repeat(2, axis=1))
    causal = run(lambda *qkv: attention(*qkv, causal=True), q, k, v)
    np.testing.assert_allclose(causal[0], expected, rtol=1e-4, atol=1e-5)


def test_rope_makes_scores_depend_on_distance_only():
    q, k = (np.tile(np.arange(1.0, 5.0, dtype=np.float32) * s, (1, 6, 1, 1)) for s in (1, -0.3))
    q, k = run(lambda q, k: (rope(q, 100.0), rope(k, 100.0)), q, k)
    scores = np.einsum("qhd,khd->qk", q[0], k[0])
    np.testing.assert_allclose(scores[1:, 1:], scores[:-1, :-1], rtol=1e-4)
    assert not np.allclose(scores[0, 0], scores[0, 1])


def test_norm_is_rms_without_a_bias_and_layer_norm_with_one():
    x = np.array([[1.0, 2.0, 6.0]], np.float32)
    one, zero = np.ones(3, np.float32), np.zeros(3, np.float32)
    rms = run(norm, x, {"scale": one})
    layer = run(norm, x, {"scale": one, "bias": zero})
    np.testing.assert_allclose(rms, x / np.sqrt(np.mean(x**2)), rtol=1e-5)
    np.testing.assert_allclose(layer, (x - 3) / x.std(), rtol=1e-5, atol=1e-6)


def test_cross_entropy_is_the_negative_log_likelihood():
    logits = np.array([[0.0, 1.0, 2.0], [3.0, 0.0, 0.0]], np.float32)
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = -np.mean(np.log([p[0, 2], p[1, 1]]))
    np.testing.assert_allclose(run(cross_entropy, logits, np.array([2, 1])), expected, rtol=1e-5)


def test_experts_beyond_capacity_are_skipped():
    config = moe.with_preset("tiny").with_config(top_k=1, capacity_factor=0.5).config
    assert config.capacity == 1
    x, router = np.ones((1, 8, 16), np.float32), np.eye(16, 4, dtype=np.float32)
    dispatch, combine, _ = run(lambda x, router: route(x, router, config), x, router)
    # Eight equal tokens want one expert's only slot, and the first of them gets it.
    assert dispatch.sum() == combine.sum() == dispatch[0, 0, :, 0].sum() == 1


def test_selective_scan_is_the_recurrence():
    model = MODELS["ssm"].with_preset("tiny")
    params, _, _ = model.random_args()
    layer = jax.tree.map(lambda leaf: np.asarray(leaf[0]), params["layers"])
    u = np.random.default_rng(0).standard_normal((1, 4, 16), np.float32)
    step, write, read = np.split(u[0] @ layer["w_select"], [2, 6], axis=-1)
    step = np.log1p(np.exp(step @ layer["w_step"]))
    state, expected = 0.0, []
    for t in range(4):
        decay = np.exp(-step[t][:, None] * np.exp(layer["log_decay"]))
        state = decay * state + (step[t] * u[0, t])[:, None] * write[t]
        expected.append(state @ read[t])
    got = run(lambda u, p: selective_scan(u, p, model.config), u, layer)
    np.testing.assert_allclose(got[0], expected, rtol=1e-3, atol=1e-5)
