"""`peak_bytes`: the most that is alive at once when a program runs in its own order.

An estimate of what a compiler will allocate. Alive are arguments throughout (a donated one until
its last use), results from where they are made, other values until their last use. Elementwise
work is fused: a value that only fusible work reads is not stored, and what it is made of stays.
Updates happen in place where the operand is not needed again. A loop keeps its carry in place, its
stacked inputs and results whole: what differentiation saves of each iteration is among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.fusion import in_place, is_view, unstored
from jaxflops.jaxpr.inline import Listing, Step, Value, listing, value_of
from jaxflops.jaxpr.op import Body, OneOf, OpenLoop
from jaxflops.jaxpr.peaks import highest, plus
from jaxflops.polynomial import Count, maximum


def peak(jaxpr: Any, donated: Sequence[bool]) -> Count:
    """Peak bytes of a program without dead code, arguments and results included."""
    opened = _jax.open_jaxpr(jaxpr)
    inputs = [value_of(v) for v in opened.invars]
    constants = sum((value_of(v).bytes for v in opened.constvars), 0)
    free = {v for v, flag in zip(inputs, donated, strict=True) if flag}
    memory = _Memory()
    heights = memory.heights(listing(opened, inputs), inputs, free)
    return reduce(maximum, plus(heights, constants))


class _Memory:
    """Peaks of jaxprs; a loop's body is looked at once."""

    def __init__(self) -> None:
        self._known: dict[int, list[Count]] = {}
        self._alive: list[Any] = []

    def heights(self, program: Listing, inputs: Sequence[Value], free: set[Value]) -> list[Count]:
        """Bytes alive at each step; of symbolic ones those that may be the most.

        free: inputs whose memory ends, or is taken over, at their last use.
        """
        life = _Life(program, free)
        alive: Count = sum((v.bytes for v in inputs), 0)
        heights: list[Count] = [alive]
        for i, step in enumerate(program.steps):
            made = [v for v in step.outputs if v not in life.unstored]
            dying = life.deaths.get(i, [])
            taken = in_place(step, made, dying)
            extra = sum((v.bytes for v in made if v not in taken), 0)
            inside = self._inside(step) if step.bodies is not None else [0]
            heights = highest(heights, plus(inside, alive + extra))
            alive = alive + sum((v.bytes for v in made), 0) - sum((v.bytes for v in dying), 0)
        return highest(heights, [alive + life.copied])

    def _inside(self, step: Step) -> list[Count]:
        """What an equation's bodies need beyond its operands and results."""
        bodies: Any = step.bodies
        if isinstance(bodies, OneOf):
            bodies = bodies.branches
        elif isinstance(bodies, OpenLoop):
            bodies = (bodies.test, bodies.body)
        return reduce(highest, ([0], *(self._body(step.eqn, body) for body in bodies)))

    def _body(self, eqn: Any, body: Body) -> list[Count]:
        inner = _jax.open_jaxpr(body.jaxpr)
        if id(inner) not in self._known:
            self._alive.append(inner)
            self._known[id(inner)] = self._run(eqn, body, inner)
        shards = body.times if eqn.primitive.name == "shard_map" else 1
        return [height * shards for height in self._known[id(inner)]]

    def _run(self, eqn: Any, body: Body, inner: Any) -> list[Count]:
        """One run of a body: its carry is the caller's memory, and so are stacked arrays."""
        inputs = [value_of(v) for v in inner.invars]
        carries = {operand for _, operand in body.feedback}
        carry = [v for i, v in enumerate(inputs) if i in carries]
        sliced: list[Step] = []
        for i, (v, position) in enumerate(zip(inputs, body.inputs, strict=True)):
            if (
                position is not None
                and inner.invars[i].aval.shape != eqn.invars[position].aval.shape
            ):
                sliced.append(Step("dynamic_slice", (), (v,)))
        program = listing(inner, inputs)
        stacked = {i for i, p in enumerate(body.outputs) if p is not None} - {
            i for i, _ in body.feedback
        }
        looped = bool(body.feedback) or eqn.primitive.name == "scan"
        stored = [
            Step("dynamic_update_slice", (v,), ())
            for i, v in enumerate(program.results)
            if looped and i in stacked
        ]
        results = [v for i, v in enumerate(program.results) if not (looped and i in stacked)]
        whole = Listing([*sliced, *program.steps, *stored], results)
        outside = sum((v.bytes for v in carry), 0)
        if not looped:  # results are the caller's memory
            outside = sum((v.bytes for v in results), 0)
        return plus(self.heights(whole, carry, set(carry)), -outside)


class _Life:
    """Which values are stored, and after which step each ends."""

    def __init__(self, program: Listing, free: set[Value]) -> None:
        self.unstored = unstored(program)
        made = {value for step in program.steps for value in step.outputs}
        self.deaths: dict[int, list[Value]] = {}
        for value, step in self._last_uses(program).items():
            ends = value in free or (value in made and value not in self.unstored)
            if ends and step < len(program.steps):
                self.deaths.setdefault(step, []).append(value)
        seen = _seen_as(program)
        copied = [v for v in program.results if seen.get(v, v) not in made | free]
        self.copied: Count = sum((v.bytes for v in copied), 0)

    def _last_uses(self, program: Listing) -> dict[Value, int]:
        """The last step at which each value is needed, by itself or for one that is not stored."""
        last: dict[Value, int] = {v: len(program.steps) for v in program.results}
        for i in reversed(range(len(program.steps))):
            step = program.steps[i]
            needed = i
            for value in step.outputs:
                if value in self.unstored:
                    needed = max(needed, last.get(value, i))
                else:
                    last.setdefault(value, i)
            for value in step.inputs:
                last[value] = max(last.get(value, i), needed)
        return last


def _seen_as(program: Listing) -> dict[Value, Value]:
    """View -> the value that it shows; an argument shown as a result has to be copied."""
    shown: dict[Value, Value] = {}
    for step in program.steps:
        if is_view(step):
            for view, value in zip(step.outputs, step.inputs, strict=False):
                shown[view] = shown.get(value, value)
    return shown
