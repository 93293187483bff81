"""Which arithmetic an instruction does, in the names of dtypes that every lane uses."""

from __future__ import annotations

import re
from functools import lru_cache

from jaxflops.cost import Cost
from jaxflops.hlo.rules._rule import HloOp
from jaxflops.hlo.shape import Shape
from jaxflops.tree import Kind

_FAMILIES = {"f": "float", "bf": "bfloat", "s": "int", "u": "uint", "c": "complex"}
_UNSET = "ALG_UNSET"
_NO_NUMBERS = ("pred", "tuple", "token", "opaque")
_DTYPE = re.compile(r"(bf|f|s|u|c)(\d+)(?:(e\d\w*))?$")


@lru_cache(maxsize=256)
def long_name(dtype: str) -> str:
    """`bf16` -> `bfloat16`, `s32` -> `int32`, `pred` -> `bool`, `f8e4m3fn` -> `float8_e4m3fn`."""
    if dtype == "pred":
        return "bool"
    found = _DTYPE.match(dtype)
    if found is None:
        return dtype
    family, bits, variant = found.groups()
    return f"{_FAMILIES[family]}{bits}{'_' + variant if variant else ''}"


def kind_of(op: HloOp, cost: Cost) -> Kind:
    """Operands, accumulator and precision of a contraction; of other work one dtype."""
    if cost.matmul_flops:
        operands = tuple(long_name(shape.dtype) for shape in op.operands[:2])
        return Kind(operands, long_name(op.out.dtype), precision(op))
    shapes = (op.out, *op.operands)
    return plain(next((s for s in shapes if s.dtype not in _NO_NUMBERS), op.out))


def plain(shape: Shape) -> Kind:
    """The kind of work other than contractions on arrays of a shape."""
    while shape.is_tuple and shape.parts:
        shape = shape.parts[0]
    return _plain(shape.dtype)


def precision(op: HloOp) -> str:
    """One name: of both operands when they agree, of an algorithm, or nothing."""
    algorithm, operands = op.ins.attributes.algorithm, op.ins.attributes.precision
    if op.ins.attributes.custom_call_target.startswith("__cublas$"):
        algorithm, operands = _of_cublas(op)
    if algorithm:
        return algorithm.upper().removeprefix("ALG_").removeprefix("DOT_")
    names = list(dict.fromkeys(name.upper() for name in operands))
    return "" if names in ([], ["DEFAULT"]) else "/".join(names)


def _of_cublas(op: HloOp) -> tuple[str, tuple[str, ...]]:
    """The algorithm and the precision of each operand, which a cuBLAS call has in its settings."""
    config = op.ins.attributes.backend_config
    said = config.get("gemm_backend_config") if config else None
    said = said.get("precision_config") if isinstance(said, dict) else None
    if not isinstance(said, dict):
        return op.ins.attributes.algorithm, op.ins.attributes.precision
    algorithm = str(said.get("algorithm", _UNSET))
    operands = tuple(map(str, said.get("operand_precision", ())))
    return "" if algorithm == _UNSET else algorithm, operands


@lru_cache(maxsize=256)
def _plain(dtype: str) -> Kind:
    return Kind((long_name(dtype),))
