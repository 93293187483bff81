"""A serialized HLO module -> the IR, through package `protobuf` (0.6-1.2 % of compile time)."""

from __future__ import annotations

from typing import Any

from jaxflops.hlo.async_pairs import unwrapped
from jaxflops.hlo.attributes import BackendConfig, backend_config
from jaxflops.hlo.collector import paused_collector
from jaxflops.hlo.frames import Frames, Location, legacy_frame
from jaxflops.hlo.ir import Computation, Frame, HloError, Instruction, Module
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
from jaxflops.hlo.verify import verify

_NUMBERED = {"parameter": "parameter_number", "get-tuple-element": "tuple_index"}


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


class _Reader:
    """One module and its tables: ids to names, frames, shared backend configs."""

    def __init__(self, message: Any) -> None:
        self.message = message
        self.frames = _frames(message.stack_frame_index)
        self.names = {each.id: each.name for each in message.computations}
        self.computations: dict[str, Computation] = {}
        self.inlined: set[str] = set()

    def module(self) -> Module:
        for each in self.message.computations:
            if each.name in self.computations:
                raise ValueError(f"two computations are named {each.name!r}")
            self.computations[each.name] = self.computation(each)
        return Module(
            self.message.name,
            {name: it for name, it in self.computations.items() if name not in self.inlined},
            _look_up(self.names, self.message.entry_computation_id, "entry computation"),
            frontend_attributes(self.message.frontend_attributes),
        )

    def computation(self, message: Any) -> Computation:
        names = {each.id: each.name for each in message.instructions}
        found: dict[str, Instruction] = {}
        for each in message.instructions:
            read = self.instruction(each, names)
            found[read.name] = single = unwrapped(read, found, self.computations)
            if single is not read:
                self.inlined.update(read.called)
        if len(found) != len(message.instructions):
            raise ValueError(f"two instructions of {message.name!r} have one name")
        return Computation(message.name, found, _look_up(names, message.root_id, "root"))

    def instruction(self, message: Any, names: dict[int, str]) -> Instruction:
        opcode, shape, metadata = message.opcode, read_shape(message.shape), message.metadata
        fields = {} if opcode in PLAIN else self.attributes(message)
        if opcode in _NUMBERED:
            fields["number"] = getattr(message, _NUMBERED[opcode])
        elif opcode == "constant" and shape.size <= SMALL:
            fields["literal"] = read_literal(message.literal, shape.dtype)
        for name, read in _ANYWHERE:
            if message.HasField(name):
                fields[name] = read(getattr(message, name))
        return Instruction(
            message.name,
            opcode,
            shape,
            tuple([_look_up(names, each, "operand") for each in message.operand_ids]),
            op_name=metadata.op_name,
            frame=self.frames[metadata.stack_frame_id] or _legacy(metadata),
            **fields,
        )

    def attributes(self, message: Any) -> dict[str, Any]:
        """The fields that only some opcodes have, by what is present."""
        fields: dict[str, Any] = {}
        for descriptor, value in message.ListFields():
            name = descriptor.name
            if name in FIELDS:
                field, convert = FIELDS[name]
                fields[field] = convert(value)
            elif name == "called_computation_ids":
                called = [_look_up(self.names, each, "called computation") for each in value]
                fields["called"] = tuple(called)
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


# Attributes that any instruction may have.
_ANYWHERE = (
    ("backend_config", read_config),
    ("sharding", read_sharding),
    ("frontend_attributes", frontend_attributes),
)


def _legacy(metadata: Any) -> Frame | None:
    """The frame of metadata from before there were stack-frame tables."""
    if not metadata.source_file:
        return None
    return legacy_frame({field.name: value for field, value in metadata.ListFields()})


def _look_up(names: dict[int, str], number: int, what: str) -> str:
    try:
        return names[number]
    except KeyError:
        raise ValueError(f"the {what} {number} does not exist") from None


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
