"""Matrix products behind custom calls: cuBLAS, cuBLASLt, oneDNN, with what is fused behind them."""

from __future__ import annotations

from jaxflops.cost import ZERO, Cost
from jaxflops.errors import UnknownCostError
from jaxflops.formulas.contraction import contraction
from jaxflops.hlo.rules._rule import HloOp, call_rule, is_complex

_GEMM = "gemm_backend_config"
_DIMS = "dot_dimension_numbers"


@call_rule(r"__cublas\$gemm", r"__cublas\$lt\$matmul(\$f8|\$mx)?")
def cublas(op: HloOp) -> Cost:
    """[b..,m..,k..] @ [b..,k..,n..] -> 2·b·m·n·k; scaling by alpha and beta, and the epilogue.

    Dimensions are JSON: `gemm_backend_config.dot_dimension_numbers`.
    """
    axes = op.setting(_GEMM, _DIMS, "lhs_contracting_dimensions")
    contracted = [op.operands[0].dims[int(axis)] for axis in axes]
    product = Cost(matmul_flops=contraction(op.out.size, contracted, is_complex(op.out)))
    return product + _scaled(op) + _epilogue(str(_optional(op, "epilogue", "DEFAULT")), op.out.size)


def _scaled(op: HloOp) -> Cost:
    """alpha·A·B + beta·C: an operation an element for each factor that is not 1, and the sum."""
    alpha, beta = _optional(op, "alpha_real", 1), _optional(op, "beta", 0)
    steps = (alpha != 1) + (beta != 0) + (beta not in (0, 1))
    return Cost(other_flops=steps * op.out.size)


def _epilogue(name: str, size: int) -> Cost:
    """`BIAS`, `RELU`, `BIAS_RELU`, `GELU`, `BIAS_GELU_AUX`: an operation an element each."""
    parts = name.split("_")
    calls = sum(part in ("GELU", "SILU") for part in parts)
    return Cost(
        other_flops=size * sum(part in ("BIAS", "RELU") for part in parts),
        transcendentals=size * calls,
    )


def _optional(op: HloOp, key: str, default: object) -> object:
    try:
        return op.setting(_GEMM, key)
    except UnknownCostError:
        return default


@call_rule(r"__onednn\$matmul(_reorder)?")
def onednn(op: HloOp) -> Cost:
    """[b,m,k] @ [b,k,n] (either may be stored transposed) -> 2·b·m·n·k, and what is fused behind.

    k follows from the sizes: size(lhs) = b·m·k and size(out) = b·m·n.
    """
    left, right, out = op.operands[0], op.operands[1], op.out
    k, rest = divmod(left.size * out.dims[-1], out.size) if out.size else (0, 0)
    if rest or (k and right.size % k):
        raise UnknownCostError("its operands are no product of its result's shape")
    fused = sum((_onednn_fused(str(name), out.size) for name in _fused(op)), ZERO)
    return Cost(matmul_flops=contraction(out.size, [k], is_complex(out))) + fused


def _fused(op: HloOp) -> list[object]:
    try:
        return list(op.setting("onednn_matmul_config", "fusions", "ops"))
    except UnknownCostError:
        return []


def _onednn_fused(name: str, size: int) -> Cost:
    """A function call for each activation but RELU, otherwise an operation an element."""
    calls = name.startswith(("GELU", "TANH", "ELU", "SIGMOID", "SWISH", "EXP"))
    return Cost(transcendentals=size) if calls else Cost(other_flops=size)
