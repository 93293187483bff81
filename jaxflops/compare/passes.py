"""What each compiler pass did to a program: it is compiled with a dump after every pass."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import uuid4
from weakref import finalize

import jax

from jaxflops.compare import stage
from jaxflops.compare.entries import Depths, Entries, Entry, Pieces, contractions, depths, pieces
from jaxflops.compare.join import Difference, join
from jaxflops.compare.live import live, working
from jaxflops.compare.windows import every_tap
from jaxflops.errors import JaxflopsError
from jaxflops.hlo.context import Options
from jaxflops.hlo.ir import Module
from jaxflops.hlo.module import read_module
from jaxflops.hlo.walk import walk

# module_0002.jit_f.0008.simplification.after_algsimp.before_dce.hlo.pb
_DUMP = re.compile(r"\.(\d{4})\.([^/]*?)\.after_([^/]*?)(?:\.before_[^/]*?)?\.hlo\.pb$")
# All of every module, whatever XLA_FLAGS ask for.
_DUMPING: dict[str, str | int | bool] = {
    "xla_dump_hlo_pass_re": ".*",
    "xla_dump_hlo_as_proto": True,
    "xla_dump_hlo_module_re": "",
    "xla_dump_hlo_pipeline_re": "",
    "xla_dump_compress_protos": False,
    "xla_dump_max_hlo_modules": -1,
}
# A number for another kind of dump, which is part of the key of JAX's compilation cache.
_UNIQUE = "xla_debug_buffer_assignment_show_max"


class Snapshot(NamedTuple):
    """A module between two passes.

    pieces: elementwise work of what is not dead; None where data decide how often it runs.
    groups: group counts of its convolutions and ragged products.
    taps: FLOPs of its convolutions with every tap of their windows.
    opcodes: how many instructions it has of each. depths: how many of each contraction stand within
      how many loops.
    """

    entries: Entries
    pieces: Pieces | None = None
    groups: frozenset[int] = frozenset()
    taps: Mapping[Entry, int] = MappingProxyType({})
    opcodes: Mapping[str, int] = MappingProxyType({})
    depths: Depths = MappingProxyType({})


class Form(NamedTuple):
    """A module as a pass left it, what of it is live, and what works in that and in all."""

    name: str
    module: Module
    live: Module
    working: tuple[frozenset[tuple[object, ...]], ...]


class Change(NamedTuple):
    """What one pass did to the contractions.

    name: the pass's; `pipeline/pipeline-start` for what was done before a pipeline's first pass, by
      the pass that it runs in.
    groups: of the convolutions and ragged products before it. devices: that share the program.
    taps: of each convolution before it, its FLOPs with every tap of its windows.
    depths, new_depths: how many of each contraction stand within how many loops, before and after.
    """

    name: str
    before: Entries
    after: Entries
    groups: frozenset[int] = frozenset()
    devices: int = 1
    taps: Mapping[Entry, int] = MappingProxyType({})
    depths: Depths = MappingProxyType({})
    new_depths: Depths = MappingProxyType({})

    @property
    def differences(self) -> list[Difference]:
        """The join of before and after."""
        return join(self.before, self.after)


class Step(NamedTuple):
    """A pass, and the module before and after it."""

    name: str
    before: Snapshot
    after: Snapshot


class Passes:
    """Every pass that changed what is counted, in order; dumps are read when first asked for.

    folder: of dumps, removed when they were read; devices: that share the program; options: by
      which modules are walked.
    """

    def __init__(self, folder: Path, devices: int = 1, options: Options | None = None) -> None:
        self.devices, self.options = devices, options
        self._folder = folder
        self._remove = finalize(self, rmtree, folder, ignore_errors=True)

    @cached_property
    def steps(self) -> list[Step]:
        """Each pass with the module before and after it; empty where the backend dumps nothing.

        The first and the last are `(input)` and `(output)`: what the compiler began with and ended
        with, to be held against the modules that were read directly.
        """
        found = list(_steps(_dumps(self._folder), self._snapshot))
        self._remove()
        return found

    def _snapshot(self, form: Form) -> Snapshot:
        """What matters here of a dumped module."""
        module, alive = form.module, form.live
        every = [ins for computation in module.computations.values() for ins in computation]
        tree = walk(module, self.options)
        return Snapshot(
            contractions(tree),
            pieces((tree if alive is module else walk(alive, self.options)).leaves()),
            frozenset(_groups(module)) - {1},
            every_tap(module, tree) if any(each.attributes.conv for each in every) else {},
            Counter(each.opcode for each in every),
            depths(tree),
        )


def _groups(module: Module) -> Iterator[int]:
    for where in module.computations.values():
        for ins in where:
            yield ins.attributes.feature_group_count * ins.attributes.batch_group_count
            if ins.opcode == "ragged-dot":
                yield where[ins.operands[2]].shape.dims[-1]


def compiled(lowered: Any, devices: int, options: Options) -> tuple[Any, Passes]:
    """The `Compiled` of a `Lowered`, and what its passes did; nothing where it cannot dump."""
    folder = Path(mkdtemp())
    passes = Passes(folder, devices, options)
    try:
        with _uncached() as unique:
            dumping = {"xla_dump_to": str(folder), **_DUMPING, **unique}
            return stage.compiled(lowered, dumping), passes
    except JaxflopsError:
        return stage.compiled(lowered), passes


@contextmanager
def _uncached() -> Iterator[dict[str, int]]:
    """An option by which the persistent compilation cache does not know a program, nor keep it.

    Its key leaves dumps out, and a program that it holds is not compiled: nothing would be dumped.
    """
    longest = jax.config.jax_persistent_cache_min_compile_time_secs  # type: ignore[attr-defined]
    jax.config.update("jax_persistent_cache_min_compile_time_secs", float("inf"))  # type: ignore[no-untyped-call]
    try:
        yield {_UNIQUE: uuid4().int % 2**31}
    finally:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", longest)  # type: ignore[no-untyped-call]


def changes(passes: Passes) -> list[Change]:
    """Every pass that changed a contraction, between `(input)` and `(output)`; or nothing."""
    if not passes.steps:
        return []
    first, *middle, last = passes.steps
    changed = [step for step in middle if step.before.entries != step.after.entries]
    return [_change(step, passes.devices) for step in (first, *changed, last)]


def _change(step: Step, devices: int) -> Change:
    before, after = step.before, step.after
    found = Change(step.name, before.entries, after.entries, before.groups, devices, before.taps)
    return found._replace(depths=before.depths, new_depths=after.depths)


def _dumps(folder: Path) -> list[tuple[str, Path]]:
    """(pass, dump), in order; the module that most dumps are of, should there be several."""
    modules: dict[str, list[tuple[int, str, Path]]] = {}
    for path in folder.iterdir():
        found = _DUMP.search(path.name)
        if found is not None:
            module = path.name[: found.start()]
            modules.setdefault(module, []).append((int(found[1]), _name(found[2], found[3]), path))
    longest = max(modules.values(), key=len, default=[])
    return [(name, path) for _, name, path in sorted(longest)]


def _name(pipeline: str, name: str) -> str:
    return f"{pipeline}/{name}" if name == "pipeline-start" else name


def _steps(dumps: list[tuple[str, Path]], read: Callable[[Form], Snapshot]) -> Iterator[Step]:
    """Forms in which the same instructions work are walked once, but for the last."""
    before, last = None, None
    for form in _forms(dumps):
        if last is None or form.working != last.working:
            after = read(form)
            yield from _step(form.name, before, after)
            before = after
        last = form
    if before is not None and last is not None:
        after = read(last)
        yield from _step(last.name, before, after)
        yield Step("(output)", after, after)


def _step(name: str, before: Snapshot | None, after: Snapshot) -> Iterator[Step]:
    if before is None:
        yield Step("(input)", after, after)
    elif before[:2] != after[:2]:
        yield Step(name, before, after)


def _forms(dumps: list[tuple[str, Path]]) -> Iterator[Form]:
    seen = b""
    for name, path in dumps:
        data = path.read_bytes()
        if data != seen:
            module = read_module(data)
            alive = live(module)
            works = {id(each): working(each) for each in (module, alive)}
            yield Form(name, module, alive, tuple(works.values()))
        seen = data
