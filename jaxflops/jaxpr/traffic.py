"""`bytes_compulsory`: what a program must read of its arguments and write of its results.

Read backwards: each result is needed, and each equation passes on which elements of its operands
its own result needs. Indexing passes on what it addresses, elementwise work and views the same
elements, everything else whole operands. A result that is a donated argument updated in place is
not read and written as a whole: only the updates are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any, NamedTuple

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.accesses import operands_touched
from jaxflops.jaxpr.leaf import array_of
from jaxflops.jaxpr.op import Body, OneOf, OpenLoop
from jaxflops.jaxpr.origins import Origins, alternatives, bodies_of
from jaxflops.jaxpr.touch import KEPT, NOTHING, WHOLE, Touch, slices
from jaxflops.polynomial import Count

ROUNDS = 3  # after which what is read of a loop's carry is taken to be all of it


class Traffic(NamedTuple):
    """Bytes read of arguments and written of results; notes: what was not known."""

    read: Count
    written: Count
    notes: tuple[str, ...] = ()

    @property
    def bytes(self) -> Count:
        """Read plus written."""
        return self.read + self.written


def traffic(jaxpr: Any, donated: Sequence[bool], names: Sequence[str]) -> Traffic:
    """The compulsory traffic of a program without dead code.

    donated, names: for each input. Values that the program closes over are read as inputs are.
    """
    opened = _jax.open_jaxpr(jaxpr)
    reader = _Reader()
    kept = reader.kept(opened, donated)
    results = [KEPT if i in kept else WHOLE for i in range(len(opened.outvars))]
    constants, inputs = reader.inputs(opened, results)
    everything = list(zip((*opened.constvars, *opened.invars), (*constants, *inputs), strict=True))
    read: Count = 0
    for v, touch in everything:
        array = array_of(v.aval)
        read = read + array.bytes_of(touch.elements(array.size))
    written: Count = 0
    for i, v in enumerate(opened.outvars):
        array = array_of(v.aval)
        size = array.size if i not in kept else slices(array.size, inputs[kept[i]])
        written = written + array.bytes_of(size)
    return Traffic(read, written, _notes(inputs, names))


class _Reader:
    """One reading of a program; calls whose results are all needed whole are read once."""

    def __init__(self) -> None:
        self.origins = Origins()
        self._known: dict[tuple[int, tuple[bool, ...]], tuple[list[Touch], list[Touch]]] = {}
        self._alive: list[Any] = []

    def kept(self, jaxpr: Any, donated: Sequence[bool]) -> dict[int, int]:
        """Result -> the donated input that it is, updated in place; each input once."""
        found: dict[int, int] = {}
        if not any(donated):
            return found
        for i in range(len(jaxpr.outvars)):
            start = self.origins.of(jaxpr, i)
            if start is not None and donated[start] and start not in found.values():
                found[i] = start
        return found

    def inputs(self, jaxpr: Any, results: Sequence[Touch]) -> tuple[list[Touch], list[Touch]]:
        """What is touched of the jaxpr's constants and inputs, given what is of its results."""
        jaxpr = _jax.open_jaxpr(jaxpr)
        if any(touch not in (WHOLE, NOTHING) for touch in results):
            return self._read(jaxpr, results)
        key = (id(jaxpr), tuple(touch.whole for touch in results))
        if key not in self._known:
            self._alive.append(jaxpr)
            self._known[key] = self._read(jaxpr, results)
        return self._known[key]

    def _read(self, jaxpr: Any, results: Sequence[Touch]) -> tuple[list[Touch], list[Touch]]:
        touched: dict[Any, Touch] = {}

        def need(var: Any, touch: Touch) -> None:
            if type(var) is not _jax.Literal and touch != NOTHING:
                touched[var] = touched.get(var, NOTHING) | touch

        for var, touch in zip(jaxpr.outvars, results, strict=True):
            need(var, touch)
        for eqn in reversed(jaxpr.eqns):
            outs = [touched.get(v, NOTHING) for v in eqn.outvars]
            if any(touch != NOTHING for touch in outs) or eqn.effects:
                for var, touch in zip(eqn.invars, self._operands(eqn, outs), strict=True):
                    need(var, touch)
        constants = [touched.get(v, NOTHING) for v in jaxpr.constvars]
        return constants, [touched.get(v, NOTHING) for v in jaxpr.invars]

    def _operands(self, eqn: Any, outs: list[Touch]) -> list[Touch]:
        """What an equation touches of its operands."""
        bodies = bodies_of(eqn)
        if bodies is None:
            return operands_touched(eqn, outs)
        found = [NOTHING] * len(eqn.invars)
        if isinstance(bodies, OneOf):
            found[0] = WHOLE  # which branch
        if isinstance(bodies, OpenLoop):
            self._merge(found, bodies.test, self._test(bodies.test), None)
        for body in alternatives(bodies):
            times = None if isinstance(bodies, OpenLoop) else body.times
            self._merge(found, body, self._body(eqn, body, outs), times, eqn)
        return found

    def _test(self, test: Body) -> list[Touch]:
        return self.inputs(test.jaxpr, [WHOLE])[1]

    def _body(self, eqn: Any, body: Body, outs: list[Touch]) -> list[Touch]:
        """What one run touches of its inputs: the last one's results, and the next one's carry."""
        body_outs = _jax.open_jaxpr(body.jaxpr).outvars
        results = [outs[i] if i is not None else NOTHING for i in body.outputs]
        for i, position in enumerate(body.outputs):
            if position is not None and not _same(body_outs[i], eqn.outvars[position]):
                results[i] = _of_a_slice(results[i])
        for round_ in count():
            _, inputs = self.inputs(body.jaxpr, results)
            grown = list(results)
            for result, operand in body.feedback:
                fed = inputs[operand].reads
                if fed != NOTHING:
                    grown[result] = results[result] | (fed if round_ < ROUNDS else WHOLE)
            if grown == results:
                return inputs
            results = grown
        raise AssertionError  # not reached: WHOLE cannot grow

    def _merge(
        self,
        found: list[Touch],
        body: Body,
        inputs: list[Touch],
        times: Count | None,
        eqn: Any = None,
    ) -> None:
        for i, (position, touch) in enumerate(zip(body.inputs, inputs, strict=False)):
            if position is None:
                continue
            inner = _jax.open_jaxpr(body.jaxpr).invars[i].aval
            outer = inner if eqn is None else eqn.invars[position].aval
            found[position] = found[position] | _from_body(touch, inner, outer, times)


def _from_body(touch: Touch, inner: Any, outer: Any, times: Count | None) -> Touch:
    """What all runs of a body touch of an operand; one of other shape is cut in as many slices."""
    if inner.shape == outer.shape:
        return touch if times == 1 else touch.repeated(times)
    return touch.rekeyed(("slice of", id(inner))).repeated(times)


def _same(inner: Any, outer: Any) -> bool:
    return bool(inner.aval.shape == outer.aval.shape)


def _of_a_slice(touch: Touch) -> Touch:
    """A stacked result, seen from one iteration: it makes one slice, in place or not."""
    return (KEPT if touch.kept else NOTHING) | (WHOLE if touch.reads != NOTHING else NOTHING)


def _notes(inputs: list[Touch], names: Sequence[str]) -> tuple[str, ...]:
    """One for each primitive whose accesses are not known, with the arguments it reads whole."""
    by_primitive: dict[str, list[str]] = {}
    for touch, name in zip(inputs, names, strict=True):
        for primitive in sorted(touch.unknown):
            by_primitive.setdefault(primitive, []).append(name or "an argument")
    return tuple(
        f"bytes_compulsory: {primitive} is taken to read all of {', '.join(arguments)}: "
        "what it accesses is not known"
        for primitive, arguments in by_primitive.items()
    )
