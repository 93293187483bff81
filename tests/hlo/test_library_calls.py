"""Custom calls by target: what runs behind them is counted, or listed by name as unknown."""

import json

import jax
import jax.scipy.linalg as sl
import pytest
from hlo_programs import DUMPS
from jax import lax

import jaxflops as jf
from jaxflops import coverage
from jaxflops.errors import UnknownCostError
from jaxflops.hlo.context import Options
from jaxflops.hlo.module import read_module
from jaxflops.hlo.text import read_text
from jaxflops.hlo.walk import walk
from jaxflops.views import by

PRIMITIVES = {  # the primitive whose cost lane 1 gives the call
    "cholesky": (lambda a: lax.linalg.cholesky(a, symmetrize_input=False), "f32[3,5,5]"),
    "lu": (lambda a: lax.linalg.lu(a), "f32[3,6,4]"),
    "qr": (lambda a: lax.linalg.qr(a, full_matrices=False), "c64[3,6,4]"),
    "householder_product": (lax.linalg.householder_product, "f32[6,4]", "f32[4]"),
    "svd": (lambda a: lax.linalg.svd(a, full_matrices=False), "f32[6,4]"),
    "svd ": (lambda a: lax.linalg.svd(a, full_matrices=True), "f32[4,6]"),
    "svd  ": (lambda a: lax.linalg.svd(a, compute_uv=False), "c64[6,4]"),
    "eigh": (lambda a: lax.linalg.eigh(a, symmetrize_input=False), "c64[5,5]"),
    "eig": (lambda a: lax.linalg.eig(a, compute_left_eigenvectors=False), "f32[5,5]"),
    "schur": (lambda a: lax.linalg.schur(a), "f32[5,5]"),
    "hessenberg": (lax.linalg.hessenberg, "f32[5,5]"),
    "tridiagonal": (lambda a: lax.linalg.tridiagonal(a, lower=True), "f32[5,5]"),
    "tridiagonal_solve": (lax.linalg.tridiagonal_solve, *["f32[5]"] * 3, "f32[5,2]"),
    "triangular_solve": (lambda a, b: lax.linalg.triangular_solve(a, b, left_side=True,
                         unit_diagonal=True), "f32[9,9]", "f32[9,4]"),
    "triangular_solve ": (lambda a, b: lax.linalg.triangular_solve(a, b), "f32[9,9]", "f32[4,9]"),
    "top_k": (lambda x: lax.top_k(x, 3), "f32[7,50]"),
}  # fmt: skip


def libraries(tree) -> dict[str, jf.Cost]:
    prefixes = ("lapack", "TopK", "__", "cusolver", "blas")
    return {k: cost for k, cost in by(tree, "primitive").items() if k.startswith(prefixes)}


@pytest.mark.parametrize("name", PRIMITIVES)
def test_cpu_libraries_cost_what_the_primitive_costs(name: str) -> None:
    fn, *specs = PRIMITIVES[name]
    args = jf.specs(*specs)
    compiled = walk(read_module(jax.jit(fn).lower(*args).compile()))
    found = libraries(compiled)
    wanted = by(jf.analyze(fn)(*args).tree, "primitive")[name.strip()]
    assert sum(cost.flops for cost in found.values()) == wanted.flops > 0
    assert not coverage.unknown(compiled)


def test_a_callback_is_unknown_by_name() -> None:
    def fn(x):
        return jax.pure_callback(lambda y: y, x, x) + 1

    module = read_module(jax.jit(fn).lower(*jf.specs("f32[3]")).compile())
    (unknown,) = coverage.unknown(walk(module))
    assert unknown.name == "xla_ffi_python_cpu_callback"
    assert unknown.note.endswith("(f32[3]): no rule, so its FLOPs are not in the totals")
    with pytest.raises(UnknownCostError, match="xla_ffi_python_cpu_callback"):
        walk(module, Options(strict=True))


def test_settings_that_are_missing_make_it_unknown_not_zero() -> None:
    tree = walk(call("f32[4,4]", "lapack_sgesdd_ffi", "f32[6,4]"))
    (unknown,) = coverage.unknown(tree)
    assert "its backend_config does not say mode" in unknown.note


def call(out: str, target: str, *operands: str, more: str = ""):
    """A module of one custom call; `more` are further attributes."""
    lines = [f"  p{i} = {shape} parameter({i})" for i, shape in enumerate(operands)]
    names = ", ".join(f"p{i}" for i in range(len(operands)))
    return read_text(
        "\n".join(
            [
                "HloModule m",
                "",
                "ENTRY main {",
                *lines,
                f'  ROOT r = {out} custom-call({names}), custom_call_target="{target}"{more}',
                "}",
            ]
        )
    )


def gemm(epilogue: str, beta: int = 0, alpha: int = 1) -> str:
    numbers = {
        "lhs_contracting_dimensions": ["2"],
        "rhs_contracting_dimensions": ["1"],
        "lhs_batch_dimensions": ["0"],
        "rhs_batch_dimensions": ["0"],
    }
    config = {"alpha_real": alpha, "beta": beta, "epilogue": epilogue}
    config |= {"dot_dimension_numbers": numbers}
    return f", backend_config={json.dumps({'gemm_backend_config': config})}"


OUT = 3 * 5 * 7


@pytest.mark.parametrize(
    ("target", "config", "other", "calls"),
    [
        ("__cublas$gemm", gemm("DEFAULT"), 0, 0),
        ("__cublas$gemm", gemm("DEFAULT", beta=1), OUT, 0),
        ("__cublas$gemm", gemm("DEFAULT", beta=2, alpha=3), 3 * OUT, 0),
        ("__cublas$lt$matmul", gemm("BIAS_RELU"), 2 * OUT, 0),
        ("__cublas$lt$matmul", gemm("BIAS_GELU_AUX"), OUT, OUT),
    ],
)
def test_cublas(target: str, config: str, other: int, calls: int) -> None:
    module = call("(f32[3,5,7], s8[99])", target, "f32[3,5,4]", "f32[3,4,7]", more=config)
    total = walk(module).total
    assert total.matmul_flops == 2 * OUT * 4
    assert (total.other_flops, total.transcendentals) == (other, calls)


def test_a_complex_product_is_eight_operations() -> None:
    tree = walk(read_text((DUMPS / "cuda_complex_dot.txt").read_text()))
    assert libraries(tree)["__cublas$lt$matmul"].matmul_flops == 8 * 64**3


FUSED = ', backend_config={"onednn_matmul_config":{"fusions":{"ops":["BIAS","GELU_ERF"]}}}'


@pytest.mark.parametrize("left", ["f32[3,5,4]", "f32[3,4,5]"])  # stored either way
@pytest.mark.parametrize("right", ["f32[3,4,7]", "f32[4,7]"])
def test_onednn(left: str, right: str) -> None:
    total = walk(call("f32[3,5,7]", "__onednn$matmul", left, right, more=FUSED)).total
    assert total.matmul_flops == 2 * OUT * 4
    assert (total.other_flops, total.transcendentals) == (OUT, OUT)


WINDOW = ", window={size=3x3 stride=2x2 pad=1_1x1_1}, dim_labels=b01f_o01i->b01f"
CONVOLUTIONS = [
    ("__cudnn$convForward", "f32[2,4,4,12]", "f32[2,8,8,6]", "f32[12,3,3,6]"),
    ("__cudnn$convBackwardInput", "f32[2,8,8,6]", "f32[2,4,4,12]", "f32[12,3,3,6]"),
    ("__cudnn$convBackwardFilter", "f32[12,3,3,6]", "f32[2,8,8,6]", "f32[2,4,4,12]"),
]


@pytest.mark.parametrize(("target", "out", "left", "right"), CONVOLUTIONS)
def test_cudnn_convolutions_and_their_gradients_cost_the_same(target, out, left, right) -> None:
    asked = jf.analyze(
        lambda x, w: lax.conv_general_dilated(
            x, w, (2, 2), ((1, 1), (1, 1)), dimension_numbers=("NHWC", "OHWI", "NHWC")
        )
    )(*jf.specs("f32[2,8,8,6]", "f32[12,3,3,6]"))
    tree = walk(call(f"({out}, u8[0])", target, left, right, more=WINDOW))
    assert tree.total.matmul_flops == asked.matmul_flops > 0


def test_a_dump_with_a_cudnn_convolution() -> None:
    tree = walk(read_text((DUMPS / "cuda_conv.txt").read_text()))
    found = libraries(tree)["__cudnn$convForward"].matmul_flops
    assert found == tree.total.matmul_flops > 0
    assert not coverage.unknown(tree)


SCORES = (
    ', backend_config={"cudnn_fmha_backend_config":{"intermediate_tensor_shape":'
    '{"element_type":"BF16","dimensions":["2","4","5","7"]}}}'
)


@pytest.mark.parametrize(
    ("target", "products"),
    [
        ("__cudnn$fmhaSoftmax", 2),
        ("__cudnn$fmhaScaleBiasSoftmaxDropout", 2),
        ("__cudnn$fmhaSoftmaxBackward", 5),
        ("__cudnn$fmhaScaleBiasSoftmaxBackward", 5),
    ],
)
def test_cudnn_attention(target: str, products: int) -> None:
    q, k = "bf16[2,5,4,8]", "bf16[2,7,4,8]"
    total = walk(call(f"({q}, u8[0])", target, q, k, k, more=SCORES)).total
    assert total.matmul_flops == products * 2 * (2 * 4 * 5 * 7) * 8
    assert total.transcendentals == 2 * 4 * 5 * 7


@pytest.mark.parametrize(
    ("target", "out", "operands"),
    [
        ("cusolver_getrf_ffi", "(f32[6,4], s32[4], s32[])", ["f32[6,4]"]),
        ("LuRealDecompositionBlock", "(f32[6,4], s32[4], s32[6])", ["f32[6,4]"]),
    ],
)
def test_the_same_decomposition_on_other_backends(target: str, out: str, operands) -> None:
    asked = jf.analyze(sl.lu_factor)(*jf.specs("f32[6,4]"))
    wanted = by(asked.tree, "primitive")["lu"].flops
    assert walk(call(out, target, *operands)).total.flops == wanted


def test_bookkeeping_of_a_backend_is_free() -> None:
    tree = walk(call("u8[64]", "AllocateBuffer"))
    assert tree.total == jf.Cost()
    assert not coverage.unknown(tree)
