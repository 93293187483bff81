"""Open every call of a program: which array flows where, across calls, loops and branches.

What a loop hands on by index is the same array inside: a slice of the values that an earlier loop
stacked *is* the value that the earlier loop's iteration computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.derivation.live import live_nodes
from jaxflops.jaxpr.derivation.numbering import Numbering
from jaxflops.jaxpr.derivation.opened import Opened
from jaxflops.jaxpr.derivation.values import Contraction, Loop, Scope, Value, ValueKind
from jaxflops.jaxpr.leaf import make_op
from jaxflops.jaxpr.op import Bodies
from jaxflops.jaxpr.options import Options
from jaxflops.jaxpr.registry import BODY_RULES, override
from jaxflops.jaxpr.rules.control import unknown_bodies
from jaxflops.tree import Node, compose_phase

CONTRACTIONS = frozenset(("dot_general", "conv_general_dilated"))


class Flow:
    """The values and contractions of one program.

    first, again: by value number, where it was computed first, and in a rematerialised region.

    jaxpr: as traced, dead code included; live: without it; tree: the cost tree of `live`, whose
    nodes stand in the order of its equations.
    """

    def __init__(self, jaxpr: Any, live: Any, tree: Node, options: Options) -> None:
        self.contractions: list[Contraction] = []
        self.first: dict[int, Value] = {}
        self.again: dict[int, Value] = {}
        self.loops: list[tuple[Loop, list[Value]]] = []
        self.loops_by_start: dict[Any, dict[int, tuple[int, int]]] = {}
        self.recording = True
        self._options = options
        self._rules = override(options.rules)
        self._numbers = Numbering()
        self._order = 0
        opened = _jax.open_jaxpr(jaxpr)
        self.root = Scope(opened)
        self.root.nodes = live_nodes(opened, _jax.open_jaxpr(live), tree.children)
        self.arguments = [
            self.new("argument", var.aval, self.root, out=i) for i, var in enumerate(opened.invars)
        ]
        self.results = self.run(self.root, self.arguments, getattr(jaxpr, "consts", ()))

    def run(
        self, scope: Scope, inputs: Sequence[Value], constants: Sequence[Any] = ()
    ) -> list[Value]:
        """Fill a scope with the values of all its variables; those of its results."""
        jaxpr, values = scope.jaxpr, scope.values
        values.update(zip(jaxpr.invars, inputs, strict=True))
        for i, var in enumerate(jaxpr.constvars):
            key = ("constant", id(constants[i])) if i < len(constants) else None
            values[var] = self.new("constant", var.aval, scope, key)
        for at, eqn in enumerate(jaxpr.eqns):
            operands = tuple(self._read(scope, atom) for atom in eqn.invars)
            values.update(zip(eqn.outvars, self._open(scope, at, operands), strict=True))
        return [self._read(scope, atom) for atom in jaxpr.outvars]

    def new(
        self,
        kind: ValueKind,
        aval: Any,
        scope: Scope,
        key: Any = None,
        at: int = 0,
        out: int = 0,
        inputs: tuple[Value, ...] = (),
    ) -> Value:
        """A value of the scope; equal keys are equal arrays."""
        self._order += 1
        number = self._numbers.of(key)
        value = Value(kind, aval, scope, number, self._order, at, out, inputs, phase=scope.phase)
        if self.recording:
            self.first.setdefault(number, value)
            for operand in inputs:
                operand.users.append(value)
        return value

    @contextmanager
    def trial(self, scope: Scope, at: int) -> Iterator[None]:
        """Open an equation without a trace, to see which numbers come out."""
        before, marks = self.recording, (len(self.contractions), len(self.loops))
        count = len(scope.children.get(at, ()))
        self.recording = False
        try:
            yield
        finally:
            self.recording = before
            del self.contractions[marks[0] :], self.loops[marks[1] :]
            del scope.children[at][count:]

    def _read(self, scope: Scope, atom: Any) -> Value:
        if not isinstance(atom, _jax.Literal):
            return scope.values[atom]
        key = self.literal(atom)
        if key is None or not self.recording:
            return self.new("constant", atom.aval, scope, key)
        if key not in scope.values:  # all transposes of one product read one cotangent: `1.0`
            scope.values[key] = self.new("constant", atom.aval, scope, key)
        return scope.values[key]

    def literal(self, atom: Any) -> Any:
        """Under which key a scope has the one value of its equal literals."""
        return self._numbers.literal(atom)

    def _open(self, scope: Scope, at: int, operands: tuple[Value, ...]) -> list[Value]:
        """The results of an equation: of its bodies, or its own."""
        eqn = scope.jaxpr.eqns[at]
        bodies = self._bodies(eqn)
        if bodies is None:
            return self._equation(scope, at, operands)
        left, _ = scope.nodes.get(at, (None, None))
        after = self._bodies(left) if left is not None else None
        return Opened(self, scope, at, operands).run(bodies, after)

    def _bodies(self, eqn: Any) -> Bodies | None:
        name = eqn.primitive.name
        if name in self._rules:
            return None
        rule = BODY_RULES.get(name)
        if rule is None:
            return unknown_bodies(eqn.params) or None
        return rule(make_op(eqn, self._options), **eqn.params)

    def _equation(self, scope: Scope, at: int, operands: tuple[Value, ...]) -> list[Value]:
        eqn = scope.jaxpr.eqns[at]
        keys = self._numbers.equation(eqn, operands)
        results = [
            self.new("equation", var.aval, scope, key, at, i, operands)
            for i, (var, key) in enumerate(zip(eqn.outvars, keys, strict=True))
        ]
        stack = eqn.source_info.name_stack.stack
        phase = compose_phase(scope.phase, _jax.read_stack(stack)[1])
        for value in results:
            value.phase = phase
            if phase == "recompute" and self.recording:
                self.again[value.number] = value
        _, node = scope.nodes.get(at, (None, None))
        if eqn.primitive.name in CONTRACTIONS or (node is not None and _contracts(node)):
            self.contractions.append(_contraction(results[0], node))
        return results


def _contracts(node: Node) -> bool:
    return node.own.matmul_flops != 0


def _contraction(value: Value, node: Node | None) -> Contraction:
    scope, info = value.scope, value.eqn.source_info
    site, times = scope.site, scope.times
    if node is not None:
        site, times = node.site.within(site), times * node.times
        value.phase = site.phase or value.phase
    phase = value.phase or "forward"
    stack = info.name_stack.stack
    marks = max(scope.transposes, _jax.count_transposes(stack)) - (phase == "recompute")
    sweep = max(scope.sweep, _jax.sweep(stack))
    frames = _jax.positions(info.traceback)
    return Contraction(value, phase, marks, sweep, node, times, site, frames)
