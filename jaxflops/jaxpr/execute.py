"""Run a jaxpr with counters beside it: how often each loop's body and each branch really runs.

Equations are bound again as they stand; only those that hold a `while` or a `cond` are rebuilt,
from the same data that the walk uses, so that integer counters can pass through them. The program
stays a JAX program: it is traced, compiled and differentiated as any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jax import lax

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.constants import constants
from jaxflops.jaxpr.counters import Counters, add, one, zeros
from jaxflops.jaxpr.execute_while import Mask, Part, Values, While
from jaxflops.jaxpr.observable import Observable, Path, batch_of, bodies_of
from jaxflops.jaxpr.op import Body, OneOf, OpenLoop


def execute(jaxpr: Any) -> Callable[..., tuple[Values, Counters]]:
    """The function of a closed jaxpr, which also returns the counters of what it ran."""
    interpreter = _Interpreter()

    def run(*args: Any) -> tuple[Values, Counters]:
        return interpreter.jaxpr(jaxpr, args, (), None)

    return run


class _Interpreter:
    def __init__(self) -> None:
        self._observable = Observable()

    def jaxpr(
        self, jaxpr: Any, args: Sequence[Any], path: Path, mask: Mask
    ) -> tuple[Values, Counters]:
        """The results of one execution of a jaxpr, and the counters at its path."""
        opened = _jax.open_jaxpr(jaxpr)
        env = {**constants(jaxpr), **dict(zip(opened.invars, args, strict=True))}
        counts = zeros(self._observable.keys(opened, path))
        for at, eqn in enumerate(opened.eqns):
            values = [_read(env, atom) for atom in eqn.invars]
            if self._observable.in_equation(eqn):
                results, seen = self._run(eqn, values, (*path, at), mask)
                counts = add(counts, seen)
            else:
                results = _bind(eqn, values)
            env.update(zip(eqn.outvars, results, strict=True))
        return [_read(env, atom) for atom in opened.outvars], counts

    def _run(self, eqn: Any, values: Values, path: Path, mask: Mask) -> tuple[Values, Counters]:
        bodies = bodies_of(eqn)
        if isinstance(bodies, OpenLoop):
            return self._while(bodies, values, path, mask)
        if isinstance(bodies, OneOf):
            return self._cond(bodies, values, path, mask)
        assert bodies is not None
        (body,) = bodies
        if eqn.primitive.name == "scan":
            return self._scan(eqn, body, values, path, mask)
        inputs = [values[position] for position in body.inputs if position is not None]
        return self.jaxpr(body.jaxpr, inputs, (*path, 0), mask)

    def _scan(
        self, eqn: Any, body: Body, values: Values, path: Path, mask: Mask
    ) -> tuple[Values, Counters]:
        consts, carries = _jax.scan_counts(eqn.params)
        own, carry, xs = values[:consts], values[consts:][:carries], values[consts + carries :]

        def step(state: Any, x: Any) -> Any:
            carry, counts = state
            results, seen = self.jaxpr(body.jaxpr, (*own, *carry, *x), (*path, 0), mask)
            return (results[:carries], add(counts, seen)), results[carries:]

        before = carry, zeros(self._observable.keys(body.jaxpr, (*path, 0)))
        options = {name: eqn.params[name] for name in ("length", "reverse", "unroll")}
        (carry, counts), ys = lax.scan(step, before, xs, **options)
        return [*carry, *ys], counts

    def _cond(
        self, choice: OneOf, values: Values, path: Path, mask: Mask
    ) -> tuple[Values, Counters]:
        numbers = range(len(choice.branches))
        keys = [(path, number) for number in numbers]
        for number in numbers:
            keys += self._observable.keys(choice.branches[number].jaxpr, (*path, number))

        def branch(number: int) -> Callable[..., tuple[Values, Counters]]:
            def run(*operands: Any) -> tuple[Values, Counters]:
                body = choice.branches[number].jaxpr
                results, seen = self.jaxpr(body, operands, (*path, number), mask)
                return results, add(zeros(keys), {**seen, (path, number): one()})

            return run

        return lax.switch(values[0], [branch(number) for number in numbers], *values[1:])  # type: ignore[no-any-return]

    def _while(
        self, loop: OpenLoop, values: Values, path: Path, mask: Mask
    ) -> tuple[Values, Counters]:
        carry = values[len(values) - len(loop.body.feedback) :]

        def part(number: int, body: Body) -> Part:
            positions = body.inputs[: len(body.inputs) - len(carry)]
            own = [values[position] for position in positions if position is not None]
            return lambda carry, mask: self.jaxpr(body.jaxpr, (*own, *carry), (*path, number), mask)

        batched = bool(batch_of(loop))
        keys = [(path, 0), (path, 1)] if batched else [(path, 0)]
        for number, body in enumerate((loop.test, loop.body)):
            keys += self._observable.keys(body.jaxpr, (*path, number))
        run = While(part(0, loop.test), part(1, loop.body), zeros(keys), path, mask, batched)
        if batched or self._observable.inside(loop.test.jaxpr):
            return run.carried(carry)
        return run.plain(carry)


def _read(env: dict[Any, Any], atom: Any) -> Any:
    return atom.val if type(atom) is _jax.Literal else env[atom]


def _bind(eqn: Any, values: Values) -> Values:
    with eqn.ctx.manager:
        results = eqn.primitive.bind(*values, **eqn.primitive.get_bind_params(eqn.params))
    return results if eqn.primitive.multiple_results else [results]
