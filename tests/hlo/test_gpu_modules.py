"""What JAX 0.11.2 compiled on an NVIDIA H100 80GB: every contraction, its kind, and no zero.

The numbers are products of the sizes that the programs were written with; dumps/README.md has them.
"""

import pytest
from hlo_programs import DUMPS

from jaxflops import coverage
from jaxflops.cost import Cost
from jaxflops.hlo.module import read_module
from jaxflops.hlo.text import read_text
from jaxflops.hlo.walk import walk
from jaxflops.machine.devices import find
from jaxflops.machine.peaks import peak_for
from jaxflops.tree import Node
from jaxflops.views import by

H100 = DUMPS / "h100"
GEMM = 2 * 512 * 256 * 1024
F32, BF16 = "float32×float32→float32", "bfloat16×bfloat16→bfloat16"
# In an input of 28 padded by 0 and 1, 14 windows of 3 that move by 2 all meet 3 elements, but for
# the last one, which meets 2.
ALL_TAPS, TAPS = 14 * 3, 13 * 3 + 2
SAME = 28 * 3 - 2  # windows of 3 that move by 1, padded by 1 and 1

CONTRACTIONS = {
    "cublas_highest": {f"{F32} HIGHEST": GEMM},
    "cublas_tf32_x3": {f"{F32} TF32_TF32_F32": 3 * GEMM},  # written out as three products
    "cublaslt_bias_gelu": {BF16: GEMM},
    "cublaslt_addmm": {F32: GEMM},
    "cublaslt_f8": {"float8_e4m3fn×float8_e4m3fn→bfloat16": GEMM},
    "cublaslt_complex": {"complex64×complex64→complex64": 4 * GEMM},
    "cublaslt_batched": {F32: 8 * 2 * 128 * 64 * 96},
    "triton_split_k": {"bfloat16×bfloat16→float32": 2 * 64 * 16384 * 64},
    "cudnn_fused": {"float16×float16→float16": 2 * 8 * 128 * 64 * SAME**2},
    "cudnn_depthwise": {BF16: 2 * 8 * 64 * 1 * SAME**2},
    "cudnn_padding_made_real": {F32: 2 * 8 * 128 * 64 * ALL_TAPS**2},
    "cudnn_backward_input": {BF16: 2 * 8 * 128 * 64 * ALL_TAPS**2},
    "cudnn_backward_filter_grouped": {F32: 2 * 8 * 128 * (64 // 4) * SAME**2},
    "cudnn_causal_attention": {BF16: 2 * (2 * 2 * 8 * 256 * 256 * 64)},
    "cudnn_attention_gradient": {BF16: (2 + 5) * (2 * 2 * 8 * 256 * 512 * 64)},
    # Six trips forward, and six of two products backward.
    "scan_gradient": {F32: 6 * 2 * 128 * 256 * 256 + 6 * 2 * (2 * 128 * 256 * 256)},
}


def tree(name: str) -> Node:
    return walk(read_module(H100 / f"{name}.txt"))


@pytest.mark.parametrize("name", CONTRACTIONS)
def test_contractions_and_their_kinds(name):
    kinds = by(tree(name), "kind")
    assert {k: c.matmul_flops for k, c in kinds.items() if c.matmul_flops} == CONTRACTIONS[name]


def test_padding_that_a_pass_made_real_is_counted_as_it_runs():
    """The program asks for taps that meet input; a pad before the call makes input of the rest."""
    found = tree("cudnn_padding_made_real").total.matmul_flops
    assert found - 2 * 8 * 128 * 64 * TAPS**2 == 10_878_976


def test_a_split_product_has_one_sum_more():
    """16,384 elements are summed in 64 parts, whose sums are added in 63 steps."""
    assert tree("triton_split_k").total.other_flops - 64 * 64 == 64 * 64 * 63  # and one convert


@pytest.mark.parametrize(
    ("name", "fmt"),
    [("cublas_highest", "fp32"), ("cublas_tf32_x3", "tf32"), ("cublaslt_addmm", "tf32"),
     ("cublaslt_f8", "fp8"), ("cudnn_fused", "fp16"), ("scan_gradient", "tf32")],
)  # fmt: skip
def test_the_peak_is_that_of_the_precision(name, fmt):
    """float32 runs in TF32 unless HIGHEST is asked for, which a cuBLAS call has in its settings."""
    kinds = {node.kind for node, _, _ in tree(name).leaves() if node.own.matmul_flops}
    device = find("NVIDIA H100 80GB HBM3")
    assert device is not None
    assert {peak_for(kind, device).fmt for kind in kinds} == {fmt}


def library(name: str) -> dict[str, Cost]:
    return {k: c for k, c in by(tree(name), "primitive").items() if k[:2] in ("cu", "__", "xl")}


LINES, KEYS = 65_536, 131_072
LIBRARIES = {
    "cub_sort_pairs": {"xla.gpu.ext.cub_sort_pairs": LINES * 16 - LINES + 1},
    "cub_sort_keys": {"xla.gpu.ext.cub_sort_keys": KEYS * 17 - KEYS + 1},
    "cholesky_solve": {  # n³/3 + n²/2 + n/6, and twice n²·r
        "cusolver_potrf_ffi": (2 * 64**3 + 3 * 64**2 + 64) // 6,
        "__cublas$triangularSolve": 2 * 64 * 64 * 8,
    },
    "cusolver_eig": {"cusolver_geev_ffi": (25 + 1) * 24**3},
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_libraries(name):
    found = {k: c.flops + c.int_ops for k, c in library(name).items()}
    assert found == LIBRARIES[name]


def test_a_radix_sort_says_that_it_compares_nothing():
    notes = [note for node, _, _ in tree("cub_sort_keys").leaves() for note in node.notes]
    assert any("a radix sort, which compares nothing" in note for note in notes)


UNKNOWN = {"pallas_triton": "__gpu$xla.gpu.triton", "callback": "xla_ffi_python_gpu_callback"}


@pytest.mark.parametrize("name", sorted(path.stem for path in H100.glob("*.txt")))
def test_nothing_is_unknown_but_what_holds_code(name):
    assert [each.name for each in coverage.unknown(tree(name))] == (
        [UNKNOWN[name]] if name in UNKNOWN else []
    )


SCAN = """HloModule jit_cumsum

region {
  a = f32[64]{0} parameter(0)
  b = f32[64]{0} parameter(1)
  c = f32[64]{0} add(a, b)
  ROOT t = (f32[64]{0}, f32[64]{0}) tuple(c, c)
}

ENTRY main {
  x = f32[64,1024]{1,0} parameter(0)
  zero = f32[] constant(0)
  start = f32[64]{0} broadcast(zero), dimensions={}
  ROOT s = (f32[64,1024]{1,0}, f32[64]{0}) scan(x, start), dimensions={1}, num_carries=1, is_associative=true, to_apply=region
}
"""  # noqa: E501


def test_a_scan_applies_its_function_to_each_slice():
    """What JAX 0.11 lowers a running sum along rows to, for a GPU."""
    total = walk(read_text(SCAN)).total
    assert (total.other_flops, total.int_ops) == (64 * 1024, 0)
