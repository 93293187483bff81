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
      (empty for a convolution, whose transposes keep the operand's layout).
    """

    role: int
    cotangent: int
    out: Axes = ()


def fits(backward: Contraction, forward: Contraction) -> Iterator[Fit]:
    """Every way in which `backward` can be a transpose of `forward`."""
    if backward.name != forward.name or backward.name not in _FITS:
        return
    for cotangent in (0, 1):
        if backward.operands[cotangent].shape != forward.value.shape:
            continue
        yield from _FITS[forward.name](backward, forward, cotangent)


def dot_labels(product: Contraction) -> Labels:
    """The labels of a `dot_general`'s axes."""
    left, right = (len(operand.shape) for operand in product.operands[:2])
    return labels_of(product.eqn.params["dimension_numbers"], left, right)


def _dots(backward: Contraction, forward: Contraction, cotangent: int) -> Iterator[Fit]:
    labels = dot_labels(forward)
    numbers = backward.eqn.params["dimension_numbers"]
    for role in (0, 1):
        sibling = _as_seen(
            forward.operands[1 - role], labels.operands[1 - role], backward.operands[1 - cotangent]
        )
        if sibling is None:
            continue
        pair = (labels.out, sibling) if cotangent == 0 else (sibling, labels.out)
        out = product_of(numbers, *pair)
        if out is not None and sorted(out) == sorted(labels.operands[role]):
            yield Fit(role, cotangent, out)


def _as_seen(value: Value, labels: Axes, other: Value) -> Axes | None:
    """Labels of `other`'s axes, if it is `value` up to a permutation."""
    base, permutation = _unpermuted(value)
    other_base, other_permutation = _unpermuted(other)
    if base.number != other_base.number:
        return None
    plain = [0] * len(labels)
    for axis, source in enumerate(permutation):
        plain[source] = labels[axis]
    return permute(plain, other_permutation)


def _unpermuted(value: Value) -> tuple[Value, Axes]:
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
