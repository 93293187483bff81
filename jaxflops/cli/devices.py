"""`jaxflops devices`: the peaks that utilization is held against, and who says so."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jaxflops.cli import options
from jaxflops.cli.show import show
from jaxflops.errors import JaxflopsError

if TYPE_CHECKING:
    from jaxflops.report.blocks import Block

EXAMPLES = """\
examples:
  jaxflops devices
  jaxflops devices h100-sxm5
  jaxflops devices "NVIDIA H100 80GB HBM3"

exit code: 0, 2 for a device that is not known.
"""


def add(verbs: argparse._SubParsersAction[Any]) -> None:
    """Add the verb and its options."""
    verb = options.add_verb(
        verbs,
        "devices",
        help="peaks of the attached device and of all known ones",
        description="Dense peaks, memory and bandwidth of a JAX device, with source and date.",
        epilog=EXAMPLES,
    )
    verb.add_argument("name", nargs="?", help="a device_kind, or an id of the table, in full")
    verb.add_argument("--debug", action="store_true", help="show the traceback of an error")
    verb.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Print one device, or the attached ones and the table."""
    show(list(_everything()) if given.name is None else [_one(given.name)])
    return 0


def _one(name: str) -> str:
    from jaxflops.machine.devices import device
    from jaxflops.report import devices as report

    found = device(name)
    if found is None:
        raise JaxflopsError(f"{name!r} is not known, or fits several: see `jaxflops devices`")
    return report.describe(found)


def _everything() -> Iterator[Block]:
    from jaxflops.machine.devices import known
    from jaxflops.report import devices as report
    from jaxflops.report.blocks import Verbatim

    yield from _attached()
    yield (
        "known, per JAX device: dense TFLOP/s of the fastest unit of a format (fp32 is true "
        "float32, tf32 what NVIDIA does with float32 by default); GB/s and GiB of memory"
    )
    yield Verbatim(report.table(known()))


def _attached() -> Iterator[str]:
    """Each kind of device that JAX sees here."""
    import jax

    from jaxflops.machine.devices import device
    from jaxflops.report import devices as report

    for kind in dict.fromkeys(d.device_kind for d in jax.devices()):
        several = [d for d in jax.devices() if d.device_kind == kind]
        found = device(several[0])
        unknown = "no source gives its peaks: no MFU, and no guess"
        yield f"attached: {len(several)} x {kind}: {report.describe(found) if found else unknown}"
