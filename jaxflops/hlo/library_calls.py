"""Custom calls and opcodes -> the rule that prices them."""

from __future__ import annotations

import jaxflops.hlo.rules  # noqa: F401 - fills the table
from jaxflops.hlo.ir import Instruction
from jaxflops.hlo.rules._rule import RULES, Rule


def rule_of(ins: Instruction) -> tuple[str, Rule | None]:
    """(label, rule) of an instruction; None where nothing says what it costs."""
    return ins.opcode, RULES.get(ins.opcode)
