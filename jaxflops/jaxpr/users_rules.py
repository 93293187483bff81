"""Rules that users write: what to tell of one that raises, and of one that no equation needs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from jaxflops.errors import JaxflopsError
from jaxflops.jaxpr import _jax


def is_ours(rule: Callable[..., Any]) -> bool:
    """Whether a rule is of jaxflops itself: what it raises is a fault of jaxflops."""
    module = str(getattr(rule, "__module__", ""))
    return module == "jaxflops" or module.startswith("jaxflops.")


def raised(error: Exception, rule: Callable[..., Any], eqn: Any) -> JaxflopsError:
    """The error of a rule that raised another one: the primitive, the rule, and the equation."""
    name = eqn.primitive.name
    shapes = ", ".join(_jax.show_aval(v.aval) for v in eqn.invars)
    return JaxflopsError(
        f"the rule of {name!r}, {written(rule)}, raised {told(error)}; "
        f"it was asked about {name}({shapes}){_place(eqn)}"
    )


def told(error: Exception) -> str:
    """Type and first line of an error."""
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}"


def written(rule: Callable[..., Any]) -> str:
    """`blur_cost (costs.py:12)`."""
    while hasattr(rule, "func"):  # functools.partial
        rule = rule.func
    rule = getattr(rule, "__wrapped__", rule)
    name = getattr(rule, "__qualname__", type(rule).__name__)
    code = getattr(rule, "__code__", None)
    return f"{name} ({Path(code.co_filename).name}:{code.co_firstlineno})" if code else name


def _place(eqn: Any) -> str:
    """` at model.py:40`, or ` in encoder/layer` where the user's code has no line in it."""
    source = _jax.TracebackSource(eqn.source_info.traceback)
    if source.file:
        return f" at {Path(source.file).name}:{source.line}"
    scope, _ = _jax.read_stack(eqn.source_info.name_stack.stack)
    return f" in {'/'.join(scope)}" if scope else ""


def unneeded(given: Iterable[str], asked: Collection[str]) -> tuple[str, ...]:
    """A note for each name in `rules=` whose rule was not asked.

    asked: the primitives of all equations that were counted by a rule.
    """
    notes = []
    for name in sorted(set(given) - set(asked)):
        close = get_close_matches(name, sorted(asked), n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        notes.append(f"rules: no equation that runs is a {name!r}, so its rule had no effect{hint}")
    return tuple(notes)
