"""The device groups of a collective, expanded from the four forms in which XLA writes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from math import prod

from jaxflops.hlo.attributes import Dims

Groups = tuple[Dims, ...]
Axis = tuple[int, int, int]  # mesh axis, and pre-size and size of a part of it, or 0 and 0

_LIST = re.compile(r"\{(\s*\{[\d,\s]*\}\s*,?)*\s*\}$")
_IOTA = re.compile(r"\[(\d+),(\d+)\]<=\[([\d,]+)\](?:T\(([\d,]+)\))?$")
_MESH = re.compile(r"@?(?:mesh)?\[(.*?)\](?:,\s*device_ids=\((.*?)\))?\s*\{(.*)\}$")
_MESH_AXIS = re.compile(r"""['"]?([^'",=]+)['"]?=(\d+)""")
_USED_AXIS = re.compile(r"""['"]?([^'",:]+)['"]?(?::\((\d+)\)(\d+))?\s*(?:,|$)""")
_IOTA_IDS = re.compile(r"\[([\d,]+)\](?:T\(([\d,]+)\))?$")


@lru_cache(maxsize=4096)
def parse_groups(text: str) -> Groups:
    """Groups from `{{0,1},{2,3}}`, `[2,2]<=[4]`, `[2,2]<=[2,2]T(1,0)` or `mesh['x'=4] {'x'}`.

    Raises ValueError for anything else.
    """
    if _LIST.match(text):
        return tuple(_dims(inner) for inner in re.findall(r"\{([\d,\s]*)\}", text[1:-1]))
    iota = _IOTA.match(text)
    if iota:
        rows, columns, dims, order = iota.groups()
        return iota_groups(int(rows), int(columns), _dims(dims), _dims(order or ""))
    mesh = _MESH.match(text)
    if mesh:
        return _parse_mesh(*mesh.groups())
    raise ValueError(f"replica groups {text!r} are in none of the four known forms")


def iota_groups(rows: int, columns: int, dims: Dims, order: Dims) -> Groups:
    """`rows` groups of `columns` devices: iota over `dims`, transposed by `order`, flattened."""
    return _chunks(iota_ids(dims, order), rows, columns)


def iota_ids(dims: Dims, order: Dims = ()) -> Dims:
    """0, 1, 2, ... as an array of shape `dims`, transposed by `order`, flattened."""
    return transposed(tuple(range(prod(dims))), dims, order or tuple(range(len(dims))))


def mesh_groups(sizes: Dims, devices: Dims, axes: Sequence[Axis]) -> Groups:
    """Groups of devices that differ only in their position along `axes` of a mesh.

    devices: ids in the order of the mesh, () for 0, 1, 2, ...
    """
    dims, grouped = _split(sizes, axes)
    kept = [axis for axis in range(len(dims)) if axis not in grouped]
    ids = devices or tuple(range(prod(sizes)))
    columns = prod(dims[axis] for axis in grouped)
    return _chunks(transposed(ids, dims, (*kept, *grouped)), len(ids) // columns, columns)


def transposed(values: Dims, dims: Dims, order: Dims) -> Dims:
    """`values`, an array of shape `dims` in row-major order, with its axes in `order`."""
    if len(values) != prod(dims) or sorted(order) != list(range(len(dims))):
        raise ValueError(f"{len(values)} devices do not make an array {dims} transposed {order}")
    strides = [prod(dims[axis + 1 :]) for axis in range(len(dims))]
    flat = [0]
    for axis in order:
        flat = [base + step * strides[axis] for base in flat for step in range(dims[axis])]
    return tuple(values[position] for position in flat)


def _split(sizes: Dims, axes: Sequence[Axis]) -> tuple[Dims, list[int]]:
    """Mesh sizes with the used sub-axes as axes of their own, and where the used ones stand."""
    dims: list[int] = []
    place: dict[Axis, int] = {}
    for index, size in enumerate(sizes):
        done = 1
        used = sorted((axis for axis in axes if axis[0] == index), key=lambda axis: axis[1])
        for axis in used:
            before, width = axis[1] or 1, axis[2] or size
            place[axis] = len(dims) + 1
            dims += [before // done, width]
            done = before * width
        dims.append(size // done)
    if prod(dims) != prod(sizes):
        raise ValueError(f"the parts {list(axes)} do not divide a mesh of sizes {sizes}")
    return tuple(dims), [place[axis] for axis in axes]


def _parse_mesh(axes: str, devices: str | None, used: str) -> Groups:
    sizes = {name: int(size) for name, size in _MESH_AXIS.findall(axes)}
    names = list(sizes)
    parts: list[Axis] = []
    for name, before, width in _USED_AXIS.findall(used):
        if name.strip() not in sizes:
            raise ValueError(f"axis {name!r} is not in the mesh {names}")
        parts.append((names.index(name.strip()), int(before or 0), int(width or 0)))
    return mesh_groups(tuple(sizes.values()), _devices(devices), parts)


def _devices(text: str | None) -> Dims:
    """Device ids of a mesh: `0,2,1,3`, or iota over dims and transposed, `[4,2]T(1,0)`."""
    iota = _IOTA_IDS.match(text or "")
    return iota_ids(_dims(iota[1]), _dims(iota[2] or "")) if iota else _dims(text or "")


def _chunks(devices: Dims, rows: int, columns: int) -> Groups:
    if rows * columns != len(devices) or not columns:
        raise ValueError(f"{len(devices)} devices do not make {rows} groups of {columns}")
    return tuple(devices[row * columns : (row + 1) * columns] for row in range(rows))


def _dims(text: str) -> Dims:
    return tuple(int(number) for number in text.split(",") if number.strip())
