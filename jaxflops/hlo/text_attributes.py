"""Attributes in HLO text, `key=value`, -> the fields of an `Instruction`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jaxflops.hlo import attributes as a
from jaxflops.hlo.replica_groups import parse_groups
from jaxflops.hlo.scanner import unquote
from jaxflops.hlo.text_values import (
    parse_boolean,
    parse_channel,
    parse_dims,
    parse_frontend_attributes,
    parse_labels,
    parse_one,
    parse_padding,
    parse_pairs,
    parse_precision,
    parse_sharding,
    parse_slices,
    parse_window,
)

Fields = dict[str, Any]

# Attributes that say nothing about cost. Any other that is not read below is reported as unread.
IGNORED = frozenset(
    """api_version async_execution_thread channel_handle constrain_layout control-predecessors
    conv_kind cross_program_prefetch_index custom_call_has_side_effect delta distribution domain
    epsilon exponent_bits feature_index has_dynamic_root infeed_config is_associative is_composite
    is_cross_program_prefetch is_host_transfer is_reverse is_stable largest mantissa_bits
    operand_layout_constraints order origin outfeed_config outfeed_shape output_to_operand_aliasing
    padding_type parameter_replication result_accuracy schedule shuffle_mode statistics
    type""".split()  # noqa: SIM905 - names read better than a column of strings
)
# The order in which a proto lists what an instruction calls.
CALLS = (
    "body",
    "condition",
    "true_computation",
    "false_computation",
    "branch_computations",
    "select",
    "scatter",
    "calls",
    "to_apply",
    "called_computations",
)
_DOT = {
    "lhs_contracting_dims": "lhs_contracting",
    "rhs_contracting_dims": "rhs_contracting",
    "lhs_batch_dims": "lhs_batch",
    "rhs_batch_dims": "rhs_batch",
    "lhs_ragged_dims": "lhs_ragged",
    "rhs_group_dims": "rhs_group",
}
_TRIANGULAR = frozenset(a.TriangularSolve._fields)


def parse_attributes(opcode: str, said: dict[str, str]) -> Fields:
    """The fields that `said` sets; raises ValueError, naming the attribute, where it is damaged."""
    fields: Fields = {}
    parts: dict[type[Any], Fields] = {}
    unread: list[str] = []
    for key, value in said.items():
        try:
            if key in _FIELDS:
                field, parse = _FIELDS[key]
                fields[field] = parse(value)
            elif key in IGNORED or key in CALLS or key == "metadata":
                continue
            elif not _add_part(parts, opcode, key, value):
                unread.append(key)
        except ValueError as error:
            raise ValueError(f"{key}={value}: {error}") from None
    for kind, given in parts.items():
        fields[_PARTS[kind]] = kind(**given)
    if unread:
        fields["unread"] = tuple(unread)
    if opcode.startswith("rng"):
        fields.pop("algorithm", None)  # which generator, not how to multiply
    return fields


def parse_called(said: dict[str, str]) -> tuple[str, ...]:
    """Names of the computations that an instruction calls, in a proto's order."""
    names: list[str] = []
    for key in CALLS:
        if key in said:
            value = said[key].strip()
            listed = value[1:-1] if value.startswith("{") else value
            names += [name.strip().removeprefix("%") for name in listed.split(",") if name.strip()]
    return tuple(names)


_PARTS = {
    a.DotDims: "dot",
    a.GatherDims: "gather",
    a.ScatterDims: "scatter",
    a.TriangularSolve: "triangular_solve",
}


def _add_part(parts: dict[type[Any], Fields], opcode: str, key: str, value: str) -> bool:
    """File one piece of a structure that text spreads over several attributes."""
    if key in _DOT:
        parts.setdefault(a.DotDims, {})[_DOT[key]] = parse_dims(value)
        return True
    if key in _TRIANGULAR and opcode == "triangular-solve":
        said = unquote(value)
        parts.setdefault(a.TriangularSolve, {})[key] = (
            said if key == "transpose_a" else parse_boolean(said)
        )
        return True
    if key == "lower" and opcode == "cholesky":
        return True
    kind: type[Any] = a.ScatterDims if opcode.startswith("scatter") else a.GatherDims
    if key not in kind._fields:
        return False
    parts.setdefault(kind, {})[key] = int(value) if key == "index_vector_dim" else parse_dims(value)
    return True


_FIELDS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "index": ("number", int),
    "kind": ("fusion_kind", str),
    "dimensions": ("dimensions", parse_dims),
    "iota_dimension": ("dimensions", parse_one),
    "window": ("window", parse_window),
    "dim_labels": ("conv", parse_labels),
    "feature_group_count": ("feature_group_count", int),
    "batch_group_count": ("batch_group_count", int),
    "operand_precision": ("precision", parse_precision),
    "algorithm": ("algorithm", str),
    "slice": ("slices", parse_slices),
    "slice_sizes": ("slice_sizes", parse_dims),
    "dynamic_slice_sizes": ("slice_sizes", parse_dims),
    "padding": ("padding", parse_padding),
    "unique_indices": ("unique_indices", parse_boolean),
    "indices_are_sorted": ("indices_are_sorted", parse_boolean),
    "fft_type": ("fft_type", str),
    "fft_length": ("fft_length", parse_dims),
    "direction": ("direction", str),
    "k": ("k", int),
    "num_carries": ("num_carries", int),
    "custom_call_target": ("custom_call_target", unquote),
    "channel_id": ("channel_id", parse_channel),
    "replica_groups": ("replica_groups", parse_groups),
    "source_target_pairs": ("source_target_pairs", parse_pairs),
    "use_global_device_ids": ("use_global_device_ids", parse_boolean),
    "sharding": ("sharding", parse_sharding),
    "frontend_attributes": ("frontend_attributes", parse_frontend_attributes),
    "backend_config": ("backend_config", lambda text: a.backend_config(unquote(text))),
}
