"""Message classes for serialized HLO modules, built at run time from field numbers.

Source: openxla/xla, xla/service/hlo.proto and xla/xla_data.proto. Only the fields that the reader
uses are declared; protobuf skips the others. Submessages that repeat all over a module (shapes,
metadata, dimension numbers) and opcodes are declared as `bytes`, which is the same on the wire, so
that each distinct one is decoded once. In `Merged...` the instructions of a computation are one
message, into which protobuf merges them all: it tells what any of them says, at little cost.
"""

from __future__ import annotations

from functools import cache
from typing import Any

# message -> "field number type" for each field; `*` repeated, a capital letter is a message.
_MESSAGES = {
    "HloProto": "hlo_module 1 bytes",
    "Module": """name 1 string, computations 3 *Computation, entry_computation_id 6 int64,
        stack_frame_index 17 StackFrames, frontend_attributes 19 bytes, payloads 22 *bytes""",
    "Computation": """name 1 string, instructions 2 *Instruction, id 5 int64, root_id 6 int64""",
    "Instruction": """name 1 string, opcode 2 bytes, shape 3 bytes, metadata 7 bytes,
        literal 8 bytes, parameter_number 9 int64, fusion_kind 11 string, tuple_index 13 int64,
        dimensions 14 *int64, window 15 bytes, conv 16 bytes, slices 17 *SliceDimensions,
        slice_sizes 20 *int64, padding 21 bytes, channel_id 26 int64,
        custom_call_target 28 string, dot 30 bytes, fft_type 31 int32, fft_length 32 *int64,
        gather 33 bytes, gather_slice_sizes 34 *int64, id 35 int64, operand_ids 36 *int64,
        called_computation_ids 38 *int64, sharding 40 bytes, backend_config 43 bytes,
        scatter 48 bytes, replica_groups 49 *ReplicaGroup, feature_group_count 50 int64,
        precision 51 bytes, source_target_pairs 52 *SourceTarget, batch_group_count 58 int64,
        triangular_solve 59 bytes, direction 63 string, indices_are_sorted 67 bool,
        frontend_attributes 68 bytes, unique_indices 69 bool, use_global_device_ids 71 bool,
        k 81 int64, device_list 87 bytes, ragged_dot 90 bytes, iota_groups 92 bytes,
        mesh_groups 93 bytes, num_carries 95 int64,
        sparsity_config 98 bytes, backend_config_payload 99 Payload,
        block_scaling_config 101 bytes""",
    "Metadata": """op_name 2 string, source_file 3 string, source_line 4 int32,
        stack_frame_id 15 int32, source_end_line 17 int32, source_column 18 int32,
        source_end_column 19 int32""",
    "MergedModule": "computations 3 *MergedComputation",
    "MergedComputation": "instructions 2 MergedInstructions",
    "MergedInstructions": "sharding 40 bytes, backend_config 43 bytes,"
    "frontend_attributes 68 Attributes",
    "Payload": "value 1 bytes, id 2 int64",
    "StackFrames": """file_names 1 *string, function_names 2 *string,
        file_locations 3 *FileLocation, stack_frames 4 *StackFrame""",
    "FileLocation": """file_name_id 1 int32, function_name_id 2 int32, line 3 int32,
        column 4 int32, end_line 5 int32, end_column 6 int32""",
    "StackFrame": "file_location_id 1 int32, parent_frame_id 2 int32",
    "Shape": """element_type 2 int32, dimensions 3 *int64, tuple_shapes 4 *bytes, layout 5 Layout,
        is_dynamic_dimension 6 *bool""",
    "Layout": "memory_space 8 int64",
    "Literal": """preds 2 *bool, u8s 3 bytes, s32s 4 *int32, s64s 5 *int64, u32s 6 *uint32,
        u64s 7 *uint64, f32s 8 *float, f64s 9 *double, f16s 11 bytes, bf16s 13 bytes,
        s8s 15 bytes, u16s 16 bytes, s16s 17 bytes""",
    "SliceDimensions": "start 1 int64, limit 2 int64, stride 3 int64",
    "Window": "dimensions 1 *WindowDimension",
    "WindowDimension": """size 1 int64, stride 2 int64, padding_low 3 int64, padding_high 4 int64,
        window_dilation 5 int64, base_dilation 6 int64, window_reversal 7 bool""",
    "Padding": "dimensions 1 *PaddingDimension",
    "PaddingDimension": "low 1 int64, high 2 int64, interior 3 int64",
    "Dot": "lhs_contracting 1 *int64, rhs_contracting 2 *int64, lhs_batch 3 *int64,"
    "rhs_batch 4 *int64",
    "RaggedDot": "dot 1 Dot, lhs_ragged 2 *int64, rhs_group 3 *int64",
    "Convolution": """kernel_input_feature 3 int64, kernel_output_feature 4 int64,
        kernel_spatial 6 *int64, input_batch 7 int64, input_feature 8 int64, output_batch 9 int64,
        output_feature 10 int64, input_spatial 11 *int64, output_spatial 12 *int64""",
    "Gather": """offset_dims 1 *int64, collapsed_slice_dims 2 *int64, start_index_map 3 *int64,
        index_vector_dim 4 int64, operand_batching_dims 5 *int64,
        start_indices_batching_dims 6 *int64""",
    "Scatter": """update_window_dims 1 *int64, inserted_window_dims 2 *int64,
        scatter_dims_to_operand_dims 3 *int64, index_vector_dim 4 int64,
        input_batching_dims 5 *int64, scatter_indices_batching_dims 6 *int64""",
    "Precision": "operand_precision 1 *int32, algorithm 2 int32",
    "TriangularSolve": "left_side 1 bool, lower 2 bool, unit_diagonal 3 bool, transpose_a 4 int32",
    "Attributes": "map 1 *Attribute",
    "Attribute": "key 1 string, value 2 string",
    "ReplicaGroup": "replica_ids 1 *int64",
    "DeviceList": "replica_groups 1 *ReplicaGroup, iota_groups 2 IotaGroups",
    "IotaGroups": "rows 1 int64, columns 2 int64, dims 3 *int64, order 4 *int32",
    "MeshGroups": "mesh 1 Mesh, axes 2 *AxisRef",
    "Mesh": "axes 1 *MeshAxis, device_ids 2 *int64, iota 3 MeshIota",
    "MeshAxis": "name 1 string, size 2 int64",
    "MeshIota": "dims 1 *int64, order 2 *int64",
    "AxisRef": "axis 1 int64, part 2 SubAxis",
    "SubAxis": "before 1 int64, size 2 int64",
    "SourceTarget": "source 1 int64, target 2 int64",
    "Sharding": """type 1 int32, tile_dims 3 *int64, devices 4 *int64, parts 5 *Sharding,
        replicate_last 6 bool, last_tile_dims 8 *int32, iota_dims 9 *int64, iota_order 10 *int32,
        named 14 NamedSharding""",
    "NamedSharding": """mesh 2 Mesh, dims 3 *DimSharding, replicated 4 *AxisRef,
        unreduced 5 *AxisRef, manual 7 *AxisRef""",
    "DimSharding": "axes 1 *AxisRef, is_closed 2 bool",
}
_PACKAGE = "jaxflops.hlo"


@cache
def message_classes() -> dict[str, Any]:
    """Message name -> class; the classes live in a pool of their own."""
    from google.protobuf import (  # type: ignore[import-untyped]
        descriptor_pb2,
        descriptor_pool,
        message_factory,
    )

    file = descriptor_pb2.FileDescriptorProto(name="jaxflops_hlo.proto", package=_PACKAGE)
    file.syntax = "proto3"  # so that protobuf checks strings, which proto2 does not
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field in fields.split(","):
            _add_field(message, *field.split())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _MESSAGES
    }


def _add_field(message: Any, name: str, number: str, kind: str) -> None:
    field = message.field.add(name=name, number=int(number))
    repeated, kind = kind.startswith("*"), kind.removeprefix("*")
    field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
    if kind[0].isupper():
        field.type, field.type_name = field.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
        return
    field.type = getattr(field, f"TYPE_{kind.upper()}")
    if kind == "bytes" and not repeated:  # an empty submessage is told from an absent one
        field.proto3_optional = True
        field.oneof_index = len(message.oneof_decl)
        message.oneof_decl.add(name=f"_{name}")
