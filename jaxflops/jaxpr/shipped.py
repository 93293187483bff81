"""Rules that other packages ship: entry points of the group `jaxflops.rules`.

An entry point's name is the primitive's; its object is a cost formula, or its module registers
rules with the decorators. One is loaded when a program first holds its primitive.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points

from jaxflops.errors import JaxflopsError
from jaxflops.jaxpr.registry import BODY_RULES, COST_RULES, cost_rule

GROUP = "jaxflops.rules"


def load(name: str) -> bool:
    """Whether a package ships a rule for this primitive, which has none yet; it is registered.

    Raises JaxflopsError where the rule cannot be loaded, or two packages ship one.
    """
    found = _shipped().get(name, [])
    if not found:
        return False
    if len(found) > 1:
        packages = " and ".join(sorted({_package(entry) for entry in found}))
        raise _wrong(name, f"{packages} each ship one; uninstall all but one")
    _register(name, found[0])
    return True


@lru_cache(maxsize=1)
def _shipped() -> dict[str, list[EntryPoint]]:
    by_name: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        by_name.setdefault(entry.name, []).append(entry)
    return by_name


def _register(name: str, entry: EntryPoint) -> None:
    where = f"{_package(entry)} ships {entry.value!r}"
    try:
        rule = entry.load()
    except Exception as error:  # whatever importing the package raises
        raise _wrong(name, f"{where}, and loading it fails: {error!r}") from error
    if name in COST_RULES or name in BODY_RULES:  # its decorators have run
        return
    if not callable(rule):
        raise _wrong(
            name, f"{where}, which is neither a cost formula nor a module that registers a rule"
        )
    cost_rule(name, oracle=f"shipped by {_package(entry)}")(rule)


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "a package"


def _wrong(name: str, reason: str) -> JaxflopsError:
    return JaxflopsError(
        f"the rule for primitive {name!r} (entry points {GROUP!r}): {reason}; "
        f"or pass your own: jf.analyze(fn, rules={{{name!r}: rule}})(*args)"
    )
