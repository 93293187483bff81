"""Where a gradient is summed: a value that is used several times gets one term from each use."""

from __future__ import annotations

from typing import NamedTuple

from jaxflops.jaxpr.derivation.values import Value
from jaxflops.jaxpr.derivation.views_of import view_of

_SUMS = ("add_any", "add")  # of cotangents by JAX; by hand in a custom_vjp
_FAR = 64  # sums and views that are searched for a carry


class Sum(NamedTuple):
    """The whole that a gradient's term is added into; itself if it is the only one."""

    root: Value
    is_term: bool


class Sums:
    """The sums of one program; each step of the way is followed once."""

    def __init__(self) -> None:
        self._known: dict[Value, Sum] = {}

    def of(self, term: Value) -> Sum:
        """Follow a term through views, loops' carries and stacks to the last addition."""
        way = [term]
        while way[-1] not in self._known and (following := _next(way[-1])) is not None:
            way.append(following)
        found = self._known.setdefault(way[-1], Sum(way[-1], is_term=False))
        for value, following in zip(reversed(way[:-1]), reversed(way[1:]), strict=True):
            stays = found.root is following and following.kind not in ("final", "choice")
            is_sum = _is_sum(following)
            found = Sum(value if stays and not is_sum else found.root, found.is_term or is_sum)
            self._known[value] = found
        return Sum(whole(found.root), found.is_term)


def whole(value: Value) -> Value:
    """What a cotangent is a view of, in the iteration that computed it."""
    while True:
        if value.kind == "carry" and value.feedback is not None and not _accumulates(value):
            value = value.feedback
        elif value.kind == "equation" and (view := view_of(value.eqn, value.out)) is not None:
            value = value.inputs[view[1]]
        else:
            return value


def _next(value: Value) -> Value | None:
    """The sum that the value goes into, else the one view of it, else its loop's result."""
    users = [user for user in value.users if user.phase == "backward"]
    sums = [user for user in users if _is_sum(user)]
    if sums:
        return sums[0]
    carries = [user for user in users if user.kind == "carry" and user.feedback is value]
    if carries and not _accumulates(carries[0]):
        return None
    results = [user for user in value.users if user.kind in ("final", "stack", "choice")]
    if results:
        return results[0]
    views = [u for u in users if u.kind == "equation" and view_of(u.eqn, u.out) is not None]
    return views[0] if len(views) == 1 and len(users) == 1 else None


def _is_sum(value: Value) -> bool:
    return value.kind == "equation" and value.eqn.primitive.name in _SUMS


def _accumulates(carry: Value) -> bool:
    """Whether each iteration adds to the carry: the carry's next value is a sum with it."""
    pending = [carry.feedback]
    for _ in range(_FAR):
        if not pending:
            break
        value = pending.pop()
        if value is carry:
            return True
        if value is None or value.kind != "equation":
            continue
        view = view_of(value.eqn, value.out)
        if view is not None:
            pending.append(value.inputs[view[1]])
        elif _is_sum(value):
            pending.extend(value.inputs)
    return False
