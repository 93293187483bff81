"""Program -> derivation: every contraction by name, with the forward product it belongs to."""

from __future__ import annotations

from pathlib import Path

from jaxflops.jaxpr.constants import with_constants
from jaxflops.jaxpr.derivation.authored import Authored
from jaxflops.jaxpr.derivation.flow import Flow
from jaxflops.jaxpr.derivation.forms import Formed, dot_form, other_form
from jaxflops.jaxpr.derivation.names import Key, Names
from jaxflops.jaxpr.derivation.notes import Notes
from jaxflops.jaxpr.derivation.pairing import Pairing, pair
from jaxflops.jaxpr.derivation.plan import Planned, Planner
from jaxflops.jaxpr.derivation.references import References
from jaxflops.jaxpr.derivation.rows import Derivation, Row
from jaxflops.jaxpr.options import Options
from jaxflops.jaxpr.program import Program, remove_dead_code
from jaxflops.jaxpr.walk import walk
from jaxflops.tree import Node


def derive(program: Program, options: Options, tree: Node | None = None) -> Derivation:
    """The contractions of a traced program, in order of execution.

    tree: of the live program that ran, where its multiplicities are observed, not those of a walk.
    Dead contractions help to find what belongs together, and are no rows.
    """
    return Deriver(program, options, tree).derivation()


class Deriver:
    """The steps of one derivation."""

    def __init__(self, program: Program, options: Options, tree: Node | None = None) -> None:
        live, _ = remove_dead_code(program, to_run=tree is not None)
        self.tree = tree or walk(with_constants(live, program.jaxpr), options)
        self.flow = Flow(program.jaxpr, live, self.tree, options)
        authored = Authored(self.flow)
        self.pairing: Pairing = pair(self.flow.contractions, authored.chains)
        self.references = References(self.flow, authored)
        self.planner = Planner(self.flow, self.pairing, self.references)
        self.notes = Notes(authored, self.references)
        keys = [key for plan in self.planner.plans for key in _keys(plan)]
        keys += self.notes.starts(keys)
        self.names = Names(keys, program.names, authored, self.references)

    def derivation(self) -> Derivation:
        """The rows of what runs, and what their names stand for."""
        plans = [plan for plan in self.planner.plans if plan.product.node is not None]
        computed = {plan.out.key.value for plan in plans if not plan.out.key.suffix}
        shown = [key for plan in plans for key in _keys(plan)]
        notes = self.notes.all(self.names, shown, computed)
        return Derivation(tuple(self.row(plan) for plan in plans), self.tree.total, notes)

    def row(self, plan: Planned) -> Row:
        """One contraction as it is printed."""
        product, name = plan.product, self.names[plan.out.key]
        body, shapes = self._form(plan)
        source = product.site.source
        return Row(
            product.phase,
            name,
            f"{name} {'+=' if plan.is_term else '='} {body}",
            shapes,
            product.flops,
            product.times,
            self._forward(plan, name),
            product.value in self.pairing.twins,
            product.value in self.pairing.own,
            f"{Path(source.file).name}:{source.line}" if source and source.file else "",
        )

    def _forward(self, plan: Planned, name: str) -> str:
        """The name of the forward product that a row belongs to."""
        if plan.pair is not None:
            return self.names[Key(self.references.of(plan.pair.forward.value).holder)]
        repeats = plan.product.value in self.pairing.twins
        return name if repeats or plan.product.phase == "forward" else ""

    def _form(self, plan: Planned) -> Formed:
        """The right-hand side, and the shapes of operands and product as it has them."""
        names = [self.names[operand.key] for operand in plan.operands]
        if plan.product.name == "dot_general":
            return dot_form(plan, names)
        return other_form(plan, names)


def _keys(plan: Planned) -> list[Key]:
    """What a row names."""
    return [named.key for named in (plan.out, *plan.operands)]
