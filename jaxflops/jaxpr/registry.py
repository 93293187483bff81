"""Two tables by primitive name: what a primitive costs, and which jaxprs it runs.

Names survive JAX moving its private modules. A cost rule is a formula; a body rule returns data,
and only the walker recurses.
"""

from __future__ import annotations

import inspect
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Protocol, TypeVar

from jaxflops.cost import ZERO, Cost
from jaxflops.errors import JaxflopsError
from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.op import Bodies, Body, OneOf, Op, OpenLoop
from jaxflops.tree import State


class CostFormula(Protocol):
    """`(op, /, *, params it reads, **_) -> Cost`."""

    def __call__(self, op: Op, /, **params: Any) -> Cost:  # noqa: D102
        ...


class BodyFormula(Protocol):
    """`(op, /, *, params it reads, **_) -> Bodies`."""

    def __call__(self, op: Op, /, **params: Any) -> Bodies:  # noqa: D102
        ...


@dataclass(frozen=True)
class CostRule:
    """How a primitive is counted.

    state: costed, free on purpose (a view), moved (bytes only).
    reads: the parameters the formula reads; with shapes and dtypes they determine the cost.
    note: a caveat that belongs to every use (an iterative algorithm's leading constant, say); it
      may quote parameters that the formula reads, as `{name}`.
    oracle: what verifies the rule.
    """

    formula: CostFormula
    state: State
    reads: tuple[str, ...]
    note: str = ""
    oracle: str = ""


PROVED = "lowers to no arithmetic"
"""The oracle of a free or moved primitive of which a test lowers a program and finds none: XLA's,
or inside kernels that of Mosaic."""
INDICES = "lowers to arithmetic on indices and flags alone"
"""That of one whose address, mesh position or barrier takes integers, one at a time."""
SAME = "returns its operand"
"""That of one that is run, since nothing lowers it."""
DECLARED = "declared: "
"""How that of one begins that no test can lower; the reason follows."""

COST_RULES: dict[str, CostRule] = {}
BODY_RULES: dict[str, BodyFormula] = {}

F = TypeVar("F", bound=Callable[..., Any])


def make_rule(
    formula: CostFormula, state: State = "costed", note: str = "", oracle: str = ""
) -> CostRule:
    """A rule for `formula`, with the parameters that its signature says it reads."""
    parameters = inspect.signature(formula).parameters.values()
    reads = tuple(p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY)
    return CostRule(formula, state, reads, note, oracle)


def cost_rule(
    *names: str, state: State = "costed", note: str = "", oracle: str = ""
) -> Callable[[F], F]:
    """Register a formula for primitives by name.

    The formula takes the `Op` (shapes, dtypes) and, keyword-only, the parameters it reads; the
    rest goes to `**_`. It returns the arithmetic; bytes are added (operands read, results
    written) unless it gives its own. A second rule for a name raises JaxflopsError.
    """
    _check_names("cost_rule", names)

    def register(formula: F) -> F:
        rule = make_rule(formula, state, note, oracle)
        for name in names:
            _add(COST_RULES, name, rule)
        return formula

    return register


def body_rule(*names: str) -> Callable[[F], F]:
    """Register which jaxprs primitives run, how often, and how values pass in and out.

    The formula takes what a cost rule's does and returns a `Body`, several, or a choice of them
    (`OneOf`).
    """
    _check_names("body_rule", names)

    def register(formula: F) -> F:
        for name in names:
            _add(BODY_RULES, name, _bodies_of(formula))
        return formula

    return register


def _bodies_of(formula: Callable[..., Any]) -> BodyFormula:
    """The formula with one Body as a tuple of one; JaxflopsError for what is none."""

    @wraps(formula)
    def bodies(op: Op, /, **params: Any) -> Bodies:
        found = formula(op, **params)
        if isinstance(found, (OneOf, OpenLoop)):
            return found
        several = (found,) if isinstance(found, Body) else found
        if isinstance(several, (tuple, list)) and all(map(_is_body, several)):
            return tuple(several)
        raise JaxflopsError(
            f"the body rule of {op.name!r} gave {found!r}; it gives a jf.Body(jaxpr, times), or a "
            "tuple of them, each with a jaxpr"
        )

    return bodies


def _is_body(body: Any) -> bool:
    return isinstance(body, Body) and _jax.is_jaxpr(body.jaxpr)


def _check_names(decorator: str, names: tuple[Any, ...]) -> None:
    if not names or not all(isinstance(name, str) for name in names):
        given = ", ".join(map(repr, names))
        raise JaxflopsError(
            f"@jf.{decorator}({given}): it takes the primitive's name, as in "
            f"@jf.{decorator}('blur')"
        )


def free(*names: str, oracle: str = "") -> None:
    """Declare primitives free on purpose: views and bookkeeping that move no data."""
    cost_rule(*names, state="free", oracle=oracle)(_nothing)


def moved(*names: str, oracle: str = "") -> None:
    """Declare primitives that move bytes and compute nothing."""
    cost_rule(*names, state="moved", oracle=oracle)(_nothing)


def override(rules: Mapping[str, Any] | None) -> Mapping[str, CostRule]:
    """The cost rules with `rules` (name -> formula or CostRule) in front, for one call."""
    if not rules:
        return COST_RULES
    if not isinstance(rules, Mapping) or not all(map(_is_rule, rules.values())):
        raise JaxflopsError(f"rules={rules!r}: write a formula for each name, as in {{'blur': fn}}")
    own = {n: r if isinstance(r, CostRule) else make_rule(r) for n, r in rules.items()}
    return ChainMap(own, COST_RULES)  # sees rules that packages register during the walk


def _is_rule(rule: Any) -> bool:
    return isinstance(rule, CostRule) or callable(rule)


def _nothing(_op: Op, /, **_: Any) -> Cost:
    return ZERO


def _add(table: dict[str, Any], name: str, rule: Any) -> None:
    if name in table:
        raise JaxflopsError(
            f"primitive {name!r} already has a rule; to replace it for one call write "
            f"jf.analyze(fn, rules={{{name!r}: rule}})(*args)"
        )
    table[name] = rule
