"""What a measurement depends on besides the program: versions, device, flags, machine."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import Any

import jax

from jaxflops.machine import cpuinfo

_FLAGS = ("XLA_FLAGS", "LIBTPU_INIT_ARGS", "NVIDIA_TF32_OVERRIDE", "PJRT_NPROC", "NPROC")


def environment(device: jax.Device) -> dict[str, str]:
    """Name -> value of everything that may change a time; empty values are left out."""
    processor = cpuinfo.read_this_machine()
    found = {
        "jax": jax.__version__,
        "jaxlib": metadata.version("jaxlib"),
        "python": platform.python_version(),
        "platform": device.platform,
        "device_kind": device.device_kind,
        "backend": _backend(device),
        "cpu": processor.name if processor else platform.processor(),
        "cpu_cores": str(processor.cores) if processor else str(os.cpu_count()),
        "machine": platform.node(),
        **{name: os.environ.get(name, "") for name in _FLAGS},
    }
    return {name: value for name, value in found.items() if value}


def _backend(device: Any) -> str:
    """CUDA, ROCm or libtpu build; one line."""
    return " ".join(str(device.client.platform_version).split())
