"""How a value is reached from one that has a name: `w.T`, `x.reshape(8, D)`, `params['w'][i]`."""

from __future__ import annotations

from typing import NamedTuple

from jaxflops.jaxpr.derivation.authored import Authored
from jaxflops.jaxpr.derivation.flow import Flow
from jaxflops.jaxpr.derivation.indexing import indexed
from jaxflops.jaxpr.derivation.values import Value
from jaxflops.jaxpr.derivation.views_of import Views, inverse, simplify, view_of

_NAMED_ANYWAY = ("argument", "slice", "carry")
_COMPUTED = ("equation", "slice", "carry", "stack")
_PLAIN = ("transpose", "cast", "same")


class Reference(NamedTuple):
    """A value that will be named, and the views that lead from it to the one asked for."""

    holder: Value
    views: Views = ()


class References:
    """References of one program's values."""

    def __init__(self, flow: Flow, authored: Authored) -> None:
        self._flow, self._authored = flow, authored
        self._known: dict[int, Reference] = {}
        self._contracted = {id(c.value) for c in flow.contractions}

    def of(self, value: Value) -> Reference:
        """Where a value's name comes from.

        Permutations and casts are always written out, reshapes only where the reshaped value has
        no name of its own. A product whose only name is that of a view of it is called by that.
        """
        if id(value) not in self._known:
            self._known[id(value)] = self._find(value)
        return self._known[id(value)]

    def _find(self, value: Value) -> Reference:
        steps = self.steps(value)
        plain = [s for s in steps if all(view.kind in _PLAIN for view in s.views)]
        named = [s for s in reversed(plain) if self._has_name(s.holder)]
        named += [s for s in steps if self._has_name(s.holder)]
        if named:
            return Reference(named[0].holder, simplify(named[0].views))
        base = steps[-1]
        adopted = self._adopted(base.holder)
        if adopted is None:
            return Reference(base.holder, simplify(base.views))
        return Reference(adopted.holder, simplify(adopted.views + base.views))

    def steps(self, value: Value) -> list[Reference]:
        """The value itself, what it is a view of, what that is a view of ..."""
        views: Views = ()
        current = self.canonical(value)
        steps = [Reference(current, views)]
        while True:
            if current.kind == "carry" and current.feedback is current:
                current = current.inputs[0]
            elif current.kind == "equation" and (view := view_of(current.eqn, current.out)):
                views = (view[0], *views)
                current = self.canonical(current.inputs[view[1]])
            else:
                return steps
            steps.append(Reference(current, views))

    def canonical(self, value: Value) -> Value:
        """The first computation of what a later phase computes again."""
        first = self._flow.first[value.number]
        again = value.phase in ("recompute", "backward") and value.kind in _COMPUTED
        return first if again and first.phase != value.phase else value

    def _has_name(self, value: Value) -> bool:
        if value.kind in _NAMED_ANYWAY or self._authored.is_whole(value):
            return True
        slice_ = indexed(value)
        return slice_ is not None and self.is_named(slice_.source)

    def is_named(self, value: Value) -> bool:
        """Whether a value needs no view of another to be named."""
        reference = self.of(value)
        return not reference.views and self._has_name(reference.holder)

    def _adopted(self, product: Value) -> Reference | None:
        """The named view of a product, and the way back from it."""
        if id(product) not in self._contracted:
            return None
        waiting = [Reference(product)]
        for value, views in waiting:
            if views and self._authored.is_whole(value):
                return Reference(value, inverse(views))
            for user in value.users:
                view = view_of(user.eqn, user.out) if user.kind == "equation" else None
                if view is not None and user.phase == product.phase:
                    waiting.append(Reference(user, (*views, view[0])))
        return None
