"""Each primitive of the installed JAX: its state, and the oracle that verifies its rule.

    python scripts/check_rules.py [--state costed] [--summary]

Imports every module of JAX and collects the primitives they define. Exit code 1 if one of them has
no rule. States: costed; free (a view, a mark: proved to lower to no arithmetic, or declared where
no test can lower it alone); moved (bytes only); body (its jaxprs are counted); stated (JAX cannot
see what runs: unknown until the user states it); unknown.
"""

import argparse
import gc
import importlib
import os
import pkgutil
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import jax
from jax.extend.core import Primitive

from jaxflops.jaxpr.registry import BODY_RULES, COST_RULES, DECLARED
from jaxflops.jaxpr.rules.opaque import STATED

# Primitives that stand in no jaxpr that JAX hands out.
INTERNAL = {
    "custom_lin": "replaced by its rule when it is transposed",
    "custom_jvp_call_jaxpr": "a name kept for old programs; never bound",
}
OWN = {"costed", "costed_differentiated"}  # of jaxflops: jf.costed
# Primitives with bodies of which a test counts a program against the same one written out.
UNROLLED = {"scan", "while", "cond", "jit", "remat2", "custom_jvp_call", "custom_vjp_call"}
UNROLLED |= {"custom_vmap_call", "custom_linear_solve", "custom_partitioning", "linear_call"}
UNROLLED |= {"composite", "program_order", "compute_on", "remat_opt", "xla_metadata_call"}
UNROLLED |= {"shard_map", "pallas_call", "run_scoped", "run_state", "core_map", "mpmd_map"}
SKIPPED = ("jax.tools", "jax.example_libraries", ".testing", ".test_", "_test", "cloud_tpu_init")


class Row(NamedTuple):
    """One primitive."""

    name: str
    state: str
    oracle: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--state", help="list only the primitives in this state")
    parser.add_argument("--summary", action="store_true", help="print the totals alone")
    options = parser.parse_args()
    rows = [row_of(name) for name in sorted(primitives())]
    shown = [row for row in rows if options.state in (None, row.state)]
    if not options.summary:
        for row in shown:
            print(f"{row.name:36} {row.state:8} {row.oracle}")
    states = Counter(row.state for row in rows)
    costed = [row for row in rows if row.state == "costed"]
    bare = [row.name for row in costed if not row.oracle]
    defined = [row.name for row in costed if row.oracle.startswith("by definition")]
    still = [row for row in rows if row.state in ("free", "moved")]
    proved = [row for row in still if not row.oracle.startswith(DECLARED)]
    counts = ", ".join(f"{count} {state}" for state, count in states.most_common())
    print(f"jax {jax.__version__}: {len(rows)} primitives: {counts}")
    print(f"costed: {len(costed) - len(bare) - len(defined)} held against an oracle,", end=" ")
    print(f"{len(defined)} one an element by definition, {len(bare)} neither")
    bodies = [row for row in rows if row.state == "body"]
    held = sum(row.name in UNROLLED for row in bodies)
    print(f"bodies: {held} held against the program written out, {len(bodies) - held} declared")
    print(
        f"free or moved: {len(proved)} with a proof or a loop, {len(still) - len(proved)} declared"
    )
    print(f"costed without an oracle: {len(bare)}" + "".join(f"\n  {name}" for name in bare))
    for row in rows:
        if row.state == "unknown":
            print(f"unknown: {row.name}")
    return 1 if states["unknown"] else 0


def row_of(name: str) -> Row:
    """The state of a primitive, and what its rule is held against."""
    if name in INTERNAL:
        return Row(name, "internal", INTERNAL[name])
    if name in BODY_RULES:
        held = "unrolled program" if name in UNROLLED else "declared: as its parameters say"
        return Row(name, "body", held)
    rule = COST_RULES.get(name)
    if rule is None:
        return Row(name, "unknown", "")
    return Row(name, "stated" if rule.oracle == STATED else rule.state, rule.oracle)


def primitives() -> set[str]:
    """The names of all primitives that JAX's modules define."""
    missing = []
    for module in modules():
        try:
            importlib.import_module(module)
        except Exception:  # noqa: BLE001  # an optional dependency that is not there
            missing.append(module)
    print(f"{len(missing)} modules of optional dependencies not imported", file=sys.stderr)
    return {item.name for item in gc.get_objects() if isinstance(item, Primitive)} - OWN


def modules() -> Iterator[str]:
    """JAX's modules, private ones included; a package that does not import is left out."""
    for found in pkgutil.walk_packages(jax.__path__, "jax.", onerror=lambda _: None):
        if not any(part in found.name for part in SKIPPED):
            yield found.name


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    warnings.simplefilter("ignore")  # deprecated modules say so when imported
    sys.exit(main())
