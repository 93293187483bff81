"""jaxflops and five counters that install beside it: how each is asked, and what its number is.

The scoreboard asks for contractions. A counter that tells them apart must give them exactly. The
others have one number for all work: it must not be below the contractions, nor above them by more
than all other arithmetic of the case (`Reading.others`), so that any convention for elementwise
work, transcendentals or integers is right.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from counting.cases import Case


class Counter(NamedTuple):
    """How to ask a counter.

    says: which of its numbers is judged. exact: it has contractions apart.
    package: what it imports that JAX does not bring.
    """

    name: str
    ask: Callable[[Case], int]
    says: str
    exact: bool = False
    package: str = ""


def jaxflops(case: Case) -> int:
    import jaxflops as jf

    count = jf.analyze(case.fn)(*case.args).matmul_flops
    if not isinstance(count, int):
        raise TypeError(f"not a number: {count}")
    return count


def roofline(case: Case) -> int:
    from jax.experimental.roofline import roofline as experimental

    return int(experimental(case.fn)(*case.args)[1].unfused_flops)


def estimate_cost(case: Case) -> int:
    from jax.experimental import pallas

    return int(pallas.estimate_cost(case.fn, *case.args).flops)


def lowered(case: Case) -> int:
    return _flops(jax.jit(case.fn).lower(*case.args).cost_analysis())


def compiled(case: Case) -> int:
    return _flops(jax.jit(case.fn).lower(*case.args).compile().cost_analysis())


def _flops(reported: Any) -> int:
    """XLA's number; a key whose value is 0 is absent. Its float32 sums are exact below 2**24."""
    if not isinstance(reported, dict):
        raise TypeError(f"cost_analysis() gave {reported!r}")
    return int(reported.get("flops", 0))


def tabulate(case: Case) -> int:
    """The `flops` column of the row of a module that does nothing but call the program."""
    from flax import nnx

    class Program(nnx.Module):
        def __call__(self, *args: Any) -> Any:
            return case.fn(*args)

    arrays = jax.tree.map(lambda spec: jnp.ones(spec.shape, spec.dtype), case.args)
    plain = {"width": 400, "force_terminal": False, "force_jupyter": False}
    table = nnx.tabulate(Program(), *arrays, compute_flops=True, console_kwargs=plain)
    (row,) = (line for line in table.splitlines() if "│ Program │" in line)
    found = re.search(r"│\s*(\d+)\s*│\s*$", row)
    if not found:
        raise ValueError(f"no FLOPs in {row!r}")
    return int(found[1])


COUNTERS = {
    counter.name: counter
    for counter in (
        Counter("jaxflops", jaxflops, "`jf.analyze(fn)(*args).matmul_flops`", exact=True),
        Counter(
            "jax roofline",
            roofline,
            "`unfused_flops` of `jax.experimental.roofline`",
            package="absl",
        ),
        Counter("pallas estimate_cost", estimate_cost, "`flops` of `pallas.estimate_cost`"),
        Counter("XLA lowered", lowered, "`flops` of `Lowered.cost_analysis()`"),
        Counter("XLA compiled", compiled, "`flops` of `Compiled.cost_analysis()`"),
        Counter(
            "Flax NNX tabulate",
            tabulate,
            "the column `flops` of `flax.nnx.tabulate`",
            package="flax",
        ),
    )
}
