"""Which values depend on a backward value: flags that follow tuples element by element."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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


def named(ins: Instruction, given: Sequence[Flag]) -> Flag:
    """The flag of an instruction that only names a value. given: parameters, or its operands."""
    number = ins.number or 0
    if ins.opcode == "parameter":
        return given[number] if number < len(given) else False
    if ins.opcode == "tuple":
        return tuple(given)
    if ins.opcode == "get-tuple-element":
        return given[0][number] if isinstance(given[0], tuple) else given[0]
    return False


def touched(parts: Iterable[Flag]) -> bool:
    """Whether any of the values depends on a backward one."""
    return any(any_of(part) for part in parts if part)


class Values:
    """Numbers for values: two have the same if they have one shape and flag."""

    def __init__(self) -> None:
        self.flags: list[Flag] = []  # by number
        self._numbers: dict[tuple[int, Flag], int] = {}
        self._shapes: list[Shape] = []  # so that no identity is given out twice

    def number(self, shape: Shape, flag: Flag) -> int:
        """The number of a value."""
        key = (id(shape), flag)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.flags)
            self.flags.append(flag)
            self._shapes.append(shape)
        return found
