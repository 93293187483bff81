"""One equation that runs jaxprs, opened: how arrays pass into its bodies and out again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.derivation.live import DEAD, Run, as_tuple, runs
from jaxflops.jaxpr.derivation.values import INDEXES, Loop, Scope, Value, ValueKind, same_as
from jaxflops.jaxpr.op import Bodies, Body, OneOf, OpenLoop
from jaxflops.tree import compose_phase

if TYPE_CHECKING:
    from jaxflops.jaxpr.derivation.flow import Flow

SHARD = "shard"
Steps = dict[int, tuple[int, int]]
"""Of each carry, by the body's input: its number, and that of what an iteration makes of it."""


class Opened:
    """The equation at position `at` of a scope, and the values of its operands."""

    def __init__(self, flow: Flow, scope: Scope, at: int, operands: Sequence[Value]) -> None:
        self.flow, self.scope, self.at, self.operands = flow, scope, at, operands
        self.eqn = scope.jaxpr.eqns[at]
        stack = self.eqn.source_info.name_stack.stack
        self.phase = compose_phase(scope.phase, _jax.read_stack(stack)[1])
        self.transposes = max(scope.transposes, _jax.count_transposes(stack))
        self.sweep = max(scope.sweep, _jax.sweep(stack))

    def run(self, bodies: Bodies, after: Bodies | None) -> list[Value]:
        """The equation's results; `after` are its bodies without dead code, None if it is dead."""
        parts = as_tuple(bodies)
        live = [DEAD] * len(parts)
        if after is not None:
            live = runs(self.scope, self.scope.nodes[self.at][1], bodies, after)
        if isinstance(bodies, OneOf):
            return self._choice(bodies, live)
        if isinstance(bodies, OpenLoop):
            return self._open_loop(bodies, live)
        results = [self._results(body, run) for body, run in zip(parts, live, strict=True)]
        return results[0] if len(results) == 1 else self._opaque()

    def _results(self, body: Body, run: Run) -> list[Value]:
        """A call, or a loop of known length."""
        if body.label in ("body", SHARD):
            return _Iterated(self, body, run).results()
        inner = _jax.open_jaxpr(body.jaxpr)
        inputs = [self._operand(body, j, var) for j, var in enumerate(inner.invars)]
        values = self.flow.run(self.enter(body, run, self.scope.loops), inputs)
        return self.outputs(body, values)

    def _choice(self, choice: OneOf, live: list[Run]) -> list[Value]:
        """Alternatives of which one runs."""
        results = []
        for k, (body, run) in enumerate(zip(choice.branches, live, strict=True)):
            inner = _jax.open_jaxpr(body.jaxpr)
            inputs = [self._operand(body, j, var) for j, var in enumerate(inner.invars)]
            inputs = [self._alternative(value, k) for value in inputs]
            scope = self.enter(body, run, self.scope.loops)
            results.append(self.outputs(body, self.flow.run(scope, inputs)))
        if choice.chosen is not None:
            return results[choice.chosen]
        return [self._either(out, column) for out, column in enumerate(zip(*results, strict=True))]

    def _alternative(self, value: Value, k: int) -> Value:
        """In branch k, what branch k of an earlier choice by the same predicate gave."""
        chosen = same_as(value)
        predicate = chosen.feedback if chosen.kind == "choice" else None
        known = predicate is not None and predicate.number == self.operands[0].number
        return chosen.inputs[k] if known else value

    def _either(self, out: int, alternatives: tuple[Value, ...]) -> Value:
        if all(value is alternatives[0] for value in alternatives):
            return alternatives[0]
        aval = self.eqn.outvars[out].aval
        value = self.new("choice", aval, None, out, alternatives)
        value.feedback = self.operands[0]
        return value

    def new(
        self, kind: ValueKind, aval: Any, key: Any, out: int, inputs: tuple[Value, ...]
    ) -> Value:
        """A result of the equation."""
        value = self.flow.new(kind, aval, self.scope, key, self.at, out, inputs)
        value.phase = self.phase
        return value

    def _open_loop(self, loop: OpenLoop, live: list[Run]) -> list[Value]:
        """A while: what its condition contracts has names of the same iteration."""
        iterated = _Iterated(self, loop.body, live[1])
        results = iterated.results()
        consts = [self.operands[i] for i in loop.test.inputs if i is not None]
        inputs = [*consts[: len(consts) - len(iterated.carries)], *iterated.carries.values()]
        self.flow.run(self.enter(loop.test, live[0], iterated.loops), inputs)
        return results

    def enter(self, body: Body, run: Run, loops: tuple[Loop, ...]) -> Scope:
        """The scope of one execution of a body."""
        inner = _jax.open_jaxpr(body.jaxpr)
        library = not body.label and _jax.is_library(inner)
        scope = Scope(
            inner,
            self.scope,
            self.at,
            self.phase,
            self.transposes,
            self.sweep,
            loops,
            library,
            run.site,
            run.times,
            run.nodes,
        )
        self.scope.children.setdefault(self.at, []).append(scope)
        return scope

    def _operand(self, body: Body, j: int, var: Any) -> Value:
        position = body.inputs[j] if j < len(body.inputs) else None
        if position is None:
            return self.flow.new("opaque", var.aval, self.scope, at=self.at)
        return self.operands[position]

    def outputs(self, body: Body, values: Sequence[Value]) -> list[Value]:
        """The body's results in the order of the equation's."""
        found = {p: v for p, v in zip(body.outputs, values, strict=False) if p is not None}
        return [found.get(i) or self._unknown(i) for i in range(len(self.eqn.outvars))]

    def _opaque(self) -> list[Value]:
        return [self._unknown(out) for out in range(len(self.eqn.outvars))]

    def _unknown(self, out: int) -> Value:
        aval = self.eqn.outvars[out].aval
        return self.new("opaque", aval, None, out, tuple(self.operands))


class _Iterated:
    """A loop's body, or a map over shards: one execution with an index stands for all.

    A loop that starts as an earlier one, and in a trial makes the same of it, is that loop again:
    its carries then have the earlier ones' numbers.
    """

    def __init__(self, call: Opened, body: Body, run: Run) -> None:
        self.call, self.body, self.run, self.flow = call, body, run, call.flow
        depth = len(call.scope.loops)
        step = 0 if body.label == SHARD else -1 if call.eqn.params.get("reverse") else 1
        index = SHARD if step == 0 else INDEXES[min(depth, len(INDEXES) - 1)]
        source = _jax.TracebackSource(call.eqn.source_info.traceback)
        self.loop = Loop(body.times, step, index, source)
        self.loops = (*call.scope.loops, self.loop)
        self.carries: dict[int, Value] = {}
        self.slices: list[Value] = []

    def results(self) -> list[Value]:
        """Final carries and stacks, once the body is opened."""
        call, body = self.call, self.body
        starts = tuple(operand.number for operand in call.operands)
        key = (self.loop.length, self.loop.step, self.loop.index, starts)
        known = self.flow.loops_by_start.get(key)
        values = self._open(known if known is not None and self._repeats(known) else {})
        steps = {operand: values[result].number for result, operand in body.feedback}
        if known is None and self.flow.recording:
            numbers = {j: (carry.number, steps[j]) for j, carry in self.carries.items()}
            self.flow.loops_by_start[key] = numbers
        for result, operand in body.feedback:
            self.carries[operand].feedback = values[result]
            values[result].users.append(self.carries[operand])
        self.flow.loops.append((self.loop, list(self.carries.values())))
        carried = {result for result, _ in body.feedback}
        outs = [self._output(k, value, k in carried) for k, value in enumerate(values)]
        return call.outputs(body, outs)

    def _open(self, known: Steps) -> list[Value]:
        """The body's results, its carries numbered as `known`."""
        self.carries.clear()
        self.slices.clear()
        scope = self.call.enter(self.body, self.run, self.loops)
        inputs = [self._input(j, i, known) for j, i in enumerate(self.body.inputs)]
        return self.flow.run(scope, inputs)

    def _repeats(self, known: Steps) -> bool:
        """Whether each carry, taken for the earlier one, becomes what the earlier one became."""
        if known.keys() != {operand for _, operand in self.body.feedback}:
            return False
        with self.flow.trial(self.call.scope, self.call.at):
            values = self._open(known)
        return all(values[r].number == known[operand][1] for r, operand in self.body.feedback)

    def _input(self, j: int, position: int | None, known: Steps) -> Value:
        call, inner = self.call, _jax.open_jaxpr(self.body.jaxpr).invars[j].aval
        if position is None:
            return self.flow.new("opaque", inner, call.scope, at=call.at)
        outer = call.operands[position]
        if any(j == operand for _, operand in self.body.feedback):
            scope = call.scope.children[call.at][-1]
            key = ("number", known[j][0]) if j in known else None
            self.carries[j] = self.flow.new("carry", inner, scope, key, j, 0, (outer,))
            return self.carries[j]
        if tuple(inner.shape) == outer.shape:
            return outer
        return self._slice(inner, outer, j)

    def _slice(self, aval: Any, outer: Value, j: int) -> Value:
        """One slice of a stacked array; of what an earlier loop stacked, its own value."""
        call, stack = self.call, same_as(outer)
        if stack.kind == "stack" and len(stack.scope.loops) == len(call.scope.loops):
            return stack.inputs[0]
        for known in self.slices:
            if known.inputs[0].number == outer.number:
                return known
        key = ("slice", self.loop.index, len(self.loops), outer.number)
        scope = call.scope.children[call.at][-1]
        self.slices.append(self.flow.new("slice", aval, scope, key, j, 0, (outer,)))
        return self.slices[-1]

    def _output(self, k: int, value: Value, carried: bool) -> Value:
        call = self.call
        position = self.body.outputs[k]
        if position is None:
            return value
        aval = call.eqn.outvars[position].aval
        if carried or tuple(aval.shape) == value.shape:
            return call.new("final", aval, None, position, (value,))
        if value.kind == "slice" and value.scope.loops == self.loops:
            return value.inputs[0]
        key = ("stack", self.loop.index, len(self.loops), value.number)
        return call.new("stack", aval, key, position, (value,))
