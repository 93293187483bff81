"""A serialized sharding, written as XLA writes it in HLO text."""

from __future__ import annotations

from typing import Any

_REPLICATED, _MAXIMAL, _TUPLE, _OTHER = 0, 1, 2, 3
_NAMES = ("replicated", "maximal", "tuple", "other", "manual", "unknown", "unreduced")


def sharding_text(message: Any) -> str:
    """`{replicated}`, `{devices=[2,1]<=[2]}`, `{mesh['x'=2], [{'x'}, {}]}` or a tuple of them."""
    if message.HasField("named"):
        return f"{{{_named(message.named)}}}"
    if message.type == _TUPLE:
        return f"{{{', '.join(sharding_text(part) for part in message.parts)}}}"
    if message.type == _MAXIMAL:
        return f"{{maximal device={message.devices[0] if message.devices else 0}}}"
    if message.type == _OTHER:
        return f"{{{_tiled(message)}}}"
    return f"{{{_NAMES[message.type] if message.type < len(_NAMES) else message.type}}}"


def _tiled(message: Any) -> str:
    ids = ",".join(map(str, message.devices))
    if message.iota_dims:
        ids = f"<=[{_list(message.iota_dims)}]"
        if len(message.iota_dims) > 1:
            ids += f"T({_list(message.iota_order)})"
    text = f"devices=[{_list(message.tile_dims)}]{ids}"
    if message.replicate_last:
        text += " last_tile_dim_replicate"
    if message.last_tile_dims:
        text += f" last_tile_dims={{{', '.join(_NAMES[kind] for kind in message.last_tile_dims)}}}"
    return text


def _named(message: Any) -> str:
    mesh = message.mesh
    if not mesh.axes and mesh.device_ids:
        return f"single_device[device_id={mesh.device_ids[0]}]"
    names = [axis.name for axis in mesh.axes]
    dims = [_dim(dim, names) for dim in message.dims]
    sizes = ",".join(f"'{axis.name}'={axis.size}" for axis in mesh.axes)
    parts = [f"mesh[{sizes}]", *_mesh_ids(mesh)]
    parts.append(f"[{', '.join(dims)}]" if dims else "replicated")
    for label in ("replicated", "unreduced", "manual"):
        axes = _axes(getattr(message, label), names)
        parts += [f"{label}={{{', '.join(axes)}}}"] if axes else []
    return ", ".join(parts)


def _mesh_ids(mesh: Any) -> list[str]:
    if mesh.iota.dims:
        return [f"device_ids=([{_list(mesh.iota.dims)}]T({_list(mesh.iota.order)}))"]
    return [f"device_ids=({_list(mesh.device_ids)})"] if mesh.device_ids else []


def _dim(dim: Any, names: list[str]) -> str:
    axes = _axes(dim.axes, names) + ([] if dim.is_closed else ["?"])
    return f"{{{', '.join(axes)}}}"


def _axes(axes: Any, names: list[str]) -> list[str]:
    return [
        f"'{names[ref.axis]}'" + (f":({ref.part.before}){ref.part.size}" if ref.part.size else "")
        for ref in axes
    ]


def _list(values: Any) -> str:
    return ",".join(map(str, values))
