"""The collectives of a walked module: what each exchanges, how often, and along which axes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from jaxflops.cost import Cost
from jaxflops.hlo.ir import Instruction
from jaxflops.hlo.replica_groups import Groups, mesh_groups
from jaxflops.polynomial import Count
from jaxflops.tree import Node, Site

Mesh = Mapping[str, int]
"""Axis name -> size, in the order in which device positions are unravelled."""


class Collective(NamedTuple):
    """One collective of the program.

    kind: `all-reduce`, `all-gather`, `collective-permute`, ...
    payload_bytes: what one device puts in, in one execution; operands, not bytes on a wire.
    times: how often it runs. groups: positions of devices that exchange; () is all in one group;
      of a permute the (source, target) pairs.
    axes: the mesh axes that the groups span; None where no mesh is known, or none of it fits.
    """

    kind: str
    payload_bytes: int
    times: Count
    groups: Groups
    axes: tuple[str, ...] | None
    site: Site


class Sender(NamedTuple):
    """The cost of a leaf that puts bytes into a collective, and the leaf's instruction."""

    own: Cost
    ins: Instruction


def collectives(
    tree: Node, senders: Mapping[int, Sender], meshes: Sequence[Mesh] = ()
) -> Iterator[Collective]:
    """Every collective that runs, in the order of the program.

    senders: of the leaves, by the id of their own cost.
    meshes: those that the program's arguments are laid out on.
    """
    for node, site, times in tree.leaves():
        sender = senders.get(id(node.own))
        if sender is None or times == 0:
            continue
        ins = sender.ins
        groups = ins.attributes.replica_groups or ins.attributes.source_target_pairs
        axes = next(filter(None, (axes_of(ins, mesh) for mesh in meshes)), None)
        kind, payload = ins.opcode.removesuffix("-start"), node.own.payload_bytes
        yield Collective(kind, int(payload), times, groups, axes, site)


def axes_of(ins: Instruction, mesh: Mesh) -> tuple[str, ...] | None:
    """The axes that a collective's groups span; None where they are no axes of this mesh."""
    if ins.attributes.source_target_pairs:
        return _moved_along(ins.attributes.source_target_pairs, mesh)
    names, sizes = [name for name, size in mesh.items() if size > 1], tuple(mesh.values())
    if not ins.attributes.replica_groups:
        return tuple(names)
    wanted = set(map(frozenset, ins.attributes.replica_groups))
    places = {name: (place, 0, 0) for place, name in enumerate(mesh)}
    for count in range(1, len(names) + 1):
        for chosen in combinations(names, count):
            groups = mesh_groups(sizes, (), [places[name] for name in chosen])
            if set(map(frozenset, groups)) == wanted:
                return chosen
    return None


def _moved_along(pairs: tuple[tuple[int, int], ...], mesh: Mesh) -> tuple[str, ...] | None:
    """The axes along which some source and its target differ."""
    places = [(_position(source, mesh), _position(target, mesh)) for source, target in pairs]
    found = (
        name for i, name in enumerate(mesh) if any(source[i] != to[i] for source, to in places)
    )
    return tuple(found) or None


def _position(device: int, mesh: Mesh) -> tuple[int, ...]:
    """A device's coordinates: its place in the flattened mesh, unravelled."""
    found: list[int] = []
    for size in reversed(tuple(mesh.values())):
        device, here = divmod(device, size)
        found.append(here)
    return tuple(reversed(found))
