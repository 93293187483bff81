"""Attributes of a serialized instruction -> `Attributes`."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from jaxflops.hlo import attributes as a
from jaxflops.hlo.proto_sharding import sharding_text
from jaxflops.hlo.replica_groups import Axis, Groups, iota_groups, iota_ids, mesh_groups
from jaxflops.hlo.schema import message_classes

FFT_TYPES = ("FFT", "IFFT", "RFFT", "IRFFT")
TRANSPOSES = ("TRANSPOSE_INVALID", "NO_TRANSPOSE", "TRANSPOSE", "ADJOINT")
PRECISIONS = ("default", "high", "highest")
ALGORITHMS = (
    "",
    "dot_any_f8_any_f8_f32",
    "dot_any_f8_any_f8_f32_fast_accum",
    "dot_f16_f16_f16",
    "dot_f16_f16_f32",
    "dot_bf16_bf16_bf16",
    "dot_bf16_bf16_f32",
    "dot_bf16_bf16_f32_x3",
    "dot_bf16_bf16_f32_x6",
    "dot_tf32_tf32_f32",
    "dot_tf32_tf32_f32_x3",
    "dot_f32_f32_f32",
    "dot_f64_f64_f64",
    "dot_bf16_bf16_f32_x9",
    "dot_bf16_bf16_fp8x3",
    "dot_bf16_bf16_fp8x4",
)
Fields = dict[str, Any]


def _decoded(message: str, build: Callable[[Any], Any]) -> Callable[[bytes], Any]:
    @lru_cache(maxsize=4096)
    def read(data: bytes) -> Any:
        return build(message_classes()[message].FromString(data))

    return read


def _named(message: Any, kind: type[Any]) -> Any:
    """A named tuple from the fields of the same names."""
    values = (getattr(message, name) for name in kind._fields)
    return kind(*(value if isinstance(value, int) else tuple(value) for value in values))


def _dot(message: Any, ragged: tuple[a.Dims, a.Dims] = ((), ())) -> a.DotDims:
    return a.DotDims(
        tuple(message.lhs_contracting),
        tuple(message.rhs_contracting),
        tuple(message.lhs_batch),
        tuple(message.rhs_batch),
        *ragged,
    )


def _ragged_dot(message: Any) -> a.DotDims:
    return _dot(message.dot, (tuple(message.lhs_ragged), tuple(message.rhs_group)))


def _window(message: Any) -> tuple[a.WindowDim, ...]:
    return tuple(
        a.WindowDim(
            dim.size,
            dim.stride or 1,
            dim.padding_low,
            dim.padding_high,
            dim.window_dilation or 1,
            dim.base_dilation or 1,
            dim.window_reversal,
        )
        for dim in message.dimensions
    )


def _padding(message: Any) -> tuple[tuple[int, int, int], ...]:
    return tuple((dim.low, dim.high, dim.interior) for dim in message.dimensions)


def _precision(message: Any) -> Fields:
    said = tuple(_enum(PRECISIONS, value) for value in message.operand_precision)
    return {
        "precision": said if any(value != "default" for value in said) else (),
        "algorithm": _enum(ALGORITHMS, message.algorithm),
    }


def _triangular(message: Any) -> a.TriangularSolve:
    return a.TriangularSolve(
        message.left_side,
        message.lower,
        message.unit_diagonal,
        _enum(TRANSPOSES, message.transpose_a),
    )


def _list_groups(message: Any) -> Groups:
    return tuple(tuple(group.replica_ids) for group in message)


def _device_list(message: Any) -> Groups:
    if message.HasField("iota_groups"):
        return _iota(message.iota_groups)
    return _list_groups(message.replica_groups)


def _iota(message: Any) -> Groups:
    return iota_groups(message.rows, message.columns, tuple(message.dims), tuple(message.order))


def _mesh(message: Any) -> Groups:
    mesh = message.mesh
    axes: list[Axis] = [
        (ref.axis, ref.part.before, ref.part.size) if ref.HasField("part") else (ref.axis, 0, 0)
        for ref in message.axes
    ]
    iota = mesh.iota
    devices = iota_ids(tuple(iota.dims), tuple(iota.order)) if iota.dims else tuple(mesh.device_ids)
    return mesh_groups(tuple(axis.size for axis in mesh.axes), devices, axes)


def _attributes(message: Any) -> a.Pairs:
    return tuple(sorted((entry.key, entry.value) for entry in message.map))


def _enum(names: tuple[str, ...], value: int) -> str:
    """The name of an enum's value; its number where it is newer than the reader."""
    return names[value] if 0 <= value < len(names) else str(value)


frontend_attributes = _decoded("Attributes", _attributes)

# protobuf field -> (field of Attributes, conversion)
FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "fusion_kind": ("fusion_kind", str),
    "dimensions": ("dimensions", tuple),
    "window": ("window", _decoded("Window", _window)),
    "conv": ("conv", _decoded("Convolution", lambda message: _named(message, a.ConvDims))),
    "slices": ("slices", lambda dims: tuple((d.start, d.limit, d.stride or 1) for d in dims)),
    "slice_sizes": ("slice_sizes", tuple),
    "gather_slice_sizes": ("slice_sizes", tuple),
    "padding": ("padding", _decoded("Padding", _padding)),
    "channel_id": ("channel_id", lambda number: number if number > 0 else None),
    "custom_call_target": ("custom_call_target", str),
    "dot": ("dot", _decoded("Dot", _dot)),
    "ragged_dot": ("dot", _decoded("RaggedDot", _ragged_dot)),
    "fft_type": ("fft_type", lambda value: _enum(FFT_TYPES, value)),
    "fft_length": ("fft_length", tuple),
    "gather": ("gather", _decoded("Gather", lambda message: _named(message, a.GatherDims))),
    "scatter": ("scatter", _decoded("Scatter", lambda message: _named(message, a.ScatterDims))),
    "replica_groups": ("replica_groups", _list_groups),
    "device_list": ("replica_groups", _decoded("DeviceList", _device_list)),
    "iota_groups": ("replica_groups", _decoded("IotaGroups", _iota)),
    "mesh_groups": ("replica_groups", _decoded("MeshGroups", _mesh)),
    "source_target_pairs": (
        "source_target_pairs",
        lambda pairs: tuple((pair.source, pair.target) for pair in pairs),
    ),
    "feature_group_count": ("feature_group_count", int),
    "batch_group_count": ("batch_group_count", int),
    "triangular_solve": ("triangular_solve", _decoded("TriangularSolve", _triangular)),
    "direction": ("direction", str),
    "indices_are_sorted": ("indices_are_sorted", bool),
    "unique_indices": ("unique_indices", bool),
    "use_global_device_ids": ("use_global_device_ids", bool),
    "k": ("k", int),
    "num_carries": ("num_carries", int),
}
precision = _decoded("Precision", _precision)
read_sharding = _decoded("Sharding", sharding_text)
UNREAD = ("sparsity_config", "block_scaling_config")  # change the cost in ways not known here
