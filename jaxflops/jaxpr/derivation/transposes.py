"""Whether one contraction can be the transpose of another in one of its operands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from jaxflops.jaxpr.derivation.labels import Axes, Labels, labels_of, permute, product_of
from jaxflops.jaxpr.derivation.values import Contraction, Value
from jaxflops.jaxpr.derivation.views_of import view_of


class Fit(NamedTuple):
    """How a product transposes another one.

    role: the operand of the other product whose gradient it is; cotangent: which of its own
      operands is the cotangent; out: its result's axes, labelled as the other product's
      (empty for a convolution, whose transposes keep the operand's layout); turned: the operand
      is a permutation of the cotangent, as where a backward rule by hand writes `g.T @ q`.
    """

    role: int
    cotangent: int
    out: Axes = ()
    turned: bool = False


def fits(backward: Contraction, forward: Contraction) -> Iterator[Fit]:
    """Every way in which `backward` can be a transpose of `forward`."""
    if backward.name != forward.name or backward.name not in _FITS:
        return
    for cotangent in (0, 1):
        if backward.operands[cotangent].shape != forward.value.shape:
            continue
        yield from _FITS[forward.name](backward, forward, cotangent)
    if forward.name == "dot_general":
        yield from _turned(backward, forward)


def dot_labels(product: Contraction) -> Labels:
    """The labels of a `dot_general`'s axes."""
    left, right = (len(operand.shape) for operand in product.operands[:2])
    return labels_of(product.eqn.params["dimension_numbers"], left, right)


def _turned(backward: Contraction, forward: Contraction) -> Iterator[Fit]:
    """Transposes that read a permutation of the cotangent."""
    out = dot_labels(forward).out
    for cotangent in (0, 1):
        base, permutation = unpermuted(backward.operands[cotangent])
        if permutation != tuple(range(len(permutation))) and base.shape == forward.value.shape:
            seen = permute(out, permutation)
            for fit in _dots(backward, forward, cotangent, seen):
                yield fit._replace(turned=True)


def _dots(
    backward: Contraction, forward: Contraction, cotangent: int, seen: Axes | None = None
) -> Iterator[Fit]:
    labels = dot_labels(forward)
    numbers = backward.eqn.params["dimension_numbers"]
    read = labels.out if seen is None else seen
    for role in (0, 1):
        sibling = _as_seen(
            forward.operands[1 - role], labels.operands[1 - role], backward.operands[1 - cotangent]
        )
        if sibling is None:
            continue
        pair = (read, sibling) if cotangent == 0 else (sibling, read)
        out = product_of(numbers, *pair)
        if out is not None and sorted(out) == sorted(labels.operands[role]):
            yield Fit(role, cotangent, out)


def _as_seen(value: Value, labels: Axes, other: Value) -> Axes | None:
    """Labels of `other`'s axes, if it is `value` up to a permutation."""
    base, permutation = unpermuted(value)
    other_base, other_permutation = unpermuted(other)
    if base.number != other_base.number:
        return None
    plain = [0] * len(labels)
    for axis, source in enumerate(permutation):
        plain[source] = labels[axis]
    return permute(plain, other_permutation)


def unpermuted(value: Value) -> tuple[Value, Axes]:
    """What it is a permutation of, and that permutation."""
    order = tuple(range(len(value.shape)))
    while value.kind == "equation" and (view := view_of(value.eqn, value.out)) is not None:
        step, operand = view
        if step.kind == "transpose":
            order = permute(step.there, order)
        elif step.kind != "same":
            break
        value = value.inputs[operand]
    return value, order


def _convolutions(backward: Contraction, forward: Contraction, cotangent: int) -> Iterator[Fit]:
    sibling = unviewed(backward.operands[1 - cotangent]).number
    for role in (0, 1):
        same = unviewed(forward.operands[1 - role]).number == sibling
        if same and backward.value.shape == forward.operands[role].shape:
            yield Fit(role, cotangent)


def unviewed(value: Value) -> Value:
    """What it is a view, or a reversal, of: JAX reverses the kernel and splits its groups."""
    while value.kind == "equation":
        view = view_of(value.eqn, value.out)
        if view is None and value.eqn.primitive.name not in ("rev", "reshape"):
            break
        value = value.inputs[view[1] if view is not None else 0]
    return value


_FITS = {"dot_general": _dots, "conv_general_dilated": _convolutions}
