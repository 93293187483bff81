"""Walk an HLO module into the tree: rules say what an instruction costs, only the walk recurses.

Scopes and phases come from op_names. Those are absolute, except in functions that JAX lowers once
for many calls: there they begin at the call, and the function's subtree is shared by its calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import NamedTuple

from jaxflops.hlo import flow
from jaxflops.hlo.calls import TRANSPARENT, Call, Calls
from jaxflops.hlo.collectives import Sender
from jaxflops.hlo.collector import paused_collector
from jaxflops.hlo.context import SETTLED, Context, Options, Walked
from jaxflops.hlo.flow import Flag, Values
from jaxflops.hlo.ir import Computation, Instruction, Module
from jaxflops.hlo.loops import Loops
from jaxflops.hlo.pricing import BY_SHAPE, NAMES, Priced, Pricing
from jaxflops.hlo.sites import COMPILER, read_name, root_of
from jaxflops.tree import HERE, PHASES, Node, Phase, Site, branch

_RANK = {phase: rank for rank, phase in enumerate(PHASES)}
_PLACE = 2  # parts of a key that say where an operation stands; the others what it does
_NAME = Node._fields.index("name")


Key = tuple[object, ...]
_Work = tuple[Priced, bool]  # an operation, and whether an operand depends on a backward value


class Reading(NamedTuple):
    """A module's tree, the leaves of it that are collectives, and where its loops stand."""

    tree: Node
    senders: Mapping[int, Sender]
    loops: Loops


def walk(module: Module, options: Options | None = None) -> Node:
    """The cost tree of a module: what one device runs."""
    return read(module, options).tree


def read(module: Module, options: Options | None = None) -> Reading:
    """The cost tree of a module, with what a tree does not hold."""
    with paused_collector():
        walker = _Walker(module, options or Options())
        nodes = walker.computation(module.entry, Context()).nodes
        return Reading(branch("program", HERE, nodes), walker.senders, walker.calls.loops)


class _Walker:
    """One walk over one module."""

    def __init__(self, module: Module, options: Options) -> None:
        self.root = root_of(module)
        self.pricing = Pricing(module, strict=options.strict)
        self.calls = Calls(module, options, self.root, self.computation)
        self.values = Values()
        self.senders: dict[int, Sender] = {}
        self.known: dict[tuple[object, ...], tuple[dict[Key, _Alike], dict[Key, _Work]]] = {}
        self._module = module
        self._known: dict[tuple[str, Context], Walked] = {}

    def computation(self, name: str, context: Context) -> Walked:
        """A computation's nodes, from memory if it was walked in the same context."""
        key = (name, context)
        if key not in self._known:
            self._known[key] = _Body(self, self._module[name], context).walked()
        return self._known[key]


class _Alike(NamedTuple):
    """What is true of every instruction that differs in nothing but the name.

    node: without the name. phase: in the program, not in a container. value: its result's number.
    """

    node: Node
    phase: Phase | None
    value: int


class _Body:
    """One computation in one context: its instructions in order, and what is known of each."""

    def __init__(self, walker: _Walker, where: Computation, context: Context) -> None:
        self._walker = walker
        self._where = where
        self._context = context
        self._values: dict[str, int] = {}  # the number of each result
        self._phase: dict[str, Phase | None] = {}  # of each instruction
        self._ranks: dict[str, int] = {}  # the latest phase that a value depends on, where asked
        self._inner: frozenset[Phase | None] = frozenset()  # phases in called computations
        self._alike, self._work = walker.known.setdefault(context[1:], ({}, {}))

    def walked(self) -> Walked:
        """Every instruction's node, in order; a fusion runs as one, so inside it none is named.

        Operations that differ in nothing but the name are priced once. Shapes and frames go by
        identity: readers share them, and to hash one costs more than a lookup.
        """
        values, phases, alike = self._values, self._phase, self._alike
        run, fused, number_of = self._walker.calls.run, self._context.fused, values.__getitem__
        nodes: list[Node] = []
        for ins in self._where.instructions.values():
            name, opcode, shape, operands, called, _, op_name, frame, _ = ins
            if opcode in NAMES:
                values[name] = self._walker.values.number(shape, self._named(ins))
                continue
            if called and opcode in run:
                found = self._call(ins)
            elif opcode in BY_SHAPE:
                key = (op_name, id(frame), opcode, id(shape), *map(number_of, operands))
                found = alike.get(key) or self._new(ins, key)
            else:
                found = self._standing(ins, *self._priced(ins))
            node, phases[name], values[name] = found
            nodes.append(node if fused else named(node, name))
        return Walked(
            tuple(nodes), self._flag(self._where.root), self._inner.union(phases.values())
        )

    def _flag(self, name: str) -> Flag:
        return self._walker.values.flags[self._values[name]]

    def _named(self, ins: Instruction) -> Flag:
        """The flag of an instruction that only names a value."""
        if ins.opcode == "parameter":
            return flow.named(ins, self._context.flags)
        if ins.operands:
            self._walker.pricing.check(ins, self._where)
        return flow.named(ins, tuple(map(self._flag, ins.operands)))

    def _call(self, ins: Instruction) -> _Alike:
        """What runs other computations."""
        self._walker.pricing.check(ins, self._where)
        flags = tuple(map(self._flag, ins.operands))
        site = self._site(ins, flow.touched(flags))
        call = Call(ins, self._where, site, self._context, flags)
        node, flag, phases = self._walker.calls.run[ins.opcode](call)
        self._inner |= phases
        return self._passed(node, site.phase, ins, flag)

    def _new(self, ins: Instruction, key: Key) -> _Alike:
        """The first of its kind; but without a name, the phase depends on the operands."""
        work = key[_PLACE:]
        known = self._work.get(work)
        if known is None:
            known = self._work[work] = self._priced(ins)
        found = self._standing(ins, *known)
        if found.node.site.scope != COMPILER:
            self._alike[key] = found
        return found

    def _priced(self, ins: Instruction) -> _Work:
        """What an operation costs, and whether an operand depends on a backward value."""
        priced = self._walker.pricing.price(ins, self._where, fused=self._context.fused)
        if priced.cost.payload_bytes:
            self._walker.senders[id(priced.cost)] = Sender(priced.cost, ins)
        return priced, flow.touched(map(self._flag, ins.operands))

    def _standing(self, ins: Instruction, priced: Priced, touched: bool) -> _Alike:
        """An operation where it stands."""
        site = self._site(ins, touched)
        label, cost, kind, state, notes = priced
        node = Node(label, site, cost, cost, kind, state, 1, (), notes)
        return self._passed(node, site.phase, ins, touched)

    def _passed(self, node: Node, phase: Phase | None, ins: Instruction, flag: Flag) -> _Alike:
        """What is known of a result: in the backward phase, its flag is set."""
        flag = flow.like(ins.shape, True) if phase in SETTLED else flag
        return _Alike(node, phase, self._walker.values.number(ins.shape, flag))

    def _site(self, ins: Instruction, touched: bool) -> Site:
        """Where the instruction stands; without a name, in the latest phase of its operands."""
        name = read_name(ins.op_name)
        relative = self._context.relative
        if name is None or not (relative or "/" in ins.op_name or not self._walker.root):
            rank = self._latest(ins)
            return Site(COMPILER, ins.frame, PHASES[rank] if rank else None)
        return Site(name.scope, ins.frame, name.phase or self._unmarked(ins, touched))

    def _unmarked(self, ins: Instruction, touched: bool) -> Phase | None:
        """The phase of work without a mark; of what only calls, each instruction's own."""
        if ins.opcode in TRANSPARENT:
            return None
        if touched and self._context.phase is None:
            return "update"
        return None if self._context.relative else "forward"

    def _latest(self, ins: Instruction) -> int:
        """The latest phase that an operand depends on, as a rank; ranks all before `ins`."""
        ranks = self._ranks
        for each in islice(self._where, len(ranks), None):
            if each is ins:
                break
            own = _RANK[self._phase.get(each.name) or "forward"]
            ranks[each.name] = max([own, *[ranks[name] for name in each.operands]])
        return max([ranks[name] for name in ins.operands], default=0)


def named(node: Node, name: str) -> Node:
    """The node with its instruction's name; a third of the time of `_replace`."""
    return tuple.__new__(Node, (*node[:_NAME], name, *node[_NAME + 1 :]))
