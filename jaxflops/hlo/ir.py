"""The IR of lane 2: a frozen module of computations of instructions, whatever it was read from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from jaxflops.errors import SpecError
from jaxflops.hlo.attributes import NONE, Attributes, Names, Pairs
from jaxflops.hlo.shape import Shape


class HloError(SpecError):
    """HLO text or a serialized module that cannot be read; the message says what and where."""


class Frame(NamedTuple):
    """A place in the user's program; `parent` is the frame that called it."""

    file: str
    line: int
    function: str = ""
    column: int = 0
    end_line: int = 0
    end_column: int = 0
    parent: Frame | None = None

    def chain(self) -> Iterator[Frame]:
        """The frame and its callers, innermost first."""
        frame: Frame | None = self
        while frame is not None:
            yield frame
            frame = frame.parent


class Instruction(NamedTuple):
    """One instruction; most have no attributes, and share `NONE`.

    called: names of computations: of a `while` body then condition, of a `conditional` its
      branches, of a `select-and-scatter` select then scatter.
    number: a parameter's position, or the index of a `get-tuple-element`.
    frame: the innermost frame, where the program's own files and lines are known.

    Asynchronous pairs that wrap one instruction are read as XLA prints them: `reduce-scatter-start`
    with the attributes of its `reduce-scatter`, then `reduce-scatter-done`.
    """

    name: str
    opcode: str
    shape: Shape
    operands: Names = ()
    called: Names = ()
    number: int | None = None
    op_name: str = ""
    frame: Frame | None = None
    attributes: Attributes = NONE

    @property
    def is_async(self) -> bool:
        """Whether it starts, continues or ends work that overlaps with other instructions."""
        return self.opcode.endswith(("-start", "-update", "-done"))

    @property
    def known_trip_count(self) -> int | None:
        """The trip count that XLA wrote on a `while`; a cross-check, see `trip_counts`."""
        config = self.attributes.backend_config
        found = config.get("known_trip_count") if config else None
        count = found.get("n") if isinstance(found, dict) else None
        return int(count) if isinstance(count, int | str) and str(count).isdigit() else None


def instruction(name: str, opcode: str, shape: Shape, said: dict[str, Any]) -> Instruction:
    """An instruction of fields and attributes by their names."""
    own = {field: said.pop(field) for field in Instruction._fields if field in said}
    return Instruction(name, opcode, shape, **own, attributes=Attributes(**said) if said else NONE)


@dataclass(frozen=True)
class Computation:
    """Instructions by name, operands before their users; `root` names the one it returns."""

    name: str
    instructions: dict[str, Instruction]
    root: str

    def __iter__(self) -> Iterator[Instruction]:
        return iter(self.instructions.values())

    def __getitem__(self, name: str) -> Instruction:
        return self.instructions[name]

    @property
    def result(self) -> Instruction:
        """The instruction that it returns."""
        return self.instructions[self.root]

    @cached_property
    def parameters(self) -> tuple[Instruction, ...]:
        """Its parameters by position."""
        found = [ins for ins in self if ins.opcode == "parameter"]
        return tuple(sorted(found, key=lambda ins: ins.number or 0))


@dataclass(frozen=True)
class Module:
    """Computations by name, callees before callers; `entry` names the one that runs.

    num_partitions: devices that run one program, where the source says so (a proto does not);
      it does not take part in `==`.
    wrapped: name of an instruction that an asynchronous one runs -> the name of that one, where the
      source says it (text does not): profilers call their events by the first.
    """

    name: str
    computations: dict[str, Computation]
    entry: str
    frontend_attributes: Pairs = ()
    num_partitions: int | None = field(default=None, compare=False)
    wrapped: dict[str, str] = field(default_factory=dict, compare=False)

    def __getitem__(self, name: str) -> Computation:
        return self.computations[name]

    @property
    def main(self) -> Computation:
        """The entry computation."""
        return self.computations[self.entry]

    @cached_property
    def callers(self) -> dict[str, tuple[tuple[Computation, Instruction], ...]]:
        """Name of a computation -> every instruction that calls it, with where it stands."""
        found: dict[str, list[tuple[Computation, Instruction]]] = {}
        for computation in self.computations.values():
            for instruction in computation:
                for name in dict.fromkeys(instruction.called):
                    found.setdefault(name, []).append((computation, instruction))
        return {name: tuple(sites) for name, sites in found.items()}
