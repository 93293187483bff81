"""Opcodes by how they are read; names that are in no set are read with all their attributes."""

from __future__ import annotations

# One value per element of the result, from the elements at the same place in the operands.
ELEMENTWISE = frozenset(
    """abs acos acosh add and asin asinh atan2 atanh cbrt ceil clamp compare complex convert cosh
    cosine count-leading-zeros divide erf exponential exponential-minus-one floor imag is-finite
    log log-plus-one logistic maximum minimum multiply negate not or popcnt power real
    reduce-precision remainder round-nearest-afz round-nearest-even rsqrt select shift-left
    shift-right-arithmetic shift-right-logical sign sine sinh sqrt stochastic-convert subtract tan
    tanh xor""".split()  # noqa: SIM905 - names read better than a column of strings
)

# Instructions that carry nothing beyond operands, a shape, a number, a literal and a name.
PLAIN = (ELEMENTWISE - {"compare"}) | frozenset(
    """parameter constant tuple get-tuple-element bitcast bitcast-convert copy reshape after-all
    copy-start copy-done partition-id replica-id optimization-barrier add-dependency""".split()  # noqa: SIM905
)
