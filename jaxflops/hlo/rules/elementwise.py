"""One value per element of the result: arithmetic, comparisons, conversions, function calls."""

from __future__ import annotations

from jaxflops.cost import ZERO, Cost
from jaxflops.formulas.arithmetic import COMPLEX_ADD, COMPLEX_DIVIDE, COMPLEX_MULTIPLY
from jaxflops.hlo.rules._rule import HloOp, arithmetic, components, is_complex, is_floating, rule

# Real operations of a complex element, where they are not 2 (one for each component).
_COMPLEX = {"multiply": COMPLEX_MULTIPLY, "divide": COMPLEX_DIVIDE}


@rule("add", "subtract", "multiply", "divide", "remainder", "maximum", "minimum", "negate")
@rule("floor", "ceil", "round-nearest-afz", "round-nearest-even", "reduce-precision")
@rule("compare", "is-finite", "and", "or", "xor", "not", "popcnt", "count-leading-zeros")
@rule("shift-left", "shift-right-arithmetic", "shift-right-logical")
def one_operation(op: HloOp) -> Cost:
    """1 an element; complex 2, but a product 6 and a quotient 11. By the operands' dtype."""
    operand = op.operands[0]
    if is_complex(operand):
        return Cost(other_flops=op.out.size * _COMPLEX.get(op.ins.opcode, COMPLEX_ADD))
    return arithmetic(operand, op.out.size)


@rule("erf", "exponential", "exponential-minus-one", "log", "log-plus-one", "logistic", "power")
@rule("sqrt", "rsqrt", "cbrt", "sine", "cosine", "tan", "tanh", "atan2")
@rule("acos", "acosh", "asin", "asinh", "atanh", "cosh", "sinh")
def one_call(op: HloOp) -> Cost:
    """1 call an element of the result, complex 2 (one for each component)."""
    return Cost(transcendentals=op.out.size * components(op.out))


@rule("abs", "sign")
def modulus(op: HloOp) -> Cost:
    """1 an element; complex: a² + b² (3) and a root, and for the sign two divisions by it."""
    if not is_complex(op.operands[0]):
        return arithmetic(op.out, op.out.size)
    divisions = 2 if op.ins.opcode == "sign" else 0
    return Cost(other_flops=op.out.size * (3 + divisions), transcendentals=op.out.size)


@rule("clamp", "select")
def choice(op: HloOp) -> Cost:
    """1 an element of the result, by its dtype; a selection of complex numbers 2."""
    each = components(op.out) if op.ins.opcode == "select" else 1
    return arithmetic(op.out, op.out.size * each)


@rule("convert", "stochastic-convert")
def convert(op: HloOp) -> Cost:
    """1 an element: a FLOP if either dtype is floating."""
    source, target = op.operands[0], op.out
    if source.dtype == target.dtype:
        return ZERO
    typed = source if is_floating(source) else target
    return arithmetic(typed, target.size * min(components(source), components(target)))
