"""`device()`: the peaks of a JAX device, found by its `device_kind`."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

import jax

from jaxflops.errors import JaxflopsError
from jaxflops.machine import cpu, own_devices
from jaxflops.machine.device import Device, Links

# A slice of a GPU reports the whole GPU's name and this; its share of the peak is not in the name.
_SLICE = re.compile(r"\bMIG\b")


def device(name: str | jax.Device | None = None) -> Device | None:
    """What a device can do at most: `jf.device().peak["bf16"]` in dense FLOP/s.

    name: a `jax.Device`, its `device_kind` ("NVIDIA H100 80GB HBM3"), a row's id ("h100-sxm5"), or
      nothing for the first device of the default backend. "cpu" is this machine's processor.
    A TOML file of your own comes first: JAXFLOPS_DEVICES=path (jaxflops/machine/own_devices.py).
    None means unknown: there is no row for it, and no fallback to another device.
    """
    if name is not None and not isinstance(name, (str, jax.Device)):
        raise JaxflopsError(
            f"device({name!r}): write a jax.Device, its device_kind (jax.devices()[0].device_kind) "
            "or an id of `jaxflops devices`"
        )
    name = jax.devices()[0] if name is None else name
    kind = name if isinstance(name, str) else name.device_kind
    own = _matching(_own(), kind)
    if own is not None:
        return own
    if kind.lower() == "cpu":
        return cpu.this_cpu(shared_by=jax.local_device_count("cpu"))
    return find(kind)


def find(kind: str) -> Device | None:
    """The row whose id is `kind`, or that alone matches it as a `device_kind`."""
    if kind not in table() and _SLICE.search(kind):
        return None
    return _matching(table(), kind)


def known() -> tuple[Device, ...]:
    """Every row: the user's own, then the table's."""
    return tuple(row for rows in (_own(), table()) for row, _ in rows.values())


def _matching(rows: own_devices.Rows, kind: str) -> Device | None:
    if kind in rows:
        return rows[kind][0]
    matching = [row for row, patterns in rows.values() if any(p.search(kind) for p in patterns)]
    return matching[0] if len(matching) == 1 else None


def _own() -> own_devices.Rows:
    path = os.environ.get(own_devices.VARIABLE, "")
    return own_devices.read(path) if path else {}


@lru_cache(maxsize=1)
def table() -> Mapping[str, tuple[Device, tuple[re.Pattern[str], ...]]]:
    """Row id -> the device and the patterns of its `device_kind`."""
    text = resources.files("jaxflops.machine").joinpath("data/devices.toml").read_text("utf-8")
    data = tomllib.loads(text)
    return {
        row["id"]: (
            _device(row, data["sources"]),
            tuple(re.compile(pattern, re.IGNORECASE) for pattern in row["kinds"]),
        )
        for row in data["device"]
    }


def _device(row: Mapping[str, Any], sources: Mapping[str, str]) -> Device:
    return Device(
        id=row["id"],
        name=row["name"],
        platform=row["platform"],
        arch=row["arch"],
        peak=row.get("peak", {}),
        vector=row.get("vector", {}),
        bandwidth=row["bandwidth"],
        memory_bytes=row["memory_bytes"],
        links=Links(**row["links"]) if "links" in row else None,
        source="; ".join(sources[name] for name in row["sources"]),
        date=row["date"],
        confidence=row["confidence"],
        notes=_notes(row),
    )


def _notes(row: Mapping[str, Any]) -> tuple[str, ...]:
    several = row.get("devices_per_chip", 1)
    shared = f"{several} JAX devices a chip: peaks, memory and bandwidth are each device's share"
    return ((shared,) if several > 1 else ()) + tuple(row.get("notes", ()))
