"""Settings of the shipped models: read from text or refused; signatures; the suite."""

import inspect

import jax
import pytest

from jaxflops.errors import JaxflopsError, SpecError
from jaxflops.models import mlp, moe, resnet, suite, transformer, two_layer, unet, vit


def test_settings_are_read_from_text():
    model = transformer.with_preset("llama3-8b").with_config(layers="64", remat="false", seq="S")
    assert (model.config.layers, model.config.remat, model.config.seq) == (64, False, "S")
    assert resnet.with_config(stages="(1, 2)").config.stages == (1, 2)
    assert moe.with_config(capacity_factor="2").config.capacity == 2 * 4096 * 2 // 8


POSITIVE = "a positive whole number"


@pytest.mark.parametrize(
    ("model", "change", "message"),
    [
        (
            mlp,
            {"layer": 2},
            "model 'mlp' has no setting 'layer'; write one of: batch, width, layers",
        ),
        (mlp, {"scan": "maybe"}, "setting scan='maybe': write true or false"),
        (mlp, {"scan": 1}, "setting scan=1: write true or false"),
        (mlp, {"layers": True}, f"setting layers=True: write {POSITIVE}"),
        (mlp, {"batch": "-1"}, f"batch=-1: write {POSITIVE}, or the name of a symbolic size"),
        (mlp, {"dtype": "f8"}, "setting dtype='f8': write one of f32, bf16"),
        (mlp, {"layers": "L"}, "layers=L: unrolled layers need a number; set scan=true"),
        (unet, {"levels": "x"}, f"setting levels='x': write {POSITIVE}"),
        (unet, {"image": 100}, "image=100: write a multiple of 16"),
        (moe, {"balance": "x"}, "setting balance='x': write a number"),
        (resnet, {"stages": "3"}, "setting stages=3: write positive whole numbers such as"),
        (transformer, {"heads": 7}, "width=768, heads=7, kv_heads=12: write a width"),
        (transformer, {"seq": 4096}, "seq=4096 is longer than the 1024 learned positions"),
        (vit, {"patch": 15}, "image=224, patch=15: write an image size that patch divides"),
    ],
)
def test_wrong_settings_say_what_to_write(model, change, message):
    with pytest.raises(JaxflopsError, match=message):
        model.with_config(**change).example_args()


def test_unknown_presets_and_unknown_sizes_say_what_to_write():
    with pytest.raises(JaxflopsError, match="model 'mlp' has no preset 'huge'; write one of: def"):
        mlp.with_preset("huge")
    with pytest.raises(JaxflopsError, match=r"shape \(B, D\) has the symbolic size B; give the"):
        two_layer.random_args()


def test_a_size_that_is_no_expression_is_refused():
    with pytest.raises(SpecError, match="write whole numbers, or names of symbolic sizes"):
        mlp.with_config(batch="B!")


def test_medium_suite_has_the_same_models():
    small, medium = ({case.loss.name for case in suite(size)} for size in ("small", "medium"))
    assert small - {"resnet"} == medium - {"resnet18"}
    with pytest.raises(JaxflopsError, match=r"suite\('big'\): write one of small, medium"):
        list(suite("big"))


def test_a_model_looks_like_the_function_it_stands_for():
    assert list(inspect.signature(two_layer).parameters) == ["x", "w1", "w2"]
    assert list(inspect.signature(transformer).parameters) == ["params", "tokens", "targets"]
    assert transformer.__name__ == "transformer"
    assert jax.jit(mlp).lower(*mlp.example_args()).out_info.shape == ()
