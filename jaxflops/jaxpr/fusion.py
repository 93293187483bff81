"""Which values a compiler does not store: made by work that it fuses into what reads them."""

from __future__ import annotations

from collections.abc import Sequence

from jaxflops.jaxpr.families import is_call, is_elementwise
from jaxflops.jaxpr.inline import Listing, Step, Value
from jaxflops.jaxpr.origins import MARKS, UPDATES, VIEWS

_LAYOUT = frozenset(
    {"slice", "dynamic_slice", "rev", "transpose", "pad", "concatenate", "copy", "real", "imag"}
)
_READERS = frozenset(
    {"gather", "reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_and", "reduce_or"}
    | {"argmax", "argmin", "reduce"}
)
_MADE_ANYWHERE = frozenset({"broadcast_in_dim", "iota", "convert_element_type"})


def unstored(program: Listing) -> set[Value]:
    """Values that are fused into their readers, and views of others."""
    readers: dict[Value, list[Step]] = {}
    for step in program.steps:
        for value in set(step.inputs):
            readers.setdefault(value, []).append(step)
    results = set(program.results)
    found = set()
    for step in program.steps:
        for value in step.outputs:
            if is_view(step) or (value not in results and _fuses(step, readers.get(value, []))):
                found.add(value)
    return found


def in_place(step: Step, made: Sequence[Value], dying: Sequence[Value]) -> set[Value]:
    """Results that take over the memory of an operand that ends here."""
    if not (is_elementwise(step.name) or step.name in UPDATES or step.name in ("scan", "while")):
        return set()
    spare = list(dying)
    taken = set()
    for value in made:
        match = next((v for v in spare if v.bytes == value.bytes), None)
        if match is not None:
            spare.remove(match)
            taken.add(value)
    return taken


def _fuses(step: Step, readers: list[Step]) -> bool:
    """Whether every reader can compute the value itself: cheap ones may do so many times."""
    if not readers or not _is_fusible(step):
        return False
    if not all(_reads_fused(reader) for reader in readers):
        return False
    return len(readers) == 1 or step.name in _MADE_ANYWHERE or _is_cheap(step)


def is_view(step: Step) -> bool:
    """Whether the results are the operands, seen otherwise."""
    return bool(step.inputs) and (step.name in VIEWS or step.name in MARKS)


def _is_fusible(step: Step) -> bool:
    return step.name in _LAYOUT or step.name in _MADE_ANYWHERE or is_elementwise(step.name)


def _reads_fused(step: Step) -> bool:
    return _is_fusible(step) or step.name in _READERS or step.name in UPDATES


def _is_cheap(step: Step) -> bool:
    return is_elementwise(step.name) and not is_call(step.name) and step.name not in ("div", "rem")
