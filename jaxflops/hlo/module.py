"""Getting a module out of what the user has: a Lowered, a Compiled, a dump.

The only file of this lane that touches JAX's objects beyond their documented API.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from jaxflops.hlo.ir import HloError, Module
from jaxflops.hlo.proto import read_proto
from jaxflops.hlo.text import read_text

_ACCEPTED = (
    "a jax.stages.Lowered or Compiled, HLO text, a serialized HloModuleProto (bytes), "
    "or the path of an .hlo.pb or .txt dump"
)
_MLIR = b"ML\xefR"  # how MLIR's bytecode begins
_START = 4096  # bytes that tell text from a proto, which has control characters in its tags
_PRINTED = bytes({*b"\t\n\f\r", *range(0x20, 0x7F), *range(0x80, 0x100)})


def read_module(source: Any) -> Module:
    """The HLO module in `source`.

    source: a `jax.stages.Lowered` (the module before optimization), a `jax.stages.Compiled` (what
      runs on one device), HLO text, a serialized HloModuleProto or HloProto, the path of a dump,
      or a `Module`.
    Raises HloError, saying what was got and what to pass, for anything that is not readable.
    """
    if isinstance(source, Module):
        return source
    for kind, read in _READERS:
        if isinstance(source, kind) if isinstance(kind, type) else hasattr(source, kind):
            return read(source)
    raise HloError(f"cannot read HLO from {type(source).__name__}; pass {_ACCEPTED}")


def _read_file(path: PathLike[str]) -> Module:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise HloError(f"cannot read the dump {path}: {error.strerror}") from error
    return _read_bytes(data)


def _read_bytes(data: bytes) -> Module:
    """A serialized module, or text that was not decoded."""
    if data.startswith(_MLIR):
        raise HloError(
            "it is MLIR bytecode: pass the Lowered itself, or lowered.as_text(dialect='hlo')"
        )
    is_text = data and not data[:_START].translate(None, _PRINTED)
    if is_text or data.lstrip().startswith(b"HloModule"):
        return read_text(data.decode(errors="replace"))
    return read_proto(data)


def _read_compiled(compiled: Any) -> Module:
    """The optimized module; its text where the backend hands out no serialized module."""
    try:
        modules = compiled.runtime_executable().hlo_modules()
    except Exception:  # noqa: BLE001 - backends that keep no module raise their own errors
        modules = None
    if not modules:
        return read_text(_text(compiled))
    if len(modules) > 1:
        raise HloError(
            f"this Compiled holds {len(modules)} HLO modules; read them one by one: "
            "compiled.runtime_executable().hlo_modules()"
        )
    module = read_proto(modules[0].as_serialized_hlo_module_proto(), trusted=True)
    return replace(module, num_partitions=_devices(compiled))


def _text(compiled: Any) -> str:
    try:
        text = compiled.as_text()
    except Exception as error:
        raise HloError(f"this backend gives no HLO of what it compiled: {error}") from error
    if not text:
        raise HloError("this backend gives no HLO of what it compiled; pass a dump of the module")
    return str(text)


def _read_lowered(lowered: Any) -> Module:
    try:
        computation = lowered.compiler_ir("hlo")
        data = computation.as_serialized_hlo_module_proto()
    except Exception as error:
        raise HloError(
            f"cannot turn this {type(lowered).__name__} into HLO ({error}); lower it for one "
            "platform: jax.jit(f).trace(*args).lower(lowering_platforms=('cpu',))"
        ) from error
    return replace(read_proto(data, trusted=True), num_partitions=_partitions(lowered))


def _read_jaxlib(module: Any) -> Module:
    """Jaxlib's own module or computation."""
    return read_proto(module.as_serialized_hlo_module_proto(), trusted=True)


# A type, or the attribute by which an object of JAX is recognised, and how it is read.
_READERS: tuple[tuple[type | str, Callable[[Any], Module]], ...] = (
    (str, read_text),
    (bytes, _read_bytes),
    (PathLike, _read_file),
    ("runtime_executable", _read_compiled),
    ("compiler_ir", _read_lowered),
    ("as_serialized_hlo_module_proto", _read_jaxlib),
)


def _devices(compiled: Any) -> int | None:
    """How many devices run the executable, by the shardings of its arguments and results."""
    from jax import tree_util

    shardings = tree_util.tree_leaves((compiled.input_shardings, compiled.output_shardings))
    counts = [sharding.num_devices for sharding in shardings if hasattr(sharding, "num_devices")]
    return max(counts, default=None)


def platforms(lowered: Any) -> tuple[str, ...]:
    """What a `Lowered` was lowered for; empty where this JAX does not say."""
    return tuple(getattr(getattr(lowered, "_lowering", None), "_platforms", None) or ())


def _partitions(lowered: Any) -> int | None:
    """How many devices run the lowered program, as its StableHLO module says."""
    attributes = lowered.compiler_ir("stablehlo").operation.attributes
    if "mhlo.num_partitions" not in attributes:
        return None
    return int(attributes["mhlo.num_partitions"].value)
