"""Instructions -> the rule that prices them: by opcode, custom calls by target.

A target that no rule knows is *unknown*, by its name: never zero.
"""

from __future__ import annotations

from functools import lru_cache

import jaxflops.hlo.rules  # noqa: F401 - fills the tables
from jaxflops.hlo.ir import Instruction
from jaxflops.hlo.rules._rule import CALLS, RULES, Rule


def rule_of(ins: Instruction) -> tuple[str, Rule | None]:
    """(label, rule) of an instruction; None where nothing says what it costs."""
    if ins.opcode in ("custom-call", "custom-call-start"):
        return ins.attributes.custom_call_target or ins.opcode, target_rule(
            ins.attributes.custom_call_target
        )
    return ins.opcode, RULES.get(ins.opcode)


@lru_cache(maxsize=4096)
def target_rule(target: str) -> Rule | None:
    """The rule of the first pattern that matches a custom call's target as a whole."""
    return next((rule for pattern, rule in CALLS if pattern.fullmatch(target)), None)
