"""What the compiler plans to hold in a device's memory."""

from __future__ import annotations

from typing import Any, NamedTuple


class Memory(NamedTuple):
    """Bytes of one device, as XLA's buffer assignment has them.

    arguments, outputs: their buffers; `aliased` of them are both (donated).
    temporaries: buffers in between. code: the program itself.
    peak: most held at one time, arguments and outputs included; None where XLA does not say.
    """

    arguments: int
    outputs: int
    temporaries: int
    aliased: int
    code: int
    peak: int | None


_NAMES = {
    "arguments": "argument_size_in_bytes",
    "outputs": "output_size_in_bytes",
    "temporaries": "temp_size_in_bytes",
    "aliased": "alias_size_in_bytes",
    "code": "generated_code_size_in_bytes",
}


def memory_of(compiled: Any) -> Memory | None:
    """`memory_analysis()` of a `Compiled`; None where the backend has none."""
    try:
        said = compiled.memory_analysis()
    except Exception:  # noqa: BLE001 - backends without an analysis raise their own errors
        return None
    sizes = {field: getattr(said, name, None) for field, name in _NAMES.items()}
    if not all(isinstance(size, int) and size >= 0 for size in sizes.values()):
        return None
    peak = getattr(said, "peak_memory_in_bytes", None)
    return Memory(**sizes, peak=peak if peak and peak > 0 else None)  # type: ignore[arg-type]
