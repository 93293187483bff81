"""XLA's own cost analysis of a program, taken as it comes."""

from __future__ import annotations

from typing import Any


def reported(stage: Any) -> dict[str, float] | None:
    """`cost_analysis()` of a `Lowered` or `Compiled` as a dict; None where XLA reports nothing.

    Older JAX wraps a compiled program's dictionary in a list; some backends raise or give None.
    Values are as XLA gives them, negative ones too; keys whose value is zero are absent, so that
    an empty dict says that all are.
    """
    try:
        found = stage.cost_analysis()
    except Exception:  # noqa: BLE001 - backends without an analysis raise their own errors
        return None
    if isinstance(found, (list, tuple)):
        found = found[0] if len(found) == 1 else None
    return dict(found) if isinstance(found, dict) else None
