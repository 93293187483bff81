"""A serialized HLO module -> the IR, decoded by package `protobuf`."""

from __future__ import annotations

from typing import Any

from jaxflops.hlo.async_pairs import ASYNC, unwrapped
from jaxflops.hlo.collector import paused_collector
from jaxflops.hlo.frames import Frames, Location
from jaxflops.hlo.ir import Computation, HloError, Instruction, Module
from jaxflops.hlo.proto_attributes import frontend_attributes
from jaxflops.hlo.proto_instructions import Instructions
from jaxflops.hlo.schema import message_classes
from jaxflops.hlo.verify import verify


def read_proto(data: bytes, *, trusted: bool = False) -> Module:
    """The module in `data`: a HloModuleProto, or the HloProto that XLA dumps as `.hlo.pb`.

    trusted: XLA handed it over in this process, so it is not damaged; the walk still checks every
      kind of instruction that it prices.
    Raises HloError, naming what is damaged, where `data` is anything else.
    """
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        with paused_collector():
            module = _Reader(*_messages(data)).module()
            return module if trusted else verify(module)
    except HloError:
        raise
    except DecodeError as error:
        raise HloError(
            f"a serialized HLO module of {len(data)} bytes cannot be decoded ({error}): "
            "it is cut off, damaged, or not a HloModuleProto"
        ) from error
    except (ValueError, LookupError, RecursionError) as error:
        raise HloError(f"a serialized HLO module is damaged: {error}") from error


def _messages(data: bytes) -> tuple[Any, Any]:
    """The module, and of each of its computations what any instruction in it says.

    An HloProto holds the module in its first field, where a module has its name.
    """
    from google.protobuf.message import DecodeError

    classes = message_classes()
    inner = classes["HloProto"].FromString(data).hlo_module
    try:
        message = classes["Module"].FromString(inner)
    except DecodeError:
        message = None
    if message is None or not message.computations:
        inner, message = data, classes["Module"].FromString(data)
    if not message.computations:
        raise HloError(
            f"{len(data)} bytes hold no HLO computation: pass as_serialized_hlo_module_proto() "
            "of a module, or the contents of an .hlo.pb dump"
        )
    return message, classes["MergedModule"].FromString(inner)


class _Names(dict[int, str]):
    """Ids of computations -> names."""

    def __missing__(self, number: int) -> str:
        raise ValueError(f"the computation {number} does not exist")


class _Reader:
    """One module and what has been read of it."""

    def __init__(self, message: Any, merged: Any) -> None:
        self.message = message
        self.merged = merged
        self.names = _Names()
        frames = _frames(message.stack_frame_index)
        self.instructions = Instructions(frames, self.names, message.payloads)
        self.computations: dict[str, Computation] = {}
        self.inlined: set[str] = set()
        self.wrapped: dict[str, str] = {}

    def module(self) -> Module:
        # Callees before callers, as XLA demands.
        for each, merged in zip(self.message.computations, self.merged.computations, strict=True):
            name = each.name
            if name in self.computations:
                raise ValueError(f"two computations are named {name!r}")
            self.computations[name] = self.computation(each, merged.instructions)
            self.names[each.id] = name
        return Module(
            self.message.name,
            {name: it for name, it in self.computations.items() if name not in self.inlined},
            self.names[self.message.entry_computation_id],
            frontend_attributes(self.message.frontend_attributes),
            wrapped=self.wrapped,
        )

    def computation(self, message: Any, merged: Any) -> Computation:
        names: dict[int, str] = {}
        found: dict[str, Instruction] = {}
        read, name_of = self.instructions.reader(merged), names.__getitem__
        try:
            for each in message.instructions:  # operands before their users, as XLA demands
                instruction = read(each, name_of)
                if instruction.opcode in ASYNC:
                    instruction = self.unwrapped(instruction, found)
                name = names[each.id] = instruction.name
                found[name] = instruction
            root = names[message.root_id]
        except KeyError as missing:
            raise ValueError(f"the instruction {missing} does not exist") from None
        if len(found) != len(message.instructions):
            raise ValueError(f"two instructions of {message.name!r} have one name")
        return Computation(message.name, found, root)

    def unwrapped(self, read: Instruction, found: dict[str, Instruction]) -> Instruction:
        """An asynchronous instruction as text says it; what it wraps is no computation then."""
        single = unwrapped(read, found, self.computations)
        if single is not read:
            self.inlined.update(read.called)
            self.wrapped |= {self.computations[name].root: read.name for name in read.called}
        return single


def _frames(index: Any) -> Frames:
    return Frames(
        tuple(index.file_names),
        tuple(index.function_names),
        [
            Location(
                each.file_name_id,
                each.function_name_id,
                each.line,
                each.column,
                each.end_line,
                each.end_column,
            )
            for each in index.file_locations
        ],
        [(each.file_location_id, each.parent_frame_id) for each in index.stack_frames],
    )
