"""Which forward product a backward one is the transpose of, and in which operand.

The transpose of `h = x @ w` in x multiplies the cotangent of h with w, at the same source line.
So the candidates are earlier products of the same lines with fewer transpose marks; the operand
that is no cotangent must be, by value number, the other operand of the candidate; and the axes
must fit. Among several, the cotangent decides (all transposes of one product share it), then the
order: the last forward product is transposed first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jaxflops.jaxpr.derivation.transposes import Fit, fits, unviewed
from jaxflops.jaxpr.derivation.values import Contraction, Value, same_as


class Pair(NamedTuple):
    """A backward product, the forward one it transposes, and how."""

    backward: Contraction
    forward: Contraction
    fit: Fit

    @property
    def cotangent(self) -> Value:
        """The operand of the backward product that is the forward product's cotangent."""
        return same_as(self.backward.operands[self.fit.cotangent])


@dataclass
class Pairing:
    """What is known of each contraction, by its value.

    pairs: backward products; twins: products that compute an earlier one again; own: those of
    hand-written backward rules, paired or not.
    """

    pairs: dict[Value, Pair] = field(default_factory=dict)
    twins: dict[Value, Contraction] = field(default_factory=dict)
    own: set[Value] = field(default_factory=set)


def pair(contractions: Sequence[Contraction]) -> Pairing:
    """Pair all contractions of a program, in order of execution, dead ones included."""
    found = Pairing()
    first: dict[int, Contraction] = {}
    for product in contractions:
        known = first.setdefault(product.value.number, product)
        if known is not product and _repeats(product, known):
            found.twins[product.value] = known
    others = [c for c in contractions if c.value not in found.twins]
    _Choice(others, found).run([c for c in others if c.transposes])
    return found


def _repeats(product: Contraction, known: Contraction) -> bool:
    """Whether it is the earlier product computed again, and not just one of equal operands."""
    return product.phase == "recompute" or product.transposes > known.transposes


class _Candidates:
    """Products by their source lines and what they multiply."""

    def __init__(self, contractions: Sequence[Contraction]) -> None:
        self._ids: dict[Any, int] = {}
        self._by_operand: dict[tuple[int, int], list[Contraction]] = defaultdict(list)
        self._least: dict[int, int] = {}  # fewest transpose marks at a place
        for product in contractions:
            here, *callers = self._places(product)
            self._least[here] = min(product.transposes, self._least.get(here, product.transposes))
            for number in _numbers(product):
                for place in (here, *callers):
                    self._by_operand[place, number].append(product)

    def of(self, product: Contraction) -> list[Contraction]:
        """Earlier products with an operand in common, latest first.

        They have the same lines, or, for a hand-written backward rule, to whose equations JAX
        gives the line of the call, that line called them.
        """
        here = self._places(product)[0]
        found = {
            c.value.order: c
            for number in _numbers(product)
            for c in self._by_operand[here, number]
            if c.value.order < product.value.order and c.transposes < product.transposes
        }
        exact = [c for c in found.values() if c.frames == product.frames]
        return sorted(exact or found.values(), key=lambda c: -c.value.order)

    def is_own(self, product: Contraction) -> bool:
        """Whether no product of fewer transposes has its lines: its rule was written by hand."""
        return self._least[self._places(product)[0]] == product.transposes

    def _places(self, product: Contraction) -> list[int]:
        """A number for the product's lines with all their callers, then for each caller's."""
        places = [0]
        for frame in reversed(product.frames):
            places.append(self._ids.setdefault((frame, places[-1]), len(self._ids) + 1))
        return places[:0:-1] or places


def _numbers(product: Contraction) -> set[int]:
    return {unviewed(operand).number for operand in product.operands[:2]}


class _Choice:
    """One forward product and operand for each backward product, each at most once."""

    def __init__(self, contractions: Sequence[Contraction], found: Pairing) -> None:
        self._candidates, self._found = _Candidates(contractions), found
        self._owner: dict[Value, Contraction] = {}  # cotangent -> forward product
        self._cotangent: dict[Value, Value] = {}  # forward product's value -> cotangent
        self._taken: set[tuple[Value, int]] = set()

    def run(self, backward: Sequence[Contraction]) -> None:
        """Fill in the pairs: first where there is just one, then in order of execution."""
        candidates = {product.value: self._candidates.of(product) for product in backward}
        for only in (True, False):
            for product in backward:
                found = candidates[product.value]
                if product.value not in self._found.pairs and (len(found) == 1 or not only):
                    self._choose(product, found)
        self._found.own.update(c.value for c in backward if self._candidates.is_own(c))

    def _choose(self, product: Contraction, candidates: list[Contraction]) -> None:
        known = [self._owner.get(same_as(operand)) for operand in product.operands[:2]]
        preferred = [c for c in candidates if c in known]
        for forward in preferred or candidates:
            for fit in fits(product, forward):
                if self._take(Pair(product, forward, fit)):
                    return

    def _take(self, p: Pair) -> bool:
        """Whether the pair contradicts none so far; it is then noted."""
        forward, cotangent = p.forward.value, p.cotangent
        free = (
            (forward, p.fit.role) not in self._taken
            and self._owner.get(cotangent, p.forward) is p.forward
            and self._cotangent.get(forward, cotangent) is cotangent
        )
        if free:
            self._found.pairs[p.backward.value] = p
            self._taken.add((forward, p.fit.role))
            self._owner[cotangent], self._cotangent[forward] = p.forward, cotangent
        return free
