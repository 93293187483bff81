"""Elementwise work and reductions, counted against lowered: each equation's own instructions.

Every equation is lowered by itself. Where its instructions cost something else than it was counted,
the equation and they are the cause; and all instructions of all equations must be those of the
program, opcode by opcode. Neither is what is left over of the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from jaxflops.compare.alone import Alone, Work, work_of
from jaxflops.compare.composites import COMPOSITES
from jaxflops.compare.counted import WRITTEN
from jaxflops.compare.entries import FIELDS, pieces, place_of
from jaxflops.compare.rows import Step, WorkRow
from jaxflops.errors import JaxflopsError
from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.registry import COST_RULES
from jaxflops.tree import Node

STEP: Step = "counted to lowered"
TOLERANCE = 100
"""Elementwise work is accounted for when less than one operation in so many is unexplained."""
# What a rule's oracle says where a count is a definition of its own; where it says that the count
# is that of the lowered instructions, or nothing, these must agree.
_DEFINED = ("by definition", "scalar loop", "published", "JAX's own", "one round of JAX's own")
_ONE = "by definition: one an element"
_ONE_CALL = "by definition: one call an element"
_COMPLEX = "complex: by definition"


class Elementwise(NamedTuple):
    """(FLOPs, calls) counted, lowered and compiled, and a row for every difference.

    compiled: None where that column is not there.
    """

    counted: tuple[int, int]
    lowered: tuple[int, int]
    rows: tuple[WorkRow, ...]
    compiled: tuple[int, int] | None = None

    @property
    def unexplained(self) -> int:
        """FLOPs and calls that no equation with its instructions, and no pass, accounts for."""
        return sum(row.size for row in self.rows if not row.explained)

    @property
    def ok(self) -> bool:
        """Whether at most a hundredth of what was counted is unexplained."""
        return self.unexplained * TOLERANCE <= sum(self.counted)


def elementwise(
    counted: Node,
    equations: Node,
    alone: dict[int, Alone],
    lowered: Node,
    whole: Node | None = None,
) -> Elementwise:
    """Every difference in elementwise work between what was counted and a lowered program.

    counted: the analysis. equations: the same program, each leaf's own cost a key of `alone`.
    whole: the equations with those that are dead in iterations that lowering writes out.
    """
    groups = _groups(equations, alone)
    program = work_of(lowered)
    made: Work = Counter()
    for group in groups.values():
        made.update(group.work)
    rows = [
        *_recount(counted, whole or equations),
        *(_written(whole, equations) if whole is not None else ()),
        *(row for group in groups.values() for row in group.rows()),
        *_residual(made, program),
    ]
    return Elementwise(_pair(counted), _totals(program), tuple(rows))


class _Group:
    """All equations of one primitive for which the same explanation holds."""

    def __init__(self, name: str, why: str) -> None:
        self.name, self.why = name, why
        self.counted: Counter[str] = Counter()
        self.work: Work = Counter()
        self._sites: dict[str, None] = {}

    def add(self, counted: tuple[int, int], work: Work | None, times: int, place: str) -> None:
        """One leaf: (FLOPs, calls) that it was counted, and its instructions."""
        work = work if work is not None else Counter()
        self.counted.update({n: amount * times for n, amount in zip(FIELDS, counted, strict=True)})
        self.work.update({key: amount * times for key, amount in work.items()})
        if _totals(work) != counted:
            self._sites[place] = None

    def rows(self) -> list[WorkRow]:
        """What the instructions cost more than was counted, if anything."""
        flops, calls = (
            after - self.counted[name]
            for name, after in zip(FIELDS, _totals(self.work), strict=True)
        )
        if not (flops or calls):
            return []
        size, sites = abs(flops) + abs(calls), tuple(self._sites)
        return [
            WorkRow(STEP, self._cause(), flops, calls, size, sites, not self.why.startswith("un"))
        ]

    def _cause(self) -> str:
        opcodes = ", ".join(dict.fromkeys(opcode for opcode, _ in self.work)) or "nothing"
        return self.why.format(name=self.name, opcodes=opcodes)


EXPANDED = "{name} lowered as {opcodes}"
FOLDED = "constant folded: {name} of constants"
IDENTITY = "constant folded: {name} that a constant operand makes the identity"
EQUAL = "folded: {name} of equal operands"
DISAGREES = "unexplained: {name} lowers to {opcodes}, which costs something else"
MISCOUNTED = "unexplained: {name}, which is folded, was counted as something else than it is"
MISDEFINED = "unexplained: {name} was counted as something else than by its definition"
NOT_ALONE = "unexplained: {name} cannot be lowered by itself"
UNKNOWN = "unexplained: {name} lowers to an instruction whose cost is unknown"


def _groups(equations: Node, alone: dict[int, Alone]) -> dict[tuple[str, str], _Group]:
    groups: dict[tuple[str, str], _Group] = {}
    for node, site, times in equations.leaves():
        each = alone.get(id(node.own))
        if each is None or not times:
            continue
        if not isinstance(times, int):
            raise JaxflopsError(
                f"{node.label} runs {times} times, so its work is no number; give loops "
                'trip_counts={"scope or file:line": n}'
            )
        for why, counted, work in _parts(node, each):
            group = groups.setdefault((node.label, why), _Group(node.label, why))
            group.add(counted, work, times, str(place_of(site)))
    return groups


def _parts(node: Node, each: Alone) -> Iterator[tuple[str, tuple[int, int], Work | None]]:
    """(explanation, what it was counted, instructions); a fold explains what it took away alone."""
    name, why = node.label, _why(node.label, each)
    counted = (int(node.own.other_flops), int(node.own.transcendentals))
    defined = _defined(name, each)
    if why == EXPANDED and defined is not None:
        yield why, defined, each.work
        if counted != defined:
            yield MISDEFINED, (counted[0] - defined[0], counted[1] - defined[1]), Counter()
        return
    if why not in (FOLDED, IDENTITY, EQUAL) or each.whole is None or _is_own(name, each):
        yield why, counted, each.work
        return
    whole = _totals(each.whole)
    yield why, whole, each.work
    if whole != counted:
        yield MISCOUNTED, (counted[0] - whole[0], counted[1] - whole[1]), Counter()


def _defined(name: str, each: Alone) -> tuple[int, int] | None:
    """(FLOPs, calls) of what is one an element by definition, complex two; None for all else."""
    oracle = COST_RULES[name].oracle if name in COST_RULES else ""
    if not oracle.startswith((_ONE, _ONE_CALL)):
        return None
    (out,) = (v.aval for v in each.eqn.outvars)
    amount = int(out.size) * (2 if _jax.category(out) == "complex" else 1)
    return (0, amount) if oracle.startswith(_ONE_CALL) else (amount, 0)


def _why(name: str, each: Alone) -> str:
    """The explanation that an equation's difference has, if it has one."""
    if each.folded:
        return FOLDED
    if each.work is None:
        return UNKNOWN if each.unknown else NOT_ALONE
    if not each.work and any(value is not None for value in each.values):
        return IDENTITY if any(value is None for value in each.values) else FOLDED
    if not each.work and each.same != list(range(len(each.same))):
        return EQUAL
    return EXPANDED if _is_own(name, each) else DISAGREES


def _is_own(name: str, each: Alone) -> bool:
    """Whether the count is a definition of its own, not that of the lowered instructions."""
    if name in COMPOSITES and COMPOSITES[name].law(each):
        return True
    oracle = COST_RULES[name].oracle if name in COST_RULES else ""
    own = oracle.startswith(_DEFINED) and "lowered XLA" not in oracle
    return own or (_COMPLEX in oracle and _is_complex(each.eqn))


def _is_complex(eqn: Any) -> bool:
    return any(_jax.category(v.aval) == "complex" for v in eqn.invars)


def _recount(counted: Node, equations: Node) -> list[WorkRow]:
    """The analysis must be the sum of its equations."""
    before, after = _pair(counted), _pair(equations)
    flops, calls = (b - a for a, b in zip(before, after, strict=True))
    if not (flops or calls):
        return []
    cause = "unexplained: what was counted is not the sum of its equations"
    return [WorkRow(STEP, cause, flops, calls, abs(flops) + abs(calls), (), explained=False)]


def _written(whole: Node, equations: Node) -> list[WorkRow]:
    """What is gone where iterations are written out: whole equations, and nothing is new."""
    before, after = (pieces(tree.leaves()) or Counter() for tree in (whole, equations))
    gone, new = before - after, after - before
    flops, calls = (
        sum(
            piece.amount * (new[piece] - gone[piece]) for piece in gone | new if piece.field == name
        )
        for name in FIELDS
    )
    if new:
        size = sum(piece.amount * n for piece, n in (gone + new).items())
        cause = "unexplained: iterations written out work where the loop does not"
        return [WorkRow(STEP, cause, flops, calls, size, (), explained=False)]
    if not gone:
        return []
    sites = tuple(dict.fromkeys(str(piece.place) for piece in gone))
    return [WorkRow(STEP, WRITTEN, flops, calls, -flops - calls, sites, explained=True)]


def _residual(made: Work, program: Work) -> list[WorkRow]:
    """Instructions that only the program has, or only its equations by themselves."""
    rows = []
    for opcode, name in sorted(made.keys() | program.keys()):
        change = program[opcode, name] - made[opcode, name]
        if change:
            amounts = (change, 0) if name == FIELDS[0] else (0, change)
            cause = f"unexplained: {opcode} in the program, and not in its equations"
            rows.append(WorkRow(STEP, cause, *amounts, abs(change), (), explained=False))
    return rows


def _totals(work: Work) -> tuple[int, int]:
    flops, calls = (sum(n for (_, field), n in work.items() if field == name) for name in FIELDS)
    return flops, calls


def _pair(tree: Node) -> tuple[int, int]:
    return int(tree.total.other_flops), int(tree.total.transcendentals)
