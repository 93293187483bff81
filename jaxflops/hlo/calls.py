"""The node of an instruction that runs computations: loops, choices, calls and fusions."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from jaxflops.branches import choose, taken
from jaxflops.hlo import flow
from jaxflops.hlo.containers import placed
from jaxflops.hlo.context import SETTLED, Context, Options, Walked
from jaxflops.hlo.flow import Flag
from jaxflops.hlo.fusions import fusion_bytes
from jaxflops.hlo.ir import Computation, Instruction, Module
from jaxflops.hlo.kinds import plain
from jaxflops.hlo.loops import Loops
from jaxflops.hlo.pricing import NAMES
from jaxflops.hlo.sites import COMPILER
from jaxflops.tree import HERE, Node, Phase, Site, branch, compose_phase

Phases = frozenset[Phase | None]
TRANSPARENT = ("while", "conditional", "call", "async-start")  # no work beside what they run


class Call(NamedTuple):
    """One instruction with computations, where it stands and the flags of its operands."""

    ins: Instruction
    where: Computation
    site: Site
    context: Context
    flags: tuple[Flag, ...]


class Result(NamedTuple):
    """The node, the flag of its result, and every phase in it."""

    node: Node
    flag: Flag
    phases: Phases


class Calls:
    """How to walk into the computations of one module's instructions."""

    def __init__(
        self,
        module: Module,
        options: Options,
        root: str,
        walk: Callable[[str, Context], Walked],
    ) -> None:
        self._module = module
        self._options = options
        self._root = root
        self._walk = walk
        self.loops = Loops(module, dict(options.trip_counts))
        self._relative: dict[str, bool] = {}
        self.run = {
            "while": self._while,
            "conditional": self._conditional,
            "call": self._call,
            "async-start": self._call,
            "fusion": self._fusion,
            "fusion-start": self._fusion,
        }

    def _while(self, call: Call) -> Result:
        """The body as often as the condition holds; the condition once more."""
        ins, site = call.ins, call.site
        flag = flow.like(ins.shape, True) if site.phase in SETTLED else call.flags[0]
        body_name, test_name = ins.called
        while True:
            body = self._walk(body_name, self._context(call, body_name, (flag,)))
            grown = flow.either(flag, body.flag)
            if grown == flag:
                break
            flag = grown
        test = self._walk(test_name, self._context(call, test_name, (flag,)))
        trips = self.loops.trips(ins, call.where, site.scope, call.context.callers)
        phases = body.phases | test.phases
        site, nodes = placed(site, (*test.nodes, *body.nodes), phases)
        parts = (
            branch("cond", HERE, nodes[: len(test.nodes)], times=trips.number + 1),
            branch("body", HERE, nodes[len(test.nodes) :], times=trips.number),
        )
        return Result(branch("while", site, parts, notes=trips.notes), flag, phases)

    def _conditional(self, call: Call) -> Result:
        """One branch runs; those that are not counted have times 0. A predicate's are (0, 1)."""
        ins = call.ins
        pairs = list(zip(ins.called, call.flags[1:], strict=True))
        if call.where[ins.operands[0]].shape.dtype == "pred":
            pairs.reverse()
        walked = [self._walk(name, self._context(call, name, (flag,))) for name, flag in pairs]
        phases: Phases = frozenset().union(*(each.phases for each in walked))
        site, nodes = placed(call.site, [n for each in walked for n in each.nodes], phases)
        found = iter(nodes)
        branches = [
            branch(f"branch {i}", HERE, tuple(next(found) for _ in each.nodes))
            for i, each in enumerate(walked)
        ]
        chosen, notes = choose(branches, None, self._options.branch, site)
        node = branch("conditional", site, taken(branches, chosen), notes=notes, choice=True)
        flag = flow.like(ins.shape, flow.touched([call.flags[0]]))
        for each in walked:
            flag = flow.either(flag, each.flag)
        return Result(node, flag, phases)

    def _call(self, call: Call) -> Result:
        """A function, once; one whose names begin at the call is shared by its calls."""
        name, site = call.ins.called[0], call.site
        if not self._is_relative(name):
            walked = self._walk(name, self._context(call, name, call.flags))
            site, nodes = placed(site, walked.nodes, walked.phases)
            return Result(branch("call", site, nodes), walked.flag, walked.phases)
        phase = compose_phase(call.context.phase, site.phase)
        settled = phase in SETTLED
        flags = () if settled else call.flags
        context = self._context(call, name, flags)._replace(phase=phase, relative=True)
        walked = self._walk(name, context)
        phases = frozenset(compose_phase(site.phase, inner) for inner in walked.phases)
        flag = flow.like(call.ins.shape, True) if settled else walked.flag
        return Result(branch("call", site, walked.nodes), flag, phases)

    def _fusion(self, call: Call) -> Result:
        """Instructions inside own their FLOPs; the fusion its bytes, at their deepest scope."""
        ins, inner = call.ins, self._module[call.ins.called[0]]
        context = self._context(call, inner.name, call.flags)._replace(fused=True)
        walked = self._walk(inner.name, context)
        site, nodes = placed(call.site, walked.nodes, walked.phases | {call.site.phase})
        scopes = {node.site.scope for node in walked.nodes} - {COMPILER}
        label = "shared fusion" if len(scopes) > 1 else "fusion"
        known = call.where.instructions
        shapes = tuple([known[name].shape for name in ins.operands])
        cost = fusion_bytes(inner, shapes, ins.shape)
        own = Node(label, Site((), None, call.site.phase), cost, cost, plain(ins.shape), "moved")
        node = branch("fusion", site, nodes if call.context.fused else (own, *nodes))
        return Result(node, walked.flag, walked.phases | {call.site.phase})

    def _context(self, call: Call, name: str, flags: tuple[Flag, ...]) -> Context:
        """That of a computation which an instruction runs on operands with these flags."""
        callers = self.loops.entered(name, call.ins, call.where, call.context.callers)
        return call.context._replace(flags=flags, callers=callers)

    def _is_relative(self, name: str) -> bool:
        """Whether the op_names of a function begin at its calls, not at the program."""
        if name not in self._relative:
            names = [i.op_name for i in self._module[name] if i.op_name and i.opcode not in NAMES]
            absolute = any(each.startswith(f"{self._root}/") for each in names)
            self._relative[name] = bool(self._root) and not absolute
        return self._relative[name]
