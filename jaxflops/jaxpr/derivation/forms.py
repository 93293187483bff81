"""The right-hand side of a row, in the names of its arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.derivation.convolution_form import convolution
from jaxflops.jaxpr.derivation.labels import Axes
from jaxflops.jaxpr.derivation.plan import Planned
from jaxflops.jaxpr.derivation.product_form import letters_for, product, result, term
from jaxflops.jaxpr.derivation.transposes import dot_labels
from jaxflops.jaxpr.derivation.values import Contraction, Value
from jaxflops.jaxpr.derivation.views_of import inverse, show, show_sizes
from jaxflops.jaxpr.symbols import to_count
from jaxflops.polynomial import Count

Shape = tuple[Count, ...]


class Formed(NamedTuple):
    """The text, and the shapes of operands and product as the text has them."""

    text: str
    shapes: tuple[Shape, ...]


def dot_form(plan: Planned, names: Sequence[str]) -> Formed:
    """`x @ w`, or an einsum where it is no plain product."""
    model, pair = plan.model, plan.pair
    labels = dot_labels(model)
    sizes = _sizes(model, labels)
    operands, out = list(labels.operands), labels.out
    if pair is not None:
        operands[pair.fit.role], out = labels.out, pair.fit.out
    terms = [
        term(name, operand.views, axes)
        for name, operand, axes in zip(names, plan.operands, operands, strict=True)
    ]
    axes, views = result(inverse(plan.out.views), out)
    letters = letters_for(labels, sizes, _spec(model))
    if letters.exchanged:
        terms.reverse()
    written = product(terms[0], terms[1], axes, letters.of)
    shapes = [*(operand.labels for operand in written.operands), axes]
    text = _viewed(written.text, views)
    return Formed(text, tuple(tuple(sizes[n] for n in shape) for shape in shapes))


def other_form(plan: Planned, names: Sequence[str]) -> Formed:
    """A convolution, or any other primitive by its own name."""
    texts = [show(name, n.views) for name, n in zip(names, plan.operands, strict=True)]
    arrays = list(plan.product.operands)
    if plan.pair is not None:
        arrays = list(plan.pair.forward.operands)
        arrays[plan.pair.fit.role] = plan.pair.forward.value
    shapes = tuple(_shape(value) for value in (*arrays, plan.product.value))
    if plan.product.name == "conv_general_dilated":
        role = plan.pair.fit.role if plan.pair is not None else None
        shape = f"({show_sizes(plan.product.value.shape)})"
        text = convolution(texts, plan.model.eqn.params, role, shape)
    else:
        text = f"{plan.product.name}({', '.join(texts)})"
    return Formed(_viewed(text, inverse(plan.out.views)), shapes)


def _viewed(text: str, views: tuple[object, ...]) -> str:
    grouped = f"({text})" if views and " @ " in text and "einsum(" not in text else text
    return show(grouped, views)  # type: ignore[arg-type]


def _sizes(product: Contraction, labels: Sequence[Axes]) -> dict[int, Count]:
    shapes = [operand.shape for operand in product.operands[:2]]
    return {
        label: to_count(size)
        for axes, shape in zip(labels, shapes, strict=False)
        for label, size in zip(axes, shape, strict=True)
    }


def _shape(value: Value) -> Shape:
    return tuple(to_count(size) for size in value.shape)


def _spec(product: Contraction) -> str:
    """The einsum that JAX's name scope says a product is."""
    return _jax.einsum_of(product.eqn.source_info.name_stack.stack)
