"""What stands in an instruction's brackets in HLO text: a number, a literal or operands."""

from __future__ import annotations

import re
from typing import Any

from jaxflops.hlo.ir import Instruction
from jaxflops.hlo.literals import parse_literal
from jaxflops.hlo.shape import Shape
from jaxflops.hlo.text_shapes import parse_shape, plain, split_top

_COMMENT = re.compile(r"/\*.*?\*/")
_OPERAND = re.compile(r"(?:(.*?\S)\s+)?%?([^\s%]+)$")


def parse_arguments(
    opcode: str, shape: Shape, inside: str, found: dict[str, Instruction]
) -> dict[str, Any]:
    """What stands in an instruction's brackets: a number, a literal, or operands."""
    if opcode == "parameter":
        return {"number": int(inside)}
    if opcode == "constant":
        literal = None if shape.is_tuple else parse_literal(inside, shape.dtype, shape.size)
        return {} if literal is None else {"literal": literal}
    if not inside.strip():
        return {}
    return {"operands": tuple([_operand(part, found) for part in _operands(inside)])}


def _operands(inside: str) -> list[str]:
    if "/*" in inside:
        inside = _COMMENT.sub("", inside)
    return split_top(inside) if "[" in inside else inside.split(",")


def _operand(text: str, found: dict[str, Instruction]) -> str:
    """The name of an operand, after its shape where the text repeats that; `%x#1` is an element."""
    text = text.strip()
    name = text.removeprefix("%")
    if name in found:
        return name
    match = _OPERAND.match(text)
    if text.startswith("..."):
        raise ValueError("its operands were left out; print the module without compact_operands")
    if match is None:
        raise ValueError(f"{text!r} is not an operand")
    shape, name = match.groups()
    if name not in found and "#" in name:
        _element(name, found)
    if name not in found:
        raise ValueError(f"its operand {name!r} is not defined above")
    if shape and plain(parse_shape(shape)) != plain(found[name].shape):
        raise ValueError(f"its operand {name!r} is called {shape}, but is not")
    return name


def _element(name: str, found: dict[str, Instruction]) -> None:
    """Define `x#1`, the form in which compact dumps write element 1 of the tuple `x`."""
    base, _, index = name.rpartition("#")
    if base not in found and "#" in base:
        _element(base, found)
    parts = found[base].shape.parts if base in found else ()
    if not index.isdigit() or int(index) >= len(parts):
        raise ValueError(f"its operand {name!r} is not an element of a tuple")
    number = int(index)
    found[name] = Instruction(name, "get-tuple-element", parts[number], (base,), number=number)
