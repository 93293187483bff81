"""How many operands an elementwise instruction has, of which dtypes, and what it gives.

As XLA infers shapes. Floating-point dtypes are one family: backends mix precisions in place.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_FAMILY = re.compile(r"(bf|f|c|s|u)\d")
_FLOAT, _COMPLEX, _INTEGERS, _BITS = "f", "fc", "su", "sup"  # letters of families; p is `pred`
_NUMBERS, _ANY = "fcsu", "fcsup"
_NAMES = {"f": "floating", "c": "complex", "s": "signed", "u": "unsigned", "p": "truth values"}


class Signature(NamedTuple):
    """operands: how many. of: families of dtypes that they may have.

    gives: "same" as the operands, "pred", "real" or "complex" of the same numbers, "any".
    """

    operands: int
    of: str
    gives: str = "same"


def _table(*rows: tuple[str, Signature]) -> dict[str, Signature]:
    return {opcode: signature for names, signature in rows for opcode in names.split()}


SIGNATURES = _table(
    ("acos acosh asin asinh atanh cbrt cosh cosine erf exponential", Signature(1, _COMPLEX)),
    ("exponential-minus-one log log-plus-one logistic rsqrt sine", Signature(1, _COMPLEX)),
    ("sinh sqrt tan tanh", Signature(1, _COMPLEX)),
    ("ceil floor reduce-precision", Signature(1, _FLOAT)),
    ("round-nearest-afz round-nearest-even", Signature(1, _FLOAT)),
    ("is-finite", Signature(1, _FLOAT, "pred")),
    ("negate sign", Signature(1, _NUMBERS)),
    ("abs", Signature(1, _NUMBERS, "real")),
    ("real imag", Signature(1, _COMPLEX, "real")),
    ("not count-leading-zeros popcnt", Signature(1, _BITS)),
    ("convert", Signature(1, _ANY, "any")),
    ("add maximum minimum multiply", Signature(2, _ANY)),
    ("atan2 divide power remainder subtract", Signature(2, _NUMBERS)),
    ("and or xor", Signature(2, _BITS)),
    ("shift-left shift-right-arithmetic shift-right-logical", Signature(2, _INTEGERS)),
    ("compare", Signature(2, _ANY, "pred")),
    ("complex", Signature(2, _FLOAT, "complex")),
    ("stochastic-convert", Signature(2, _ANY, "any")),
    ("select clamp", Signature(3, _ANY)),
    ("copy", Signature(1, "")),  # of tuples and tokens too
)


@lru_cache(maxsize=4096)
def untyped(opcode: str, result: str, *operands: str) -> str:
    """What is wrong with these dtypes of an elementwise instruction; "" if nothing is."""
    count, allowed, gives = SIGNATURES[opcode]
    if len(operands) != count:
        return f"it needs {count} operand{'s' if count > 1 else ''}"
    if opcode == "select" and operands[0] != "pred":
        return "its first operand should be truth values"
    valued = operands[1:] if opcode == "select" else operands
    first, *others = map(_family, valued)
    if opcode != "stochastic-convert" and any(other != first for other in others):
        return "the operands should have one dtype"
    if allowed and not _is_one_of(first, allowed):
        return f"the operands should be {' or '.join(_NAMES[each] for each in allowed)}"
    return "" if _gives(gives, valued[0], result) else "the result should have another dtype"


def _gives(gives: str, operand: str, result: str) -> bool:
    if gives == "pred":
        return result == "pred"
    if gives == "complex":
        return result.startswith("c")
    if gives == "real" and operand.startswith("c"):
        return _family(result) == "f"
    family = _family(result)
    return _is_one_of(family, _ANY) if gives == "any" else family == _family(operand)


def _family(dtype: str) -> str:
    """`f` for every floating dtype; others are apart."""
    found = _FAMILY.match(dtype)
    return "f" if found and found[1] in ("f", "bf") else dtype


def _is_one_of(family: str, allowed: str) -> bool:
    """Whether a family is allowed, or newer than this table."""
    return family[0] in allowed or family.startswith("dtype")
