"""Serialized shapes and literals -> those of the IR."""

from __future__ import annotations

from functools import lru_cache

from jaxflops.hlo.literals import Values, normalize, unpack
from jaxflops.hlo.schema import message_classes
from jaxflops.hlo.shape import Shape

_DTYPES = dict(
    enumerate(  # in the order of the enum
        [
            "invalid",
            "pred",
            "s8",
            "s16",
            "s32",
            "s64",
            "u8",
            "u16",
            "u32",
            "u64",
            "f16",
            "f32",
            "f64",
            "tuple",
            "opaque",
            "c64",
            "bf16",
            "token",
            "c128",
            "f8e5m2",
            "f8e4m3fn",
            "s4",
            "u4",
            "f8e4m3b11fnuz",
            "f8e5m2fnuz",
            "f8e4m3fnuz",
            "s2",
            "u2",
            "f8e4m3",
            "f8e3m4",
            "s1",
            "u1",
            "f4e2m1fn",
            "f8e8m0fnu",
            "buffer",
            "f6e3m2fn",
            "f6e2m3fn",
        ]
    )
)


@lru_cache(maxsize=16384)
def read_shape(data: bytes) -> Shape:
    """A serialized ShapeProto; dtypes newer than the reader are named by their number.

    Raises ValueError for one without a dtype: every value has one, and a missing shape reads so.
    Shapes that differ only in what is not read, such as a layout, are one object.
    """
    shape = message_classes()["Shape"].FromString(data)
    if not shape.element_type:
        raise ValueError("a shape is missing, or has no dtype")
    dynamic = tuple(shape.is_dynamic_dimension)
    return _shared(
        Shape(
            _DTYPES.get(shape.element_type, f"dtype{shape.element_type}"),
            tuple(shape.dimensions),
            tuple(read_shape(part) for part in shape.tuple_shapes),
            dynamic if any(dynamic) else (),
            shape.layout.memory_space,
        )
    )


@lru_cache(maxsize=16384)
def _shared(shape: Shape) -> Shape:
    return shape


def read_literal(data: bytes, dtype: str) -> Values | None:
    """The values of a small constant; None for a dtype whose values are not kept."""
    literal = message_classes()["Literal"].FromString(data)
    field = f"{dtype}s"
    if field not in literal.DESCRIPTOR.fields_by_name:
        return None
    values = getattr(literal, field)
    return unpack(values, dtype) if isinstance(values, bytes) else normalize(values)
