"""Views: the same elements in another shape, order or dtype; how they read, and how they undo."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.dtypes import float_bits
from jaxflops.jaxpr.symbols import to_count
from jaxflops.polynomial import Polynomial

ViewKind = Literal["transpose", "reshape", "cast", "same"]

# The value itself, as far as a reader is concerned: marks for compilers and autodiff.
_SAME = frozenset(
    [
        "copy",
        "copy_p",
        "name",
        "optimization_barrier",
        "pvary",
        "pcast",
        "mesh_cast",
        "reshard",
        "sharding_constraint",
        "layout_constraint",
        "stop_gradient",
    ]
)


class View(NamedTuple):
    """One step: a permutation of the axes, a shape or a dtype, and what leads back."""

    kind: ViewKind
    there: Any = None
    back: Any = None

    @property
    def inverse(self) -> View:
        """The step that undoes it."""
        return View(self.kind, self.back, self.there)


Views = tuple[View, ...]


def view_of(eqn: Any, out: int = 0) -> tuple[View, int] | None:
    """The step an equation's result is of one of its operands, and which; None for real work."""
    name, params = eqn.primitive.name, eqn.params
    if name in _SAME:
        return View("same"), out if name == "optimization_barrier" else 0
    before, after = eqn.invars[0].aval if eqn.invars else None, eqn.outvars[0].aval
    if name == "transpose":
        return transposition(params["permutation"]), 0
    if name == "convert_element_type":
        return _cast(before, after)
    if name == "reduce_precision":
        return (View("same"), 0) if _keeps_precision(before, params) else None
    return _reshape(name, params, before, after)


def _cast(before: Any, after: Any) -> tuple[View, int] | None:
    if before.dtype == after.dtype:
        return View("same"), 0
    if _jax.category(before) == _jax.category(after) == "float":
        return View("cast", str(after.dtype), str(before.dtype)), 0
    return None


def _reshape(name: str, params: Any, before: Any, after: Any) -> tuple[View, int] | None:
    """Reshapes, also those called squeeze, expand_dims, broadcast or a sum over axes of size 1."""
    if name == "broadcast_in_dim":
        kept = tuple(after.shape[axis] for axis in params["broadcast_dimensions"])
        others = set(range(len(after.shape))) - set(params["broadcast_dimensions"])
        fits = kept == tuple(before.shape) and all(_is_one(after.shape[i]) for i in others)
    elif name == "reduce_sum":
        fits = all(_is_one(before.shape[axis]) for axis in params["axes"])
    elif name == "reshape":
        fits = params.get("dimensions") is None
    else:
        fits = name in ("squeeze", "expand_dims")
    if not fits:
        return None
    if tuple(before.shape) == tuple(after.shape):
        return View("same"), 0
    return View("reshape", tuple(after.shape), tuple(before.shape)), 0


def _is_one(size: Any) -> bool:
    return type(size) is int and size == 1


def _keeps_precision(aval: Any, params: Any) -> bool:
    info = float_bits(aval)
    return info == (params["exponent_bits"], params["mantissa_bits"])


def transposition(permutation: Iterable[int]) -> View:
    """The step `transpose(x, permutation)`."""
    there = tuple(permutation)
    return View("transpose", there, tuple(sorted(range(len(there)), key=there.__getitem__)))


def simplify(views: Iterable[View]) -> Views:
    """Neighbours merged where the result is the same; steps that do nothing left out."""
    done: list[View] = []
    for view in views:
        merged = _merge(done[-1], view) if done else None
        if merged is not None:
            done[-1] = merged
        else:
            done.append(view)
        if _does_nothing(done[-1]):
            done.pop()
    return tuple(done)


def _does_nothing(view: View) -> bool:
    if view.kind == "transpose":
        return tuple(view.there) == tuple(range(len(view.there)))
    return view.kind == "same"


def _merge(first: View, second: View) -> View | None:
    if "same" in (first.kind, second.kind):
        return second if first.kind == "same" else first
    if first.kind != second.kind or first.kind == "cast":
        return None
    if first.kind == "transpose":
        return transposition(first.there[axis] for axis in second.there)
    merged = View("reshape", second.there, first.back)
    return View("same") if merged.there == merged.back else merged


def inverse(views: Views) -> Views:
    """The steps that lead from the last array back to the first."""
    return tuple(view.inverse for view in reversed(views))


def split_transpose(views: Views) -> tuple[Views, tuple[int, ...] | None]:
    """The steps before the last permutation, and that permutation (None: the order is kept).

    Casts do not mind the order of the axes, so they may stand after it.
    """
    for i in range(len(views) - 1, -1, -1):
        if views[i].kind == "transpose":
            rest = views[:i] + views[i + 1 :]
            return simplify(rest), views[i].there
        if views[i].kind == "reshape":
            break
    return views, None


def show(text: str, views: Views) -> str:
    """`w.T`, `x.reshape(8, D)`, `x.astype(bfloat16)`."""
    return text + "".join(_show(view) for view in views)


def _show(view: View) -> str:
    if view.kind == "cast":
        return f".astype({view.there})"
    if view.kind == "reshape":
        return f".reshape({show_sizes(view.there)})"
    return ".T" if view.there == (1, 0) else f".transpose({', '.join(map(str, view.there))})"


def show_sizes(shape: Iterable[Any]) -> str:
    """`8, 2*B`: sizes as Python has them."""
    counts = (to_count(size) for size in shape)
    return ", ".join(c.to_python() if isinstance(c, Polynomial) else str(c) for c in counts)
