"""Which compiler pass changed the contractions: compile again, and count after each pass."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, NamedTuple

from jaxflops.compare.entries import Entries, Entry, contractions
from jaxflops.compare.join import Difference, join
from jaxflops.compare.windows import every_tap
from jaxflops.errors import JaxflopsError
from jaxflops.hlo.module import read_module
from jaxflops.hlo.walk import walk

# module_0002.jit_f.0008.simplification.after_algsimp.before_dce.hlo.pb
_DUMP = re.compile(r"\.(\d{4})\.([^/]*?)\.after_([^/]*?)(?:\.before_[^/]*?)?\.hlo\.pb$")
_DUMPING = {"xla_dump_hlo_pass_re": ".*", "xla_dump_hlo_as_proto": True}


class Snapshot(NamedTuple):
    """A dumped module: its contractions; the group counts of its convolutions, and every tap."""

    entries: Entries
    groups: frozenset[int] = frozenset()
    taps: Mapping[Entry, int] = MappingProxyType({})


Read = Callable[[Path], Snapshot]


class Change(NamedTuple):
    """What one pass did to the contractions.

    name: the pass's; `pipeline/pipeline-start` for what was done before a pipeline's first pass, by
      the pass that it runs in.
    groups: group counts of the convolutions before it. devices: that share the program.
    taps: of each convolution before it, its FLOPs with every tap of its windows.
    """

    name: str
    before: Entries
    after: Entries
    groups: frozenset[int] = frozenset()
    devices: int = 1
    taps: Mapping[Entry, int] = MappingProxyType({})

    @property
    def differences(self) -> list[Difference]:
        """The join of before and after."""
        return join(self.before, self.after)


def snapshot(path: Path) -> Snapshot:
    """What matters here of a dumped module."""
    module = read_module(path)
    instructions = (each for computation in module.computations.values() for each in computation)
    groups = {each.feature_group_count * each.batch_group_count for each in instructions}
    tree = walk(module)
    return Snapshot(contractions(tree), frozenset(groups - {1}), every_tap(module, tree))


def changes(lowered: Any, read: Read = snapshot) -> list[Change]:
    """Every pass that changed a contraction, in order.

    The first and the last entry are named `(input)` and `(output)`: their `after` is what the
    compiler began with and ended with, to be held against the modules that were read directly.
    Code is generated without optimization: that comes after the last pass over HLO.
    """
    with TemporaryDirectory() as folder:
        options = {"xla_dump_to": folder, "xla_backend_optimization_level": 0, **_DUMPING}
        lowered.compile(compiler_options=options)
        devices = read_module(lowered).num_partitions or 1
        found = _changes(_dumps(Path(folder)), read)
        return [change._replace(devices=devices) for change in found]


def _dumps(folder: Path) -> list[tuple[str, Path]]:
    """(pass, dump), in order; the module that most dumps are of, should there be several."""
    modules: dict[str, list[tuple[int, str, Path]]] = {}
    for path in folder.iterdir():
        found = _DUMP.search(path.name)
        if found is not None:
            module = path.name[: found.start()]
            modules.setdefault(module, []).append((int(found[1]), _name(found[2], found[3]), path))
    if not modules:
        raise JaxflopsError("this backend dumps no HLO between passes: changes have no pass's name")
    longest = max(modules.values(), key=len)
    return [(name, path) for _, name, path in sorted(longest)]


def _name(pipeline: str, name: str) -> str:
    return f"{pipeline}/{name}" if name == "pipeline-start" else name


def _changes(dumps: list[tuple[str, Path]], read: Read) -> Iterator[Change]:
    before: Snapshot | None = None
    seen = b""
    for name, path in dumps:
        data = path.read_bytes()
        if data == seen:
            continue
        seen, after = data, read(path)
        if before is None:
            yield Change("(input)", after.entries, after.entries)
        elif before.entries != after.entries:
            yield Change(name, before.entries, after.entries, before.groups, taps=before.taps)
        before = after
    assert before is not None
    yield Change("(output)", before.entries, before.entries)
