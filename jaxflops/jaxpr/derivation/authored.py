"""Which of a program's values is the one that the user assigned to a name.

An expression of the source makes one value or many: `softmax(s)` is nine equations. The value of
the expression is the one that leaves it, forwards; the others are parts of it. (What the backward
pass keeps of them leaves it too, but not forwards.)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.derivation.chains import Chain, Chains
from jaxflops.jaxpr.derivation.flow import Flow
from jaxflops.jaxpr.derivation.source_names import Assigned, Path, assigned, called
from jaxflops.jaxpr.derivation.values import Scope, Value

_FORWARD = (None, "forward", "update")
_HANDED_ON = ("stack", "final", "choice")


class Stem(NamedTuple):
    """A name before it is made unique; whether the value is all that the name was given to."""

    text: str
    whole: bool


class Authored:
    """The assignments of one program's values."""

    def __init__(self, flow: Flow) -> None:
        self.chains = Chains()
        self._flow = flow
        self._results = {id(value) for value in flow.results}
        self._stems: dict[int, Stem | None] = {}
        self._rounds: dict[tuple[int, int], range] = {}

    def stem(self, value: Value) -> Stem | None:
        """What the user's assignment calls a value, or the expression that it is part of."""
        if id(value) not in self._stems:
            self._stems[id(value)] = self._find(value)
        return self._stems[id(value)]

    def is_whole(self, value: Value) -> bool:
        """Whether an assignment is to just this value."""
        stem = self.stem(value)
        return stem is not None and stem.whole

    def _find(self, value: Value) -> Stem | None:
        if value.kind not in ("equation", *_HANDED_ON) or value.phase == "backward":
            return None
        chain = self.chains.of(value.scope, value.at)
        path = self._path(value, chain)
        if path is None:
            return None
        users = [user for user in self._forward_users(value) if user.kind == "equation"]
        uses = [self.chains.of(user.scope, user.at).frames for user in users]
        found = assigned(chain.frames, path, uses)
        if found is not None and found.ended:
            found = self._elsewhere(value, path)
        if found is None or not found.targets:
            return None
        return self._stem(value, chain, found, path)

    def _elsewhere(self, value: Value, path: Path) -> Assigned | None:
        """From the lines of the same value in a rematerialised region, which keep the caller's."""
        again = self._flow.again.get(value.number)
        if again is None:
            return None
        return assigned(self.chains.of(again.scope, again.at).frames, path)

    def _stem(self, value: Value, chain: Chain, found: Assigned, path: Path) -> Stem | None:
        targets = found.targets
        unused = not self._forward_users(value)
        if not found.whole or not (unused or self._leaves(value, chain)):
            text = targets[0] if len(targets) == 1 else f"({', '.join(targets)})"
            return Stem(text, whole=False)
        if path:
            return Stem(targets[0], whole=True) if len(targets) == 1 else None
        together = self._leaving(value, chain)
        if len(targets) == 1:
            return self._only(targets[0], value, together)
        kept = [target for target in targets if target != "_"]
        names = targets if len(together) == len(targets) else kept
        fits = len(together) == len(names)
        return Stem(names[together.index(value)], whole=True) if fits else None

    def _only(self, target: str, value: Value, together: list[Value]) -> Stem:
        """One target: of one value, or of the list that one equation gives."""
        if together == [value]:
            return Stem(target, whole=True)
        if all((v.scope, v.at) == (value.scope, value.at) for v in together):
            return Stem(f"{target}[{together.index(value)}]", whole=True)
        return Stem(target, whole=False)

    def _path(self, value: Value, chain: Chain) -> Path | None:
        """`lax.scan` gives (carry, stacked), other loops their carry; None where it is unclear."""
        if value.kind not in ("stack", "final") or called(chain.frames) != "scan":
            return ()
        results = [value.scope.values[var] for var in value.eqn.outvars]
        same = [v for v in results if v.kind == value.kind]
        if value.kind == "stack":
            same = [v for v in same if self._leaves(v, chain)]
        return (("final", "stack").index(value.kind),) if same == [value] else None

    def _leaves(self, value: Value, chain: Chain) -> bool:
        """Whether a value is used, forwards, outside the expression."""
        if id(value) in self._results:
            return True
        for user in self._forward_users(value):
            if user.kind in _HANDED_ON:
                if self._leaves(user, chain):
                    return True
            elif user.kind != "equation" or not self._same_run(value, user, chain):
                return True
        return False

    def _forward_users(self, value: Value) -> list[Value]:
        return [u for u in value.users if u.phase in _FORWARD or u.phase == value.phase]

    def _same_run(self, value: Value, user: Value, chain: Chain) -> bool:
        """Whether both come from one evaluation of the same expression."""
        if not self.chains.of(user.scope, user.at).within(chain):
            return False
        scope, first, second = _common(value, user)
        return self._run(scope, first) == self._run(scope, second)

    def _run(self, scope: Scope, at: int) -> range:
        """The equations of one evaluation of the expression that an equation stands for.

        Neighbouring equations with the same lines are one evaluation, unless they repeat a
        pattern: then it is a Python loop of which each round is one.
        """
        if (id(scope), at) not in self._rounds:
            for positions in _rounds(self._neighbours(scope, at), scope):
                for position in positions:
                    self._rounds[id(scope), position] = positions
        return self._rounds[id(scope), at]

    def _neighbours(self, scope: Scope, at: int) -> range:
        """The positions around an equation whose equations have its lines, in either direction."""
        start, stop, count = at, at + 1, len(scope.jaxpr.eqns)
        place = self._place(scope, at)
        while start > 0 and self._place(scope, start - 1) == place:
            start -= 1
        while stop < count and self._place(scope, stop) == place:
            stop += 1
        return range(start, stop)

    def _place(self, scope: Scope, at: int) -> tuple[Chain, bool]:
        stack = scope.jaxpr.eqns[at].source_info.name_stack.stack
        return self.chains.of(scope, at), _jax.read_stack(stack)[1] == "backward"

    def _leaving(self, value: Value, chain: Chain) -> list[Value]:
        """All values of one evaluation of an expression that leave it."""
        eqns = value.scope.jaxpr.eqns
        vars_ = [var for at in self._run(value.scope, value.at) for var in eqns[at].outvars]
        values = [value.scope.values[var] for var in vars_]
        return [v for v in values if v is value or self._leaves(v, chain)]


def _common(left: Value, right: Value) -> tuple[Scope, int, int]:
    """The innermost scope that holds both, and where in it each is."""
    places = list(_places(right))
    for scope, at in _places(left):
        for other, position in places:
            if scope is other:
                return scope, at, position
    raise AssertionError("every scope is within the program's")


def _places(value: Value) -> Iterator[tuple[Scope, int]]:
    scope: Scope | None = value.scope
    at = value.at
    while scope is not None:
        yield scope, at
        at, scope = scope.call, scope.parent


def _rounds(positions: range, scope: Scope) -> Iterator[range]:
    """The rounds of a repeated pattern; or one."""
    pattern = [_signature(scope, at) for at in positions]
    count = len(pattern)
    period = next(
        d for d in range(1, count + 1) if count % d == 0 and pattern == pattern[:d] * (count // d)
    )
    for start in range(positions.start, positions.stop, period):
        yield range(start, start + period)


def _signature(scope: Scope, at: int) -> tuple[object, ...]:
    eqn = scope.jaxpr.eqns[at]
    return (eqn.primitive.name, *[str(var.aval) for var in eqn.outvars])
