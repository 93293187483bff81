"""Each equation lowered by itself: XLA's instructions for it, as evidence for the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import jax

from jaxflops.compare.bound import bound
from jaxflops.compare.constants import Constants
from jaxflops.compare.entries import FIELDS, contractions
from jaxflops.cost import Cost
from jaxflops.errors import JaxflopsError
from jaxflops.hlo.module import read_module
from jaxflops.hlo.walk import walk
from jaxflops.jaxpr._jax import is_jaxpr
from jaxflops.jaxpr.leaf import Leaves, Priced
from jaxflops.jaxpr.options import Options
from jaxflops.jaxpr.unread import unread
from jaxflops.tree import Node

Work = Counter[tuple[str, str]]
"""(opcode, field) -> amount of one execution, for the fields of a `Cost` in `FIELDS`."""


@dataclass
class Alone:
    """An equation, its counted cost, and its instructions when it is lowered by itself.

    counted: its id tells the equation's leaves in the tree.
    values: of operands that are constants; None for the others.
    same: of each operand the first that is the same array.
    folded: every operand is a constant, so that lowering computes it.
    work: None where it cannot be lowered by itself, or where an instruction has no rule, which is
      the opcode or target `unknown`. products: FLOPs of its contractions.
    whole: where lowering folds it away, its work on operands of which nothing is known; None
      elsewhere, and where that cannot be lowered.
    """

    eqn: Any
    counted: Cost
    values: list[Any]
    same: list[int]
    folded: bool
    work: Work | None = field(default_factory=Counter)
    whole: Work | None = None
    products: Counter[int] = field(default_factory=Counter)
    unknown: str = ""


class LoweredLeaves(Leaves):
    """Leaves priced by the rules, each kind of equation remembered as it lowers by itself."""

    def __init__(self, options: Options, closed_over: Iterable[tuple[Any, Any]] = ()) -> None:
        """closed_over: (variable, array) of the program's constants."""
        super().__init__(options)
        self._constants = Constants(closed_over)
        self._found: dict[Any, Priced] = {}
        self._alone: dict[int, Alone] = {}

    def reading(self, eqn: Any, jaxpr: Any) -> Any:
        """The equation: `inlined` has dropped what is not read, and has no operands of calls."""
        del jaxpr
        return eqn

    def price(self, eqn: Any) -> Priced:
        """The equation's price, with a cost of its own for each way in which it lowers."""
        values = [self._constants.value(v) for v in eqn.invars]
        same = self._constants.equal(eqn.invars)
        folded = self._constants.folds(eqn)
        key = (
            folded,
            *same,
            eqn.primitive.name,
            unread(eqn),
            *map(_operand, eqn.invars, values),
            *_params(eqn.params),
        )
        if key not in self._found:
            priced = super().price(eqn)
            own = replace(priced.cost)  # a new object: its id is this kind of equation's
            self._alone[id(own)] = Alone(eqn, own, values, same, folded)
            self._found[key] = priced._replace(cost=own)
        return self._found[key]

    def lowered(self, target: str | None) -> dict[int, Alone]:
        """What was priced, by the id of a leaf's own cost, with its instructions."""
        every = list(self._alone.values())
        _lower([each for each in every if not each.folded], target)
        away = [each for each in every if each.work is not None and not each.work]
        away = [each for each in away if any(getattr(each.counted, name) for name in FIELDS)]
        plain = [
            replace(e, values=[None] * len(e.values), same=[*range(len(e.same))]) for e in away
        ]
        _lower(plain, target)
        for each, whole in zip(away, plain, strict=True):
            each.whole = whole.work
        return self._alone


def work_of(tree: Node) -> Work:
    """The elementwise work and reductions of a tree of instructions, by opcode."""
    return sum(works_of(tree).values(), Counter())


def works_of(tree: Node) -> dict[str, Work]:
    """The same by the outermost scope."""
    found: dict[str, Work] = {}
    for node, site, times in tree.leaves():
        for name in FIELDS:
            amount = getattr(node.own, name) * times
            if not isinstance(amount, int):
                raise JaxflopsError(
                    f"a lowered {node.label} runs {times} times, which data decide: its "
                    "elementwise work is no number (a ledger's `.rows`, of contractions, are)"
                )
            if amount:
                work = found.setdefault(site.scope[0] if site.scope else "", Counter())
                work[node.label, name] += amount
    return found


def products_of(tree: Node) -> dict[str, Counter[int]]:
    """The contractions of a tree, FLOPs of one execution and how often, by the outermost scope."""
    found: dict[str, Counter[int]] = {}
    for entry, times in contractions(tree).items():
        outermost = entry.place.scope[0] if entry.place.scope else ""
        found.setdefault(outermost, Counter())[entry.flops] += times
    return found


def _lower(equations: list[Alone], target: str | None) -> None:
    """Lower equations as one program, each in a scope; halves of it where that fails."""
    if not equations:
        return
    try:
        program = _program(equations, target)
        works, products = works_of(program), products_of(program)
    except Exception:  # noqa: BLE001 - axis names, effects, foreign primitives: nothing to show
        if len(equations) == 1:
            equations[0].work = None
            return
        half = len(equations) // 2
        _lower(equations[:half], target)
        _lower(equations[half:], target)
        return
    unknown = {
        site.scope[0]: node.label
        for node, site, _ in program.leaves()
        if node.state == "unknown" and site.scope
    }
    for place, each in enumerate(equations):
        each.unknown = unknown.get(f"equation{place}", "")
        each.work = works.get(f"equation{place}", Counter())
        each.products = products.get(f"equation{place}", Counter())
        if each.unknown:
            each.work = None


def _program(equations: list[Alone], target: str | None) -> Node:
    """The lowered program's tree."""
    shapes = [
        [
            jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype)  # type: ignore[no-untyped-call]
            for v, value in zip(each.eqn.invars, each.values, strict=True)
            if value is None
        ]
        for each in equations
    ]

    def run(given: list[list[Any]]) -> list[Any]:
        results = []
        for place, (each, operands) in enumerate(zip(equations, given, strict=True)):
            # The name of a call that lowering makes itself ends in the innermost scope.
            with jax.named_scope(f"equation{place}"), jax.named_scope("itself"):
                results.append(bound(each.eqn, each.values, each.same, operands))
        return results

    lowered = jax.jit(run).trace(shapes).lower(lowering_platforms=(target,) if target else None)
    return walk(read_module(lowered))


def _operand(v: Any, value: Any) -> tuple[Any, ...]:
    """All that decides how an operand lowers; constants by value."""
    return getattr(v.aval, "shape", ()), str(getattr(v.aval, "dtype", v.aval)), repr(value)


def _params(params: dict[str, Any]) -> list[Any]:
    return [(name, _hashable(value)) for name, value in sorted(params.items())]


def _hashable(value: Any) -> Any:
    if is_jaxpr(value):
        return str(value)
    try:
        hash(value)
    except TypeError:
        return str(value)
    return value
