"""Which values depend on a backward value: flags that follow tuples element by element."""

from __future__ import annotations

from collections.abc import Iterable

from jaxflops.hlo.ir import Instruction
from jaxflops.hlo.shape import Shape

Flag = bool | tuple["Flag", ...]


def any_of(flag: Flag) -> bool:
    """Whether any part is set."""
    return any(map(any_of, flag)) if isinstance(flag, tuple) else flag


def either(left: Flag, right: Flag) -> Flag:
    """Set where one of the two is."""
    if isinstance(left, tuple) and isinstance(right, tuple) and len(left) == len(right):
        return tuple(either(a, b) for a, b in zip(left, right, strict=True))
    return any_of(left) or any_of(right)


def like(shape: Shape, flag: bool) -> Flag:
    """The same flag for every part of a shape."""
    return tuple(like(part, flag) for part in shape.parts) if shape.is_tuple else flag


def named(ins: Instruction, flags: dict[str, Flag], parameters: tuple[Flag, ...]) -> Flag:
    """The flag of an instruction that only names a value."""
    if ins.opcode == "parameter":
        number = ins.number or 0
        return parameters[number] if number < len(parameters) else False
    if ins.opcode == "tuple":
        return tuple(flags[name] for name in ins.operands)
    if ins.opcode == "get-tuple-element":
        whole = flags[ins.operands[0]]
        return whole[ins.number or 0] if isinstance(whole, tuple) else whole
    return False


def operands(ins: Instruction, flags: dict[str, Flag]) -> tuple[Flag, ...]:
    """The flags of an instruction's operands."""
    return tuple(flags[name] for name in ins.operands)


def touched(parts: Iterable[Flag]) -> bool:
    """Whether any of the values depends on a backward one."""
    return any(any_of(part) for part in parts if part)
