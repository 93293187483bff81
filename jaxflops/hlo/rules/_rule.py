"""The table of rules by opcode, and what a rule is given."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from jaxflops.cost import ZERO, Cost
from jaxflops.errors import JaxflopsError, UnknownCostError
from jaxflops.hlo.ir import Instruction
from jaxflops.hlo.shape import Shape
from jaxflops.tree import State


class HloOp(NamedTuple):
    """An instruction with the shapes of its operands.

    apply: name of a computation -> what one application to scalars costs, without bytes.
    """

    ins: Instruction
    operands: tuple[Shape, ...]
    apply: Callable[[str], Cost]

    @property
    def out(self) -> Shape:
        """The shape of the result; the first of several."""
        shape = self.ins.shape
        return shape.parts[0] if shape.is_tuple and shape.parts else shape

    @property
    def called(self) -> Cost:
        """One application of the function that the instruction applies: a reducer, a comparator."""
        return self.apply(self.ins.called[0])

    def setting(self, *path: str) -> Any:
        """What the backend's configuration says under `path`; UnknownCostError if nothing."""
        value = (
            self.ins.attributes.backend_config.value if self.ins.attributes.backend_config else None
        )
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if value is None:
            raise UnknownCostError(f"its backend_config does not say {'.'.join(path)}")
        return value


Formula = Callable[[HloOp], Cost]


class Rule(NamedTuple):
    """formula: an instruction's cost. state: as in the tree. note: a caveat of every use."""

    formula: Formula
    state: State = "costed"
    note: str = ""


RULES: dict[str, Rule] = {}
CALLS: list[tuple[re.Pattern[str], Rule]] = []


def rule(*opcodes: str, state: State = "costed", note: str = "") -> Callable[[Formula], Formula]:
    """Register a formula for opcodes. It returns arithmetic; bytes are added unless it gives them.

    Raises JaxflopsError for an opcode that has a rule.
    """

    def register(formula: Formula) -> Formula:
        for opcode in opcodes:
            if opcode in RULES:
                raise JaxflopsError(f"opcode {opcode!r} already has a rule")
            RULES[opcode] = Rule(formula, state, note)
        return formula

    return register


def call_rule(
    *targets: str, state: State = "costed", note: str = ""
) -> Callable[[Formula], Formula]:
    """Register a formula for custom calls whose target one of the patterns matches as a whole."""

    def register(formula: Formula) -> Formula:
        CALLS.extend((re.compile(target), Rule(formula, state, note)) for target in targets)
        return formula

    return register


def nothing(_op: HloOp) -> Cost:
    """No arithmetic."""
    return ZERO


def arithmetic(shape: Shape, count: int) -> Cost:
    """`count` operations on elements of that dtype: floating point, or integer and boolean."""
    return Cost(other_flops=count) if is_floating(shape) else Cost(int_ops=count)


def is_complex(shape: Shape) -> bool:
    """Whether the elements are pairs of real numbers."""
    return shape.dtype in ("c64", "c128")


def is_floating(shape: Shape) -> bool:
    """Whether work on the elements is floating point; complex numbers are."""
    return shape.dtype[0] in "fbc"


def components(shape: Shape) -> int:
    """Real numbers in an element."""
    return 2 if is_complex(shape) else 1
