"""What the names in the forms stand for that no row computes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from jaxflops.jaxpr.derivation.authored import Authored
from jaxflops.jaxpr.derivation.names import Key, Names
from jaxflops.jaxpr.derivation.references import References
from jaxflops.jaxpr.derivation.rows import Note
from jaxflops.jaxpr.derivation.source_names import text_of
from jaxflops.jaxpr.derivation.values import Loop, Value
from jaxflops.jaxpr.derivation.views_of import show

_LONGEST = 60  # characters of source text


class Notes:
    """The notes of one derivation.

    shown: the keys that its rows print; computed: those that its rows compute.
    """

    def __init__(self, authored: Authored, references: References) -> None:
        self._authored, self._references = authored, references

    def starts(self, keys: Iterable[Key]) -> Iterator[Key]:
        """What is carried into the first iteration of loops whose carries are among the keys."""
        for value in dict.fromkeys(key.value for key in keys if key.value.kind == "carry"):
            yield Key(self._references.of(value.inputs[0]).holder)

    def all(self, names: Names, shown: Iterable[Key], computed: set[Value]) -> tuple[Note, ...]:
        """Loops, then values in order of execution."""
        values = list(dict.fromkeys(key.value for key in shown))
        carries = [value for value in values if value.kind == "carry"]
        starts = [self._references.of(value.inputs[0]).holder for value in carries]
        plain = {*values, *starts} - computed
        loops = [loop for value in values for loop in value.scope.loops]
        notes = [
            *map(_loop, loops),
            *(self._start(value, names) for value in carries),
            *(self._value(v, names) for v in sorted(plain, key=lambda v: v.order)),
        ]
        return tuple(dict.fromkeys(note for note in notes if note is not None))

    def _start(self, carry: Value, names: Names) -> Note:
        """`h[-1]: x`."""
        holder, views = self._references.of(carry.inputs[0])
        return Note(names.start(carry), show(names[Key(holder)], views))

    def _value(self, value: Value, names: Names) -> Note | None:
        """What the source says of `a`; nothing for arguments, slices and what repeats a name."""
        if value.kind == "argument" or names.is_derived(value):
            return None
        if value.kind == "constant":
            return Note(names[Key(value)], "a constant")
        if value.kind not in ("equation", "final", "stack", "choice"):
            return None
        frames = self._authored.chains.of(value.scope, value.at).frames
        if not frames:
            return None
        frame = self._authored.frame(value) or frames[0]
        text = text_of((frame,)) or value.eqn.primitive.name
        text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
        of = "the backward pass of " if value.phase == "backward" else ""
        place = f"{Path(frame.file).name}:{frame.start_line}"
        return Note(names[Key(value)], f"{of}`{text}` at {place}")


def _loop(loop: Loop) -> Note:
    """`i: 0, ..., 3 at net.py:12`."""
    place = f" at {Path(loop.source.file).name}:{loop.source.line}" if loop.source.file else ""
    values = f"0, ..., {loop.end}" if loop.step else f"one of {loop.length} shards"
    return Note(loop.index, f"{values}{place}")
