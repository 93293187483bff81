"""Which equations are one evaluation of an expression, and which of their values leave it."""

from __future__ import annotations

from collections.abc import Iterator

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.derivation.chains import Chain, Chains
from jaxflops.jaxpr.derivation.flow import Flow
from jaxflops.jaxpr.derivation.values import Scope, Value

HANDED_ON = ("stack", "final", "choice")
_FORWARD = (None, "forward", "update")


class Evaluations:
    """The evaluations of one program's expressions."""

    def __init__(self, flow: Flow, chains: Chains) -> None:
        self._chains = chains
        self._results = {id(value) for value in flow.results}
        self._rounds: dict[tuple[int, int], range] = {}

    def leaves(self, value: Value) -> bool:
        """Whether a value is used, forwards, outside the expression that computes it."""
        return self._leaves(value, value)

    def together(self, value: Value) -> list[Value]:
        """All values of one evaluation of an expression that leave it."""
        eqns = value.scope.jaxpr.eqns
        vars_ = [var for at in self._run(value.scope, value.at) for var in eqns[at].outvars]
        values = [value.scope.values[var] for var in vars_]
        return [v for v in values if v is value or self._leaves(v, value)]

    def readers(self, value: Value) -> list[Value]:
        """What is made of a value in its own direction: forwards, or again by remat."""
        return [u for u in value.users if u.phase in _FORWARD or u.phase == value.phase]

    def _leaves(self, value: Value, origin: Value) -> bool:
        if id(value) in self._results:
            return True
        for user in self.readers(value):
            if user.kind in HANDED_ON:
                if self._leaves(user, origin):
                    return True
            elif user.kind != "equation" or not self._same_run(origin, user):
                return True
        return False

    def _same_run(self, value: Value, user: Value) -> bool:
        """Whether both come from one evaluation of the same expression."""
        chain = self._chains.of(value.scope, value.at)
        if not self._chains.of(user.scope, user.at).within(chain):
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
        return self._chains.of(scope, at), _jax.read_stack(stack)[1] == "backward"


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
