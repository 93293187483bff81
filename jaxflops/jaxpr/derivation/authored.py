"""Which of a program's values is the one that the user assigned to a name.

An expression of the source makes one value or many: `softmax(s)` is nine equations. The value of
the expression is the one that leaves it, forwards; the others are parts of it. (What the backward
pass keeps of them leaves it too, but not forwards.)
"""

from __future__ import annotations

from typing import NamedTuple

from jaxflops.jaxpr._jax import Position
from jaxflops.jaxpr.derivation.chains import Chain, Chains
from jaxflops.jaxpr.derivation.evaluations import HANDED_ON, Evaluations
from jaxflops.jaxpr.derivation.flow import Flow
from jaxflops.jaxpr.derivation.source_names import Assigned, Path, assigned, called
from jaxflops.jaxpr.derivation.values import Value


class Stem(NamedTuple):
    """A name before it is made unique; whether the value is all that the name was given to.

    frame: where it is all of the expression assigned.
    """

    text: str
    whole: bool
    frame: Position | None = None


class Authored:
    """The assignments of one program's values."""

    def __init__(self, flow: Flow) -> None:
        self.chains = Chains()
        self._flow = flow
        self._evaluations = Evaluations(flow, self.chains)
        self._stems: dict[int, Stem | None] = {}

    def stem(self, value: Value) -> Stem | None:
        """What the user's assignment calls a value, or the expression that it is part of."""
        if id(value) not in self._stems:
            self._stems[id(value)] = self._find(value)
        return self._stems[id(value)]

    def frame(self, value: Value) -> Position | None:
        """Where the value is all of the expression assigned to its name."""
        stem = self.stem(value)
        return stem.frame if stem is not None and stem.whole else None

    def is_whole(self, value: Value) -> bool:
        """Whether an assignment is to just this value."""
        stem = self.stem(value)
        return stem is not None and stem.whole

    def _find(self, value: Value) -> Stem | None:
        if value.kind not in ("equation", *HANDED_ON) or value.phase == "backward":
            return None
        chain = self.chains.of(value.scope, value.at)
        path = self._path(value, chain)
        if path is None:
            return None
        users = [user for user in self._evaluations.readers(value) if user.kind == "equation"]
        uses = [self.chains.of(user.scope, user.at).frames for user in users]
        found = assigned(chain.frames, path, uses)
        if found is not None and found.ended:
            found = self._elsewhere(value, path)
        if found is None or not found.targets:
            return None
        return self._stem(value, found, path)

    def _elsewhere(self, value: Value, path: Path) -> Assigned | None:
        """From the lines of the same value in a rematerialised region, which keep the caller's."""
        again = self._flow.again.get(value.number)
        if again is None:
            return None
        return assigned(self.chains.of(again.scope, again.at).frames, path)

    def _stem(self, value: Value, found: Assigned, path: Path) -> Stem | None:
        targets = found.targets
        unused = not self._evaluations.readers(value)
        if not found.whole or not (unused or self._evaluations.leaves(value)):
            text = targets[0] if len(targets) == 1 else f"({', '.join(targets)})"
            return Stem(text, whole=False)
        together = self._evaluations.together(value)
        if len(targets) == 1:
            return self._only(found, value, [value] if path else together)
        kept = [target for target in targets if target != "_"]
        names = targets if len(together) == len(targets) else kept
        if path or len(together) != len(names):
            return None
        return Stem(names[together.index(value)], whole=True, frame=found.frame)

    def _only(self, found: Assigned, value: Value, together: list[Value]) -> Stem:
        """One target: of one value, or of the list that one equation gives."""
        target = found.targets[0]
        if together == [value]:
            return Stem(target, whole=True, frame=found.frame)
        if all((v.scope, v.at) == (value.scope, value.at) for v in together):
            return Stem(f"{target}[{together.index(value)}]", whole=True, frame=found.frame)
        return Stem(target, whole=False)

    def _path(self, value: Value, chain: Chain) -> Path | None:
        """`lax.scan` gives (carry, stacked), other loops their carry; None where it is unclear."""
        if value.kind not in ("stack", "final") or called(chain.frames) != "scan":
            return ()
        results = [value.scope.values[var] for var in value.eqn.outvars]
        same = [v for v in results if v.kind == value.kind]
        if value.kind == "stack":
            same = [v for v in same if self._evaluations.leaves(v)]
        return (("final", "stack").index(value.kind),) if same == [value] else None
