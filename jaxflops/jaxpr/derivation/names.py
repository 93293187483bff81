"""One identifier for each value, as the user wrote it; no two values share one.

`h` is what an assignment gives to h, `h'` a product inside the expression assigned, `h#2` the
second value of that name in order of execution, `h[i]` the value of iteration i, `h[i-1]` the one
carried into it, `params['w'][i]` a slice. Without a name of its own a value is called as the
product that uses it calls it, or `file:line`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.derivation.authored import Authored
from jaxflops.jaxpr.derivation.flow import CONTRACTIONS
from jaxflops.jaxpr.derivation.indexing import indexed
from jaxflops.jaxpr.derivation.references import References
from jaxflops.jaxpr.derivation.source_names import operand_text
from jaxflops.jaxpr.derivation.values import Loop, Value

_LATE = ("carry", "final", "stack")


class Key(NamedTuple):
    """What is named: a value, or a gradient or tangent of it.

    session: of several gradients of one value (two calls of `jax.grad`), which.
    """

    value: Value
    suffix: str = ""
    session: int = 1


class Names:
    """The identifiers of one program, once all keys are known."""

    def __init__(
        self,
        keys: Iterable[Key],
        arguments: Sequence[str],
        authored: Authored,
        references: References,
    ) -> None:
        self._arguments, self._authored, self._references = arguments, authored, references
        self._taken: dict[str, Value] = {}
        self._last: dict[str, int] = {}  # the highest number given
        self._apart: set[Value] = set()  # whose name from another's would be someone else's
        values: dict[Value, None] = {}
        for key in keys:
            value: Value | None = key.value
            while value is not None and value not in values:
                values[value] = None
                value = self._base(value)
        self._numbers = dict.fromkeys(values, 1)
        for value in sorted(values, key=self._turn):
            self._settle(value)

    def __getitem__(self, key: Key) -> str:
        """The identifier."""
        number = f"#{key.session}" if key.session > 1 else ""
        return self._text(key.value, {}) + key.suffix + number

    def is_derived(self, value: Value) -> bool:
        """Whether it is called by another value's name and an index."""
        return self._base(value) is not None

    def start(self, carry: Value) -> str:
        """The identifier of what is carried into a loop's first iteration: `h[-1]`, or `c[0]`."""
        loop = carry.scope.loops[-1]
        base = self._base(carry)
        if base is None:
            return self._text(carry, {loop: loop.first})
        return self._text(base, {loop: loop.before})

    def _text(self, value: Value, at: Mapping[Loop, str]) -> str:
        """The identifier, with other indexes than the usual for some loops."""
        derived = self._derived(value, at)
        if derived is not None:
            return derived
        number = self._numbers[value]
        return self._stem(value) + (f"#{number}" if number > 1 else "") + _indexes(value, at)

    def _derived(self, value: Value, at: Mapping[Loop, str]) -> str | None:
        """`ws[i]`, `h[i-1]`, `h[3]`, `h[:]`: names that hang on another value's."""
        base = self._base(value)
        if base is None:
            return None
        loop = _loop(value)
        if loop is None:
            return f"{self._text(base, at)}{_index(value)}"
        if value.kind == "slice":
            return f"{self._text(base, at)}[{at.get(loop, loop.index)}]"
        index = {"carry": loop.previous, "final": loop.last, "stack": ":"}[value.kind]
        return self._text(base, {**at, loop: index})

    def _base(self, value: Value) -> Value | None:
        """The value whose name it takes, with another index."""
        if value in self._apart:
            return None
        slice_ = indexed(value)
        if slice_ is not None and not self._authored.is_whole(value):
            return (
                self._references.of(slice_.source).holder
                if self._references.is_named(slice_.source)
                else None
            )
        inner = {"slice": value.inputs[:1], "carry": (value.feedback,)}.get(value.kind, ())
        if value.kind in ("final", "stack") and not self._authored.is_whole(value):
            inner = value.inputs
        if not inner or inner[0] is None:
            return None
        holder, views = self._references.of(inner[0])
        inside = value.kind == "slice" or (
            holder.kind == "equation" and _loop(value) in holder.scope.loops
        )
        return holder if inside and not views else None

    def _turn(self, value: Value) -> tuple[int, int]:
        """Arguments first, then in order of execution; last what is called as a later value is."""
        base = self._base(value)
        if base is not None and value.kind in _LATE:
            return 2, value.order
        if base is not None:
            return max(1, self._turn(base)[0]), value.order
        return int(value.kind != "argument"), value.order

    def _settle(self, value: Value) -> None:
        """Give a value the first number that makes its identifier its own."""
        if self._base(value) is not None:
            if self._is_same(self._taken.setdefault(self._text(value, {}), value), value):
                return
            self._apart.add(value)
        plain = self._stem(value) + _indexes(value, {})
        self._numbers[value] = self._last.get(plain, 0) + 1
        while self._taken.setdefault(self._text(value, {}), value) is not value:
            self._numbers[value] += 1
        self._last[plain] = self._numbers[value]

    def _is_same(self, one: Value, other: Value) -> bool:
        """Whether both are one value, or the slices `xs[i]` that two loops take of one array."""
        if one is other or one.kind != "slice" or other.kind != "slice":
            return one is other
        bases = self._base(one), self._base(other)
        return None not in bases and self._is_same(*bases)  # type: ignore[arg-type]

    def _stem(self, value: Value) -> str:
        """The identifier without number and indexes."""
        if value.kind == "argument":
            return self._arguments[value.out] or f"arg{value.out}"
        stem = self._authored.stem(value)
        if stem is not None and stem.whole:
            return stem.text
        if stem is not None and value.kind == "equation" and is_contraction(value):
            return f"{stem.text}'"
        used = self._as_used(value)
        if used is not None:
            return used
        return f"{stem.text}'" if stem is not None else self._place(value)

    def _as_used(self, value: Value) -> str | None:
        """What a product that uses it calls it; what a loop's body calls its argument."""
        if value.phase == "backward":
            return None
        for user in value.users:
            if user.kind == "equation" and user.phase != "backward" and is_contraction(user):
                frames = self._authored.chains.of(user.scope, user.at).frames
                text = operand_text(frames, user.inputs.index(value))
                if text is not None:
                    return text
        if value.kind in ("slice", "carry"):
            return _jax.arg_names(value.scope.jaxpr)[value.at] or value.kind
        return None

    def _place(self, value: Value) -> str:
        if value.kind in ("constant", "slice", "carry"):
            return value.kind
        return place_of(self._authored, value)


def place_of(authored: Authored, value: Value) -> str:
    """`file:line` of the innermost line of the user's; the primitive where there is none."""
    frames = authored.chains.of(value.scope, value.at).frames
    if not frames:
        return str(value.eqn.primitive.name)
    return f"{Path(frames[0].file).name}:{frames[0].start_line}"


def is_contraction(value: Value) -> bool:
    """Whether an equation's result is a product."""
    return value.eqn.primitive.name in CONTRACTIONS


def _index(value: Value) -> str:
    found = indexed(value)
    return found.text if found is not None else ""


def _loop(value: Value) -> Loop | None:
    """The loop whose index a slice or carry has, or whose results a stack or final carry are."""
    if value.kind == "equation":
        return None
    if value.kind in ("slice", "carry"):
        return value.scope.loops[-1]
    return value.scope.children[value.at][-1].loops[-1]


def _indexes(value: Value, at: Mapping[Loop, str]) -> str:
    return "".join(f"[{at.get(loop, loop.index)}]" for loop in value.scope.loops)
