"""Walk an HLO module into the tree: rules say what an instruction costs, only the walk recurses.

Scopes and phases come from op_names. Those are absolute, except in functions that JAX lowers once
for many calls: there they begin at the call, and the function's subtree is shared by its calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from jaxflops.hlo import flow
from jaxflops.hlo.calls import TRANSPARENT, Call, Calls
from jaxflops.hlo.collectives import Sender
from jaxflops.hlo.collector import paused_collector
from jaxflops.hlo.context import SETTLED, Context, Options, Walked
from jaxflops.hlo.flow import Flag
from jaxflops.hlo.ir import Computation, Instruction, Module
from jaxflops.hlo.loops import Loops
from jaxflops.hlo.pricing import NAMES, Pricing
from jaxflops.hlo.sites import COMPILER, read_name, root_of
from jaxflops.tree import HERE, PHASES, Node, Phase, Site, branch

_RANK = {phase: rank for rank, phase in enumerate(PHASES)}


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
        self.senders: dict[int, Sender] = {}
        self.sites: dict[tuple[tuple[str, ...], Phase | None, int], Site] = {}
        self._module = module
        self._known: dict[tuple[str, Context], Walked] = {}

    def computation(self, name: str, context: Context) -> Walked:
        """A computation's nodes, from memory if it was walked in the same context."""
        key = (name, context)
        if key not in self._known:
            self._known[key] = _Body(self, self._module[name], context).walked()
        return self._known[key]


class _Body:
    """One computation in one context: its instructions in order, and what is known of each."""

    def __init__(self, walker: _Walker, where: Computation, context: Context) -> None:
        self._walker = walker
        self._where = where
        self._context = context
        self._flags: dict[str, Flag] = {}
        self._ranks: dict[str, int] = {}  # the latest phase that a value depends on
        self._phases: set[Phase | None] = set()

    def walked(self) -> Walked:
        """Every instruction's node, in order."""
        nodes = [self._node(ins) for ins in self._where if not self._only_names(ins)]
        flag = self._flags[self._where.root]
        return Walked(tuple(nodes), flag, frozenset(self._phases))

    def _only_names(self, ins: Instruction) -> bool:
        if ins.opcode not in NAMES:
            return False
        self._flags[ins.name] = flow.named(ins, self._flags, self._context.flags)
        self._ranks[ins.name] = self._latest(ins)
        return True

    def _node(self, ins: Instruction) -> Node:
        name, latest = ins.name, self._latest(ins)
        flags = tuple([self._flags[each] for each in ins.operands])
        touched = flow.touched(flags)
        site = self._site(ins, touched, latest)
        phase = site.phase
        run = self._walker.calls.run.get(ins.opcode)
        if run is not None and ins.called:
            node, flag, phases = run(Call(ins, self._where, site, self._context, flags))
            self._phases |= phases
            node = node._replace(name=name)
        else:
            node, flag = self._leaf(ins, site), touched
            self._phases.add(phase)
        self._flags[name] = flow.like(ins.shape, True) if phase in SETTLED else flag
        self._ranks[name] = max(_RANK[phase or "forward"], latest)
        return node

    def _leaf(self, ins: Instruction, site: Site) -> Node:
        price, fused = self._walker.pricing.price, self._context.fused
        label, cost, kind, state, notes = price(ins, self._where, fused=fused)
        if cost.payload_bytes:
            self._walker.senders[id(cost)] = Sender(cost, ins)
        return Node(label, site, cost, cost, kind, state, 1, (), notes, 1, False, ins.name)

    def _site(self, ins: Instruction, touched: bool, latest: int) -> Site:
        """Where the instruction stands; equal sites are one object."""
        frame, sites = ins.frame, self._walker.sites
        scope, phase = self._scope(ins, touched, latest)
        key = scope, phase, id(frame)
        site = sites.get(key)
        if site is None:
            site = sites[key] = Site(scope, frame, phase)
        return site

    def _scope(
        self, ins: Instruction, touched: bool, latest: int
    ) -> tuple[tuple[str, ...], Phase | None]:
        """The scope and the phase; without a name, the latest phase of the operands."""
        name = read_name(ins.op_name)
        relative = self._context.relative
        if name is None or not (relative or "/" in ins.op_name or not self._walker.root):
            return COMPILER, PHASES[latest] if latest else None
        return name.scope, name.phase or self._unmarked(ins, touched)

    def _unmarked(self, ins: Instruction, touched: bool) -> Phase | None:
        """The phase of work without a mark; of what only calls, each instruction's own."""
        if ins.opcode in TRANSPARENT:
            return None
        if touched and self._context.phase is None:
            return "update"
        return None if self._context.relative else "forward"

    def _latest(self, ins: Instruction) -> int:
        """The latest phase that an operand depends on, as a rank."""
        ranks = self._ranks
        return max([ranks[name] for name in ins.operands]) if ins.operands else 0
