"""What an HLO instruction says besides its operands; the same from a proto and from text."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, NamedTuple

Dims = tuple[int, ...]
Names = tuple[str, ...]
Pairs = tuple[tuple[str, str], ...]


class DotDims(NamedTuple):
    """Dimension numbers of `dot` and `ragged-dot` (the last two are empty for `dot`)."""

    lhs_contracting: Dims = ()
    rhs_contracting: Dims = ()
    lhs_batch: Dims = ()
    rhs_batch: Dims = ()
    lhs_ragged: Dims = ()
    rhs_group: Dims = ()


class ConvDims(NamedTuple):
    """Where batch, features and space stand in a convolution's operands and its result."""

    input_batch: int
    input_feature: int
    input_spatial: Dims
    kernel_input_feature: int
    kernel_output_feature: int
    kernel_spatial: Dims
    output_batch: int
    output_feature: int
    output_spatial: Dims


class WindowDim(NamedTuple):
    """One dimension of a window that moves over a padded, dilated base."""

    size: int
    stride: int = 1
    padding_low: int = 0
    padding_high: int = 0
    window_dilation: int = 1
    base_dilation: int = 1
    reversal: bool = False


class GatherDims(NamedTuple):
    """Dimension numbers of `gather`."""

    offset_dims: Dims = ()
    collapsed_slice_dims: Dims = ()
    start_index_map: Dims = ()
    index_vector_dim: int = 0
    operand_batching_dims: Dims = ()
    start_indices_batching_dims: Dims = ()


class ScatterDims(NamedTuple):
    """Dimension numbers of `scatter`."""

    update_window_dims: Dims = ()
    inserted_window_dims: Dims = ()
    scatter_dims_to_operand_dims: Dims = ()
    index_vector_dim: int = 0
    input_batching_dims: Dims = ()
    scatter_indices_batching_dims: Dims = ()


class TriangularSolve(NamedTuple):
    """Which triangle of `a` is solved against, and from which side."""

    left_side: bool = False
    lower: bool = False
    unit_diagonal: bool = False
    transpose_a: str = ""


class BackendConfig:
    """A backend's own words about an instruction: `raw`, and `value` where they can be parsed.

    `value` is a dict for JSON and for the MLIR dictionaries of typed FFI calls, otherwise `raw`.
    Two configs are equal when their values are: XLA prints the keys of one object in any order.
    """

    __slots__ = ("raw",)

    def __init__(self, raw: str) -> None:
        self.raw = raw

    @property
    def value(self) -> Any:
        """The parsed contents."""
        return _parse_config(self.raw)

    def get(self, key: str) -> Any:
        """The value under `key`, or None where there is no such key."""
        value = self.value
        return value.get(key) if isinstance(value, dict) else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BackendConfig) and (
            self.raw == other.raw or self.value == other.value
        )

    def __hash__(self) -> int:
        return hash(type(self.value))

    def __repr__(self) -> str:
        return f"BackendConfig({self.raw!r})"


def backend_config(raw: str) -> BackendConfig | None:
    """`raw` as a config; None when it says nothing, as XLA prints an absent one either way."""
    return None if raw in ("", "{}") else BackendConfig(raw)


@lru_cache(maxsize=4096)
def _parse_config(raw: str) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return _mlir_dictionary(raw)


_ENTRY = re.compile(
    r'\s*"?(?P<key>[\w.$-]+)"?\s*(?:=\s*(?P<value>"(?:[^"\\]|\\.)*"|[^,"\[\]{}<>:\s]+)'
    r"\s*(?::\s*\w+)?)?\s*(?:,|$)"
)


def _mlir_dictionary(raw: str) -> Any:
    """`{uplo = 76 : ui8, lower = true}` as a dict; `raw` itself where it is anything else."""
    text = raw.strip()
    if not (text.startswith("{") and text.endswith("}")):
        return raw
    text, found, at = text[1:-1], {}, 0
    while at < len(text):
        entry = _ENTRY.match(text, at)
        if entry is None:
            return raw
        found[entry["key"]] = _mlir_value(entry["value"])
        at = entry.end()
    return found


def _mlir_value(text: str | None) -> Any:
    if text is None:
        return True
    try:
        return json.loads(text)
    except ValueError:
        return text


class Attributes(NamedTuple):
    """What only some opcodes have; fields that an opcode does not use keep their defaults.

    dimensions: of broadcast, concatenate, iota, reduce, sort, transpose, all-gather, ...
    slices: (start, limit, stride) of every dimension of a `slice`.
    padding: (low, high, interior) of every dimension of a `pad`.
    literal: flat values of a constant of at most `SMALL` elements, else None.
    slice_sizes: also of a `gather`.
    precision: operand precisions where one is not the default.
    replica_groups: device groups, expanded from any of their forms; () is all in one group.
    unread: attributes in the text that the reader does not know, by name.
    """

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

    def __repr__(self) -> str:
        default = self._field_defaults
        said = zip(self._fields, self, strict=True)
        return f"Attributes({', '.join(f'{n}={v!r}' for n, v in said if v != default[n])})"


NONE = Attributes()
