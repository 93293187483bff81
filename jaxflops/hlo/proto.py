"""A serialized HLO module -> the IR, through package `protobuf` (0.6-1.2 % of compile time)."""

from __future__ import annotations

from typing import Any

from jaxflops.hlo.async_pairs import ASYNC, unwrapped
from jaxflops.hlo.attributes import BackendConfig, backend_config
from jaxflops.hlo.collector import paused_collector
from jaxflops.hlo.frames import Frames, Location, legacy_frame
from jaxflops.hlo.ir import Computation, Frame, HloError, Instruction, Module, bare
from jaxflops.hlo.literals import SMALL
from jaxflops.hlo.opcodes import PLAIN
from jaxflops.hlo.proto_attributes import (
    FFT_TYPES,
    FIELDS,
    UNREAD,
    frontend_attributes,
    precision,
    read_sharding,
)
from jaxflops.hlo.proto_shapes import read_literal, read_shape
from jaxflops.hlo.schema import message_classes
from jaxflops.hlo.shape import Shape
from jaxflops.hlo.verify import verify

_NUMBERED = {"parameter": "parameter_number", "get-tuple-element": "tuple_index"}
_AXES = frozenset({"broadcast", "transpose"})  # `dimensions` is all that they say


def read_proto(data: bytes) -> Module:
    """The module in `data`: a HloModuleProto, or the HloProto that XLA dumps as `.hlo.pb`.

    Raises HloError, naming what is damaged, where `data` is anything else.
    """
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        with paused_collector():
            return verify(_Reader(_message(data)).module())
    except HloError:
        raise
    except DecodeError as error:
        raise HloError(
            f"a serialized HLO module of {len(data)} bytes cannot be decoded ({error}): "
            "it is cut off, damaged, or not a HloModuleProto"
        ) from error
    except (ValueError, LookupError, RecursionError) as error:
        raise HloError(f"a serialized HLO module is damaged: {error}") from error


def _message(data: bytes) -> Any:
    """The module message; an HloProto holds it in its first field, where a module has its name."""
    from google.protobuf.message import DecodeError

    classes = message_classes()
    try:
        message = classes["Module"].FromString(classes["HloProto"].FromString(data).hlo_module)
    except DecodeError:
        message = None
    if message is None or not message.computations:
        message = classes["Module"].FromString(data)
    if not message.computations:
        raise HloError(
            f"{len(data)} bytes hold no HLO computation: pass as_serialized_hlo_module_proto() "
            "of a module, or the contents of an .hlo.pb dump"
        )
    return message


class _Names(dict[int, str]):
    """Ids of instructions or computations -> names."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what

    def __missing__(self, number: int) -> str:
        raise ValueError(f"the {self._what} {number} does not exist")


class _Reader:
    """One module and its tables: ids to names, frames, shared backend configs."""

    def __init__(self, message: Any) -> None:
        self.message = message
        self.frames = _frames(message.stack_frame_index)
        self.places: dict[bytes, tuple[str, Frame | None]] = {}  # of each distinct metadata
        self.names = _Names("computation")
        self.computations: dict[str, Computation] = {}
        self.inlined: set[str] = set()
        self.wrapped: dict[str, str] = {}

    def module(self) -> Module:
        for each in self.message.computations:  # callees before callers, as XLA demands
            name = each.name
            if name in self.computations:
                raise ValueError(f"two computations are named {name!r}")
            self.computations[name] = self.computation(each)
            self.names[each.id] = name
        return Module(
            self.message.name,
            {name: it for name, it in self.computations.items() if name not in self.inlined},
            self.names[self.message.entry_computation_id],
            frontend_attributes(self.message.frontend_attributes),
            wrapped=self.wrapped,
        )

    def computation(self, message: Any) -> Computation:
        names = _Names("instruction")
        found: dict[str, Instruction] = {}
        for each in message.instructions:  # operands before their users, as XLA demands
            read = self.instruction(each, names)
            if read.opcode in ASYNC:
                read = self.unwrapped(read, found)
            name = names[each.id] = read.name
            found[name] = read
        if len(found) != len(message.instructions):
            raise ValueError(f"two instructions of {message.name!r} have one name")
        return Computation(message.name, found, names[message.root_id])

    def unwrapped(self, read: Instruction, found: dict[str, Instruction]) -> Instruction:
        """An asynchronous instruction as text says it; what it wraps is no computation then."""
        single = unwrapped(read, found, self.computations)
        if single is not read:
            self.inlined.update(read.called)
            self.wrapped |= {self.computations[name].root: read.name for name in read.called}
        return single

    def instruction(self, message: Any, names: _Names) -> Instruction:
        """One instruction; a field of `message` is dear, so each is read once."""
        opcode, shape = message.opcode, read_shape(message.shape)
        operands = tuple([names[each] for each in message.operand_ids[:]])
        number = getattr(message, _NUMBERED[opcode]) if opcode in _NUMBERED else None
        op_name, frame = self.place(message.metadata)
        fields = self.fields(message, opcode, shape)
        called = fields.pop("called", ())
        said = message.name, opcode, shape, operands, called, number, op_name, frame
        return Instruction(*said, **fields) if fields else bare(said)

    def place(self, metadata: bytes) -> tuple[str, Frame | None]:
        """The op_name and the frame."""
        if metadata not in self.places:
            message = message_classes()["Metadata"].FromString(metadata)
            frame = self.frames[message.stack_frame_id] or _legacy(message)
            self.places[metadata] = message.op_name, frame
        return self.places[metadata]

    def fields(self, message: Any, opcode: str, shape: Shape) -> dict[str, Any]:
        """What not every instruction has."""
        fields: dict[str, Any] = {}
        if opcode in _AXES:
            fields["dimensions"] = tuple(message.dimensions[:])
        elif opcode not in PLAIN:
            fields = self.attributes(message)
        elif opcode == "constant" and shape.size <= SMALL:
            fields["literal"] = read_literal(message.literal, shape.dtype)
        if config := message.backend_config:
            fields["backend_config"] = read_config(config)
        if attributes := message.frontend_attributes:
            fields["frontend_attributes"] = frontend_attributes(attributes)
        if message.HasField("sharding"):  # an empty one says `replicated`
            fields["sharding"] = read_sharding(message.sharding)
        return fields

    def attributes(self, message: Any) -> dict[str, Any]:
        """The fields that only some opcodes have, by what is present."""
        fields: dict[str, Any] = {}
        for descriptor, value in message.ListFields():
            name = descriptor.name
            if name in FIELDS:
                field, convert = FIELDS[name]
                fields[field] = convert(value)
            elif name == "called_computation_ids":
                fields["called"] = tuple([self.names[each] for each in value])
            elif name == "backend_config_payload":
                fields["backend_config"] = self.payload(value)
            elif name == "precision":
                fields.update(precision(value))
            elif name in UNREAD and value:
                fields["unread"] = (*fields.get("unread", ()), name)
        if message.opcode == "fft":
            fields.setdefault("fft_type", FFT_TYPES[0])  # the enum's zero is not serialized
        return fields

    def payload(self, payload: Any) -> BackendConfig | None:
        """A backend config of its own, or one that the module shares by number (from 1)."""
        if not payload.id:
            return read_config(payload.value)
        shared = self.message.payloads
        if not 0 < payload.id <= len(shared):
            raise ValueError(f"payload {payload.id} is not in a table of {len(shared)}")
        return read_config(shared[payload.id - 1])


def read_config(raw: bytes) -> BackendConfig | None:
    """A backend config, whatever bytes it holds."""
    return backend_config(raw.decode(errors="surrogateescape"))


def _legacy(metadata: Any) -> Frame | None:
    """The frame of metadata from before there were stack-frame tables."""
    if not metadata.source_file:
        return None
    return legacy_frame({field.name: value for field, value in metadata.ListFields()})


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
