"""Arithmetic on each element; comparisons, selections, conversions and bits among it."""

from __future__ import annotations

from typing import Any

from jaxflops.cost import ZERO, Cost
from jaxflops.formulas.arithmetic import COMPLEX_ADD, COMPLEX_DIVIDE, COMPLEX_MULTIPLY
from jaxflops.jaxpr.op import Op
from jaxflops.jaxpr.registry import cost_rule
from jaxflops.jaxpr.rules._fields import arithmetic, components, is_complex

XLA = "lowered XLA"
DEFINED = "by definition: one an element"
# Real operations of a complex element, where they are not 2 (one for each component).
_COMPLEX = {"mul": COMPLEX_MULTIPLY, "square": COMPLEX_MULTIPLY, "div": COMPLEX_DIVIDE, "conj": 1}


@cost_rule("add", "add_any", "sub", "mul", "div", "rem", "max", "min", "neg", "square", oracle=XLA)
@cost_rule("floor", "ceil", "round", "reduce_precision", "conj", oracle=XLA)
@cost_rule("nextafter", "_copysign", oracle=DEFINED)
@cost_rule("eq", "ne", "lt", "le", "gt", "ge", "eq_to", "le_to", "lt_to", "is_finite", oracle=XLA)
@cost_rule("and", "or", "xor", "not", "shift_left", oracle=XLA)
@cost_rule("shift_right_logical", "shift_right_arithmetic", oracle=XLA)
@cost_rule("population_count", "clz", "mulhi", "reciprocal", oracle=XLA)
def one_operation(op: Op, /, **_: Any) -> Cost:
    """1 an element of the result; complex 2, but a product 6, a quotient 11, a conjugate 1.

    On floats a FLOP, on integers and booleans an integer operation (by the operands' type).
    """
    operand = op.inputs[0]
    if is_complex(operand):
        return Cost(other_flops=op.out.size * _COMPLEX.get(op.name, COMPLEX_ADD))
    return arithmetic(operand, op.out.size * components(operand))


@cost_rule("abs", "sign", oracle=f"{XLA}; complex: by definition")
def modulus(op: Op, /, **_: Any) -> Cost:
    """1 an element; complex: a² + b² (3) and a root, and for the sign two divisions by it."""
    if not is_complex(op.inputs[0]):
        return arithmetic(op.out, op.out.size)
    divisions = 2 if op.name == "sign" else 0
    return Cost(other_flops=op.out.size * (3 + divisions), transcendentals=op.out.size)


@cost_rule("clamp", oracle=XLA)
def clamp(op: Op, /, **_: Any) -> Cost:
    """1 an element, as XLA counts it."""
    return arithmetic(op.out, op.out.size)


@cost_rule("select_n", oracle=XLA)
def select_n(op: Op, /, **_: Any) -> Cost:
    """For n cases n - 1 selections an element; by an index, as many comparisons of it."""
    which, *cases = op.inputs
    choices = op.out.size * components(op.out) * (len(cases) - 1)
    compares = 0 if which.category == "bool" else which.size * (len(cases) - 1)
    return arithmetic(op.out, choices) + Cost(int_ops=compares)


_REAL_PART = {"complex64": "float32", "complex128": "float64"}


@cost_rule("convert_element_type", oracle=XLA)
def convert_element_type(op: Op, /, **_: Any) -> Cost:
    """1 an element (a FLOP if either type is floating); nothing where only weak typing changes.

    Nor where a complex number becomes its own real part, which is no arithmetic.
    """
    source, target = op.inputs[0], op.out
    if target.dtype in (source.dtype, _REAL_PART.get(source.dtype)):
        return ZERO
    typed = source if source.category in ("float", "complex") else target
    return arithmetic(typed, target.size * min(components(source), components(target)))


@cost_rule("integer_pow", oracle=XLA)
def integer_pow(op: Op, /, *, y: int, **_: Any) -> Cost:
    """Repeated squaring: bits - 1 squarings and ones - 1 products; a division if y < 0."""
    exponent = abs(y)
    products = max(exponent.bit_length() + exponent.bit_count() - 2, 0)
    if is_complex(op.out):
        each = products * COMPLEX_MULTIPLY + (y < 0) * COMPLEX_DIVIDE
    else:
        each = products + (y < 0)
    return arithmetic(op.out, op.out.size * each)


@cost_rule("one_minus_square", oracle=XLA)
def one_minus_square(op: Op, /, **_: Any) -> Cost:
    """(1 + x)(1 - x): two additions and a product."""
    each = 2 * COMPLEX_ADD + COMPLEX_MULTIPLY if is_complex(op.out) else 3
    return arithmetic(op.out, op.out.size * each)


_UNROLLED = 8  # coefficients of a polynomial, in jax/_src/lax/lax.py


@cost_rule("polynomial", oracle=XLA)
def polynomial(op: Op, /, *, unroll: int | None = None, **_: Any) -> Cost:
    """Horner's rule for n coefficients: n - 1 products and n - 1 additions an element.

    n of each where JAX lowers more than `unroll` coefficients (8) to a loop that begins at zero.
    """
    terms = len(op.inputs) - 1
    steps = terms if terms > (_UNROLLED if unroll is None else unroll) else terms - 1
    each = COMPLEX_MULTIPLY + COMPLEX_ADD if is_complex(op.out) else 2
    return arithmetic(op.out, op.out.size * steps * each)
