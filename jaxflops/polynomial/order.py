"""Orders proved for all sizes: symbols are integers >= 1, open trip counts integers >= 0."""

from __future__ import annotations

from jaxflops.errors import JaxflopsError
from jaxflops.polynomial.notation import to_text
from jaxflops.polynomial.terms import (
    ONE,
    Atom,
    Coefficient,
    Terms,
    add,
    constant,
    multiply,
    symbols,
)


def is_less(left: Terms, right: Terms) -> bool:
    """Whether left < right at all sizes; raises where that depends on the sizes."""
    above, below = lower_bound(add(right, left, -1)), lower_bound(add(left, right, -1))
    if above is not None and above > 0:
        return True
    if below is not None and below >= 0:
        return False
    raise JaxflopsError(
        f"cannot order {to_text(left)} and {to_text(right)} for all sizes; give sizes with "
        + sizes_hint(left, right)
    )


def sizes_hint(*sums: Terms) -> str:
    """The call of `.at` that would give every symbol a size."""
    names = sorted({name for terms in sums for name in symbols(terms)})
    if all(name.isidentifier() for name in names):
        return f".at({', '.join(f'{name}=...' for name in names)})"
    return f".at(**{{{', '.join(f'{name!r}: ...' for name in names)}}})"


def lower_bound(terms: Terms) -> Coefficient | None:
    """A proved lower bound (reached where there are no calls), or None.

    Every atom is written as its least value plus something >= 0; if then no coefficient but the
    constant is negative, the constant is the bound.
    """
    shifted: Terms = {}
    for monomial, coefficient in terms.items():
        part: Terms = {ONE: coefficient}
        for atom, exponent in monomial:
            least = _least(atom)
            if least is None:
                return None
            for _ in range(exponent):
                part = multiply(part, add({((atom, 1),): 1}, constant(least)))
        shifted = add(shifted, part)
    bound = shifted.pop(ONE, 0)
    return bound if all(value > 0 for value in shifted.values()) else None


def _least(atom: Atom) -> Coefficient | None:
    if isinstance(atom, str):
        return 0 if "(" in atom else 1
    if atom.operator in ("ceil_log2", "ceil_pow2"):
        return int(atom.operator == "ceil_pow2")
    lows = [lower_bound(dict(argument)) for argument in atom.arguments]
    known = [low for low in lows if low is not None]
    if atom.operator == "max":
        return max(known, default=None)
    if len(known) < len(lows):
        return 0 if atom.operator == "mod" and lows[1] is not None and lows[1] > 0 else None
    if atom.operator == "min":
        return min(known)
    return 0 if known[1] > 0 and (atom.operator == "mod" or known[0] >= 0) else None
