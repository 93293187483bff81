"""Which forward product a backward one is the transpose of, and in which operand.

The transpose of `h = x @ w` in x multiplies the cotangent of h with w, at the same source line.
So the candidates are earlier products of the same lines with fewer transpose marks; the operand
that is no cotangent must be, by value number, the other operand of the candidate; and the axes
must fit. Among several, the cotangent decides (all transposes of one product share it), then the
order: the last forward product is transposed first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from itertools import chain, islice
from typing import NamedTuple

from jaxflops.jaxpr._jax import Position
from jaxflops.jaxpr.derivation.chains import Chain, Chains
from jaxflops.jaxpr.derivation.transposes import Fit, fits, unpermuted, unviewed
from jaxflops.jaxpr.derivation.values import Contraction, Value, same_as

Lines = tuple[Position, ...]


class Pair(NamedTuple):
    """A backward product, the forward one it transposes, and how."""

    backward: Contraction
    forward: Contraction
    fit: Fit

    @property
    def cotangent(self) -> Value:
        """The operand of the backward product that is the forward product's cotangent."""
        operand = self.backward.operands[self.fit.cotangent]
        return unpermuted(operand)[0] if self.fit.turned else same_as(operand)


@dataclass
class Pairing:
    """What is known of each contraction, by its value.

    pairs: backward products; twins: products that compute an earlier one again; own: those of
    hand-written backward rules, paired or not.
    """

    pairs: dict[Value, Pair] = field(default_factory=dict)
    twins: dict[Value, Contraction] = field(default_factory=dict)
    own: set[Value] = field(default_factory=set)


def pair(contractions: Sequence[Contraction], chains: Chains) -> Pairing:
    """Pair all contractions of a program, in order of execution, dead ones included."""
    found = Pairing()
    first: dict[int, Contraction] = {}
    for product in contractions:
        known = first.setdefault(product.value.number, product)
        if known is not product and _repeats(product, known):
            found.twins[product.value] = known
    others = [c for c in contractions if c.value not in found.twins]
    _Choice(_Candidates(others, chains), found).run([c for c in others if c.transposes])
    return found


def _repeats(product: Contraction, known: Contraction) -> bool:
    """Whether it is the earlier product computed again, and not just one of equal operands."""
    return product.phase == "recompute" or product.transposes > known.transposes


class _Candidates:
    """Products by their source lines, what they multiply and their transpose marks.

    lines: of the equation within its jaxpr; the backward pass repeats those in any case.
    """

    def __init__(self, contractions: Sequence[Contraction], chains: Chains) -> None:
        self._chains = chains
        self._found: dict[tuple[Lines | Chain, int, int], list[Contraction]] = defaultdict(list)
        self._least: dict[Lines, int] = {}  # fewest transpose marks of some lines
        for product in contractions:
            marks = product.transposes
            self._least[product.frames] = min(marks, self._least.get(product.frames, marks))
            callers = self._chain(product).callers
            for number in _numbers(product):
                places: tuple[Lines | Chain, ...] = (product.frames, *callers)
                for place in places:
                    self._found[place, number, marks].append(product)

    def of(self, product: Contraction) -> Iterator[Contraction]:
        """Earlier products with an operand in common, latest first.

        They have the same lines, or, for a hand-written backward rule, to whose equations JAX
        gives the line of the call, that line called them.
        """
        place = self._chain(product) if self.is_own(product) else product.frames
        lists = [
            reversed(self._found[place, number, marks])
            for number in _numbers(product)
            for marks in range(product.transposes)
            if (place, number, marks) in self._found
        ]
        order, last = product.value.order, 0
        for found in merge(*lists, key=lambda c: -c.value.order):
            if found.value.order < order and found.value.order != last:
                last = found.value.order
                yield found

    def is_own(self, product: Contraction) -> bool:
        """Whether no product of fewer transposes has its lines: its rule was written by hand."""
        return self._least[product.frames] == product.transposes

    def _chain(self, product: Contraction) -> Chain:
        return self._chains.of(product.value.scope, product.value.at)


def _numbers(product: Contraction) -> set[int]:
    return {unviewed(operand).number for operand in product.operands[:2]}


class _Choice:
    """One forward product and operand for each backward product, each at most once."""

    def __init__(self, candidates: _Candidates, found: Pairing) -> None:
        self._candidates, self._found = candidates, found
        self._owners: dict[Value, set[Contraction]] = defaultdict(set)  # of a cotangent
        # A product has one cotangent, and each operand one transpose, in each differentiation.
        self._cotangent: dict[tuple[Value, int], Value] = {}
        self._taken: set[tuple[Value, int, int]] = set()

    def run(self, backward: Sequence[Contraction]) -> None:
        """Fill in the pairs: first where there is just one, then in order of execution."""
        for product in backward:
            found = list(islice(self._candidates.of(product), 2))
            if len(found) == 1:
                self._choose(product, found)
        for product in backward:
            if product.value not in self._found.pairs:
                known = (self._owners[same_as(v)] for v in product.operands[:2])
                preferred = sorted(set().union(*known), key=lambda c: -c.value.order)
                self._choose(product, chain(preferred, self._candidates.of(product)))
        self._found.own.update(c.value for c in backward if self._candidates.is_own(c))
        self._found.own.update(c for c in self._found.twins if c.phase == "backward")

    def _choose(self, product: Contraction, candidates: Iterable[Contraction]) -> None:
        own = {same_as(operand) for operand in product.operands[:2]}
        own |= {unpermuted(operand)[0] for operand in product.operands[:2]}
        for forward in candidates:
            known = self._cotangent.get((forward.value, product.sweep))
            if known is None or known in own:
                for fit in fits(product, forward):
                    if self._take(Pair(product, forward, fit)):
                        return

    def _take(self, p: Pair) -> bool:
        """Whether the pair contradicts none so far; it is then noted."""
        forward, cotangent = (p.forward.value, p.backward.sweep), p.cotangent
        role = (*forward, p.fit.role)
        free = role not in self._taken and self._cotangent.get(forward, cotangent) is cotangent
        if free:
            self._found.pairs[p.backward.value] = p
            self._taken.add(role)
            self._owners[cotangent].add(p.forward)
            self._cotangent[forward] = cotangent
        return free
