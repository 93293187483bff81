"""The IR of lane 2: a frozen module of computations of instructions, whatever it was read from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from jaxflops.errors import SpecError
from jaxflops.hlo.attributes import (
    BackendConfig,
    ConvDims,
    Dims,
    DotDims,
    GatherDims,
    ScatterDims,
    TriangularSolve,
    WindowDim,
)
from jaxflops.hlo.shape import Shape

Names = tuple[str, ...]
Pairs = tuple[tuple[str, str], ...]


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
    """One instruction; fields that its opcode does not use keep their defaults.

    number: a parameter's position, or the index of a `get-tuple-element`.
    called: names of computations: of a `while` body then condition, of a `conditional` its
      branches, of a `select-and-scatter` select then scatter.
    dimensions: of broadcast, concatenate, iota, reduce, sort, transpose, all-gather, ...
    slices: (start, limit, stride) of every dimension of a `slice`.
    padding: (low, high, interior) of every dimension of a `pad`.
    literal: flat values of a constant of at most `SMALL` elements, else None.
    precision: operand precisions where one is not the default.
    replica_groups: device groups, expanded from any of their forms; () is all in one group.
    frame: the innermost frame, where the program's own files and lines are known.
    unread: attributes in the text that the reader does not know, by name.

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
    dimensions: Dims = ()
    literal: tuple[int | float | bool, ...] | None = None
    backend_config: BackendConfig | None = None
    fusion_kind: str = ""
    dot: DotDims | None = None
    conv: ConvDims | None = None
    window: tuple[WindowDim, ...] = ()
    feature_group_count: int = 1
    batch_group_count: int = 1
    precision: Names = ()
    algorithm: str = ""
    slices: tuple[tuple[int, int, int], ...] = ()
    slice_sizes: Dims = ()
    padding: tuple[tuple[int, int, int], ...] = ()
    gather: GatherDims | None = None
    scatter: ScatterDims | None = None
    unique_indices: bool = False
    indices_are_sorted: bool = False
    fft_type: str = ""
    fft_length: Dims = ()
    direction: str = ""
    triangular_solve: TriangularSolve | None = None
    k: int = 0
    num_carries: int = 0
    custom_call_target: str = ""
    channel_id: int | None = None
    replica_groups: tuple[Dims, ...] = ()
    source_target_pairs: tuple[tuple[int, int], ...] = ()
    use_global_device_ids: bool = False
    sharding: str = ""
    frontend_attributes: Pairs = ()
    unread: Names = ()

    @property
    def is_async(self) -> bool:
        """Whether it starts, continues or ends work that overlaps with other instructions."""
        return self.opcode.endswith(("-start", "-update", "-done"))

    @property
    def known_trip_count(self) -> int | None:
        """The trip count that XLA wrote on a `while`; a cross-check, see `trip_counts`."""
        found = self.backend_config.get("known_trip_count") if self.backend_config else None
        count = found.get("n") if isinstance(found, dict) else None
        return int(count) if isinstance(count, int | str) and str(count).isdigit() else None

    def __repr__(self) -> str:
        default = type(self)._field_defaults
        said = (
            f"{name}={value!r}"
            for name, value in zip(self._fields, self, strict=True)
            if name not in default or value != default[name]
        )
        return f"Instruction({', '.join(said)})"


_UNSAID = tuple(Instruction._field_defaults[name] for name in Instruction._fields[8:])


def bare(said: tuple[str, str, Shape, Names, Names, int | None, str, Frame | None]) -> Instruction:
    """An instruction of the first eight fields: a third of the time of `Instruction(*said)`."""
    return tuple.__new__(Instruction, said + _UNSAID)


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
