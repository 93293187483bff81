"""Serialized instructions -> those of the IR.

A field of a message is dear, so each is read once, and only where it can say something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from jaxflops.hlo.attributes import NONE, Attributes, BackendConfig, Dims, Names, backend_config
from jaxflops.hlo.frames import Frames, legacy_frame
from jaxflops.hlo.ir import Frame, Instruction
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

NameOf = Callable[[int], str]  # an operand's id -> its name
_AXES = frozenset({"broadcast", "transpose"})  # `dimensions` is all that they say
_BARE = PLAIN - {"constant"}
_new = tuple.__new__  # a third of the time of a named tuple's own


class _Opcodes(dict[bytes, str]):
    """Names of opcodes, each one object."""

    def __missing__(self, raw: bytes) -> str:
        self[raw] = raw.decode()
        return self[raw]


_OPCODES = _Opcodes()


class Instructions:
    """How to read the instructions of one module, by its tables.

    names: of computations, by id. payloads: backend configs that the module shares.
    """

    def __init__(self, frames: Frames, names: Mapping[int, str], payloads: Sequence[bytes]) -> None:
        self._frames = frames
        self._names = names
        self._payloads = payloads
        self._places: dict[bytes, tuple[str, Frame | None]] = {}  # of each distinct metadata

    def reader(self, merged: Any) -> Callable[[Any, NameOf], Instruction]:
        """How to read those of a computation.

        merged: its instructions as one message: of any opcode, few say anything else.
        """
        rare = merged.HasField("sharding") or merged.HasField("backend_config")
        return self._whole if rare or merged.frontend_attributes.map else self._usual

    def _whole(self, message: Any, name_of: NameOf) -> Instruction:
        """An instruction, with the attributes that one of any opcode can have."""
        read = self._usual(message, name_of)
        said: dict[str, Any] = {}
        if config := message.backend_config:
            said["backend_config"] = _read_config(config)
        if pairs := message.frontend_attributes:
            said["frontend_attributes"] = frontend_attributes(pairs)
        if message.HasField("sharding"):  # an empty one says `replicated`
            said["sharding"] = read_sharding(message.sharding)
        return read._replace(attributes=read.attributes._replace(**said)) if said else read

    def _usual(self, message: Any, name_of: NameOf) -> Instruction:
        opcode, shape = _OPCODES[message.opcode], read_shape(message.shape)
        operands: Names = ()
        number = None
        if opcode == "parameter":
            number = message.parameter_number
        elif ids := message.operand_ids[:]:
            operands = tuple(map(name_of, ids))
            if opcode == "get-tuple-element":
                number = message.tuple_index
        metadata = message.metadata
        op_name, frame = self._places.get(metadata) or self._place(metadata)
        called, attributes = ((), NONE) if opcode in _BARE else self._own(message, opcode, shape)
        values = message.name, opcode, shape, operands, called, number, op_name, frame, attributes
        return _new(Instruction, values)

    def _place(self, metadata: bytes) -> tuple[str, Frame | None]:
        """The op_name and the frame."""
        message = message_classes()["Metadata"].FromString(metadata)
        frame = self._frames[message.stack_frame_id] or _legacy(message)
        self._places[metadata] = message.op_name, frame
        return self._places[metadata]

    def _own(self, message: Any, opcode: str, shape: Shape) -> tuple[Names, Attributes]:
        """What only some opcodes have: the computations that it calls, and attributes."""
        if opcode in _AXES:
            return (), _along(tuple(message.dimensions[:]))
        if opcode == "constant":
            small = shape.size <= SMALL
            literal = read_literal(message.literal, shape.dtype) if small else None
            return (), Attributes(literal=literal) if literal is not None else NONE
        said = self._present(message)
        called = said.pop("called", ())
        return called, Attributes(**said) if said else NONE

    def _present(self, message: Any) -> dict[str, Any]:
        """The attributes that only some opcodes have, by what is present."""
        said: dict[str, Any] = {}
        for descriptor, value in message.ListFields():
            name = descriptor.name
            if name in FIELDS:
                field, convert = FIELDS[name]
                said[field] = convert(value)
            elif name == "called_computation_ids":
                said["called"] = tuple([self._names[each] for each in value])
            elif name == "backend_config_payload":
                said["backend_config"] = self._payload(value)
            elif name == "precision":
                said.update(precision(value))
            elif name in UNREAD and value:
                said["unread"] = (*said.get("unread", ()), name)
        if message.opcode == b"fft":
            said.setdefault("fft_type", FFT_TYPES[0])  # the enum's zero is not serialized
        return said

    def _payload(self, payload: Any) -> BackendConfig | None:
        """A backend config of its own, or one that the module shares by number (from 1)."""
        if not payload.id:
            return _read_config(payload.value)
        shared = self._payloads
        if not 0 < payload.id <= len(shared):
            raise ValueError(f"payload {payload.id} is not in a table of {len(shared)}")
        return _read_config(shared[payload.id - 1])


@lru_cache(maxsize=4096)
def _along(dimensions: Dims) -> Attributes:
    return Attributes(dimensions=dimensions)


def _read_config(raw: bytes) -> BackendConfig | None:
    """A backend config, whatever bytes it holds."""
    return backend_config(raw.decode(errors="surrogateescape"))


def _legacy(metadata: Any) -> Frame | None:
    """The frame of metadata from before there were stack-frame tables."""
    if not metadata.source_file:
        return None
    return legacy_frame({field.name: value for field, value in metadata.ListFields()})
