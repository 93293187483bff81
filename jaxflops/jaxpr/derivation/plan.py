"""What each contraction computes and of what, before anything has a printed name."""

from __future__ import annotations

from typing import NamedTuple

from jaxflops.jaxpr.derivation.accumulation import Sums, whole
from jaxflops.jaxpr.derivation.flow import Flow
from jaxflops.jaxpr.derivation.names import Key
from jaxflops.jaxpr.derivation.pairing import Pair, Pairing
from jaxflops.jaxpr.derivation.references import References
from jaxflops.jaxpr.derivation.transposes import dot_labels
from jaxflops.jaxpr.derivation.values import Contraction, Value
from jaxflops.jaxpr.derivation.views_of import Views, inverse, simplify, transposition


class Named(NamedTuple):
    """An array by its name: `views` lead from the named array to it."""

    key: Key
    views: Views = ()


class Planned(NamedTuple):
    """A contraction, the name of its result and of its operands.

    out: the result as the program has it; operands: in the order in which they are written.
    is_term: one of several terms of a gradient.
    pair: how it transposes a forward product; the form is written in that one's axes.
    """

    product: Contraction
    out: Named
    operands: tuple[Named, ...]
    is_term: bool = False
    pair: Pair | None = None

    @property
    def model(self) -> Contraction:
        """The product whose axes and parameters the form has."""
        return self.product if self.pair is None else self.pair.forward


class Planner:
    """The plans of one program's contractions.

    bindings: values that forms read as gradients, by each name they have.
    """

    def __init__(self, flow: Flow, pairing: Pairing, references: References) -> None:
        self.bindings: dict[Value, list[Named]] = {}
        self._references, self._sums = references, Sums()
        self._roots: dict[tuple[Value, str], list[Value]] = {}
        pairs = pairing.pairs
        planned = {
            c.value: self._pair(pairs[c.value]) for c in flow.contractions if c.value in pairs
        }
        self.plans = [planned.get(c.value) or self._plain(c) for c in flow.contractions]

    def _plain(self, product: Contraction) -> Planned:
        """A product that transposes none."""
        holder, views = self._references.of(product.value)
        operands = tuple(self._read(operand) for operand in product.operands)
        return Planned(product, Named(Key(holder), views), operands)

    def _read(self, value: Value) -> Named:
        """An operand: by its gradient's name if it has one, else by its own."""
        for step in self._references.steps(value):
            for name in self.bindings.get(step.holder, ()):
                return Named(name.key, simplify(name.views + step.views))
        holder, views = self._references.of(value)
        return Named(Key(holder), views)

    def _pair(self, pair: Pair) -> Planned:
        """A product that is the gradient of `role`, from the cotangent of the forward product."""
        forward, role = pair.forward, pair.fit.role
        more = pair.backward.transposes - forward.transposes
        suffix = ".grad" if more == 1 else f".grad{more}"
        cotangent = self._gradient(forward.value, suffix, whole(pair.cotangent))
        self.bindings.setdefault(pair.cotangent, []).append(cotangent)
        total = self._sums.of(pair.backward.value)
        gradient = self._gradient(forward.operands[role], suffix, total.root)
        sibling = self._references.of(forward.operands[1 - role])
        operands = [Named(Key(sibling.holder), sibling.views)]
        operands.insert(role, cotangent)
        out = Named(gradient.key, simplify(gradient.views + inverse(_turn(pair))))
        if not total.is_term:
            self.bindings.setdefault(pair.backward.value, []).append(out)
        return Planned(pair.backward, out, tuple(operands), total.is_term, pair)

    def _gradient(self, value: Value, suffix: str, root: Value) -> Named:
        """The gradient of a value; each total that its terms are summed to is one of its own."""
        holder, views = self._references.of(value)
        roots = self._roots.setdefault((holder, suffix), [])
        if root not in roots:
            roots.append(root)
        return Named(Key(holder, suffix, roots.index(root) + 1), views)


def _turn(pair: Pair) -> Views:
    """From the backward product as the program has it to the layout of the forward operand."""
    if not pair.fit.out:
        return ()
    labels = dot_labels(pair.forward).operands[pair.fit.role]
    return (transposition(pair.fit.out.index(label) for label in labels),)
