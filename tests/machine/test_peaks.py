"""Peaks by kind: precision decides, not the array's dtype."""

import jax
import pytest

from jaxflops.machine.device import Device
from jaxflops.machine.devices import device
from jaxflops.machine.peaks import format_of, peak_for, vector_peak
from jaxflops.tree import Kind

T = 1e12


def kind(dtype, precision="", *, other=None):
    return Kind((dtype, other or dtype), dtype, precision)


def cpu(**peak):
    return Device("cpu", "", "cpu", "", peak, {}, None, None, None, "", "")


CASES = [
    # NVIDIA: TF32 at DEFAULT and HIGH from Ampere on, the vector units at HIGHEST
    ("h100-sxm5", kind("float32"), "tf32", 494.7 * T),
    ("h100-sxm5", kind("float32", "HIGH"), "tf32", 494.7 * T),
    ("h100-sxm5", kind("float32", "HIGHEST"), "fp32", 66.9 * T),
    ("h100-sxm5", kind("bfloat16"), "bf16", 989.4 * T),
    ("h100-sxm5", kind("bfloat16", "HIGHEST"), "bf16", 989.4 * T),
    ("h100-sxm5", kind("float16"), "fp16", 989.4 * T),
    ("h100-sxm5", kind("float8_e4m3fn", other="float8_e5m2"), "fp8", 1978.9 * T),
    ("h100-sxm5", kind("int8"), "int8", 1978.9 * T),
    ("h100-sxm5", kind("float64"), "fp64", 67 * T),
    ("h100-sxm5", kind("complex64"), "tf32", 494.7 * T),
    ("h100-sxm5", kind("complex128"), "fp64", 67 * T),
    ("a100-sxm4-80gb", kind("float64"), "fp64", 19.5 * T),
    ("v100-sxm2-16gb", kind("float32"), "fp32", 15.7 * T),
    ("v100-sxm2-16gb", kind("float16"), "fp16", 125 * T),
    # algorithms, as jaxprs and as HLO write them
    ("h100-sxm5", kind("float32", "BF16_BF16_F32"), "bf16", 989.4 * T),
    ("h100-sxm5", kind("float32", "dot_bf16_bf16_f32_x3"), "bf16/3", 989.4 * T / 3),
    ("h100-sxm5", kind("float32", "TF32_TF32_F32_X3"), "tf32/3", 494.7 * T / 3),
    ("h100-sxm5", kind("float32", "F32_F32_F32"), "fp32", 66.9 * T),
    ("h100-sxm5", kind("float8_e4m3fn", "ANY_F8_ANY_F8_F32"), "fp8", 1978.9 * T),
    ("rtx4090", kind("float16", "F16_F16_F16"), "fp16_acc16", 330.3 * T),
    ("rtx4090", kind("float16", "F16_F16_F32"), "fp16", 165.2 * T),
    ("rtx4090", kind("float8_e4m3fn", "ANY_F8_ANY_F8_F32_FAST_ACCUM"), "fp8_acc16", 660.6 * T),
    ("h100-sxm5", kind("float16", "F16_F16_F16"), "fp16", 989.4 * T),
    # two precisions: XLA uses the higher for both
    ("h100-sxm5", kind("float32", "DEFAULT/HIGHEST"), "fp32", 66.9 * T),
    ("tpu-v4", kind("float32", "HIGH/DEFAULT"), "bf16/3", 275 * T / 3),
    # mixed operands: the slower one's
    ("h100-sxm5", kind("bfloat16", other="float32"), "tf32", 494.7 * T),
    ("h100-sxm5", kind("int4", other="int8"), None, None),  # Hopper has no int4
    ("a100-sxm4-80gb", kind("int4", other="bfloat16"), "bf16", 312 * T),
    # AMD: float32 is true float32 at every precision
    ("mi300x", kind("float32"), "fp32", 163.4 * T),
    ("mi300x", kind("float32", "TF32_TF32_F32"), "tf32", 653.7 * T),
    ("mi300x", kind("bfloat16"), "bf16", 1307.4 * T),
    # TPU: bf16 passes
    ("tpu-v5e", kind("float32"), "bf16", 197 * T),
    ("tpu-v5e", kind("float32", "HIGH"), "bf16/3", 197 * T / 3),
    ("tpu-v5e", kind("float32", "HIGHEST"), "bf16/6", 197 * T / 6),
    ("tpu-v5e", kind("bfloat16", "HIGHEST"), "bf16", 197 * T),
    ("tpu-v5e", kind("int8"), "int8", 394 * T),
    ("tpu-v5e", kind("float32", "BF16_BF16_F32_X6"), "bf16/6", 197 * T / 6),
]


@pytest.mark.parametrize(("name", "asked", "shown", "rate"), CASES)
def test_peak_of_a_kind(name, asked, shown, rate):
    peak = peak_for(asked, device(name))
    assert (peak and str(peak)) == shown
    assert (peak and peak.flops_per_second) == (rate and pytest.approx(rate, rel=1e-12))


NONE = [
    ("v100-sxm2-16gb", kind("bfloat16")),  # no such unit: never the fp16 figure
    ("t4", kind("bfloat16")),
    ("tpu-v5e", kind("float64")),
    ("tpu-v5e", kind("float16")),
    ("tpu-v5e", kind("float8_e4m3fn")),
    ("tpu-v5e", kind("float32", "F32_F32_F32")),
    ("h100-sxm5", kind("int32")),
    ("h100-sxm5", kind("bool")),
    ("h100-sxm5", kind("float32", "A_NEW_ALGORITHM")),
    ("h100-sxm5", Kind(())),
]


@pytest.mark.parametrize(("name", "asked"), NONE)
def test_what_no_source_gives_is_unknown(name, asked):
    assert peak_for(asked, device(name)) is None


def test_every_algorithm_of_jax_is_read():
    for preset in jax.lax.DotAlgorithmPreset:
        if preset is not jax.lax.DotAlgorithmPreset.DEFAULT:
            assert peak_for(kind("float32", preset.name), device("mi300x")), preset


def test_a_cpu_computes_narrow_floats_in_float32_unless_it_has_them():
    plain = cpu(fp32=64.0, fp64=32.0)
    assert str(peak_for(kind("bfloat16"), plain)) == "fp32"
    assert str(peak_for(kind("float16"), plain)) == "fp32"
    assert str(peak_for(kind("bfloat16"), cpu(fp32=64.0, bf16=128.0))) == "bf16"
    assert peak_for(kind("float32", "HIGHEST"), plain).flops_per_second == 64
    assert peak_for(kind("int8"), plain) is None


def test_elementwise_work_has_the_vector_units():
    assert vector_peak(Kind(("float32",)), device("h100-sxm5")) == 66.9e12
    assert vector_peak(Kind(("float32",)), cpu(fp32=64.0)) == 64
    assert vector_peak(Kind(("float32",)), device("tpu-v4")) is None
    assert vector_peak(Kind(("token",)), device("h100-sxm5")) is None


@pytest.mark.parametrize(
    ("dtype", "fmt"),
    [
        ("bfloat16", "bf16"),
        ("bf16", "bf16"),
        ("f8e4m3fn", "fp8"),
        ("float8_e4m3b11fnuz", "fp8"),
        ("float4_e2m1fn", "fp4"),
        ("s8", "int8"),
        ("uint4", "int4"),
        ("c64", "fp32"),
        ("int2", None),
        ("pred", None),
    ],
)
def test_formats_of_dtypes(dtype, fmt):
    assert format_of(dtype) == fmt
