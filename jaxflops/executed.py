"""`jf.analyze_executed`: run a program and count what it really did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
from jax.tree_util import keystr, tree_flatten_with_path

from jaxflops.analysis import provenance
from jaxflops.compare import stage
from jaxflops.errors import JaxflopsError
from jaxflops.jaxpr import _jax, derivation
from jaxflops.jaxpr.constants import with_constants
from jaxflops.jaxpr.counters import read
from jaxflops.jaxpr.execute import execute
from jaxflops.jaxpr.footprint import footprint
from jaxflops.jaxpr.observed import observed
from jaxflops.jaxpr.op import Convolutions
from jaxflops.jaxpr.options import Options
from jaxflops.jaxpr.program import How, Mode, Program, function_name, remove_dead_code
from jaxflops.jaxpr.trace import named
from jaxflops.jaxpr.walk import walk
from jaxflops.polynomial import Count
from jaxflops.results import Analysis


def analyze_executed(  # noqa: PLR0913 - the options of one front door
    fn: Any,
    *misplaced: Any,
    mode: Mode = "call",
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    static_argnums: int | Sequence[int] = (),
    trip_counts: Mapping[str, Count] | None = None,
    strict: bool = False,
    conv: Convolutions = "taps",
    rules: Mapping[str, Any] | None = None,
) -> AnalyzeExecuted:
    """Run `fn` and count it: `jf.analyze_executed(fn)(*args) -> (outputs, Analysis)`.

    Loops and branches that data decides are counted as often as they really ran, summed over
    enclosing loops; `analysis.executions` says how often that was. The outputs are those of
    `jax.jit(fn)`, or of its gradient, to rounding: around counters XLA may fuse otherwise.

    fn: a function of arrays, jitted or not, transformed or not.
    mode, argnums, has_aux, static_argnums, strict, conv, rules: as in `jf.analyze`.

    The program is compiled with integer counters in it and run once, without donation. What runs
    inside a sharded body or a kernel is not observed, and stays as `jf.analyze` has it;
    `trip_counts` closes a loop there, and gives way to what is observed elsewhere. Raises
    JaxflopsError for arguments that are not arrays.
    """
    if misplaced:
        raise JaxflopsError(
            "the arguments go in a second call: jf.analyze_executed(fn, mode=...)(*args, **kwargs)"
        )
    how = How(mode, argnums, has_aux, static_argnums)
    options = Options(conv, trip_counts=trip_counts or {}, strict=strict, rules=rules or {})
    return AnalyzeExecuted(fn, how, options)


@dataclass(frozen=True)
class AnalyzeExecuted:
    """`jf.analyze_executed(fn, ...)`, waiting for the function's arguments."""

    fn: Any
    how: How
    options: Options

    def __call__(self, *args: Any, **kwargs: Any) -> tuple[Any, Analysis]:  # noqa: D102
        _need_arrays(args, kwargs)
        if not callable(self.fn) or isinstance(self.fn, jax.stages.Traced):
            raise JaxflopsError(
                f"jf.analyze_executed got {type(self.fn).__name__}; pass the function itself"
            )
        how = self.how.from_the_front(len(args))
        traced = stage.trace(self.fn, how, args, kwargs)
        jaxpr, name = _jax.expand_high(traced.jaxpr), function_name(self.fn)
        program = named(self.fn, name, how, jaxpr, args, kwargs, how.static)
        live, used = remove_dead_code(program, to_run=True)
        closed = with_constants(live, jaxpr)
        leaves = _leaves(traced, how, args, kwargs)
        run = jax.jit(execute(closed))
        results, counts = run(*(x for x, wanted in zip(leaves, used, strict=True) if wanted))
        found = {key: read(counter) for key, counter in counts.items()}
        return jax.tree.unflatten(traced.out_tree, results), self._analysis(program, closed, found)

    def _analysis(self, program: Program, closed: Any, counts: Mapping[Any, int]) -> Analysis:
        tree, seen = observed(closed, walk(closed, self.options), counts)
        return Analysis(
            tree,
            provenance(program, self.options).noting("loops and branches", "as executed"),
            partial(derivation.derive, program, self.options, tree),
            seen,
            partial(footprint, program),
        )

    def __repr__(self) -> str:
        name = function_name(self.fn)
        return f"<jf.analyze_executed({name}): call it with {name}'s arguments, real arrays>"


def _need_arrays(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    for path, leaf in tree_flatten_with_path((args, kwargs))[0]:
        if isinstance(leaf, jax.ShapeDtypeStruct):
            raise JaxflopsError(
                f"jf.analyze_executed runs the function, so argument {keystr(path[1:])} must be an "
                f"array, not {type(leaf).__name__}({_jax.show_aval(leaf)}); to count without "
                "running, write jf.analyze"
            )
        if isinstance(leaf, jax.core.Tracer):
            raise JaxflopsError(
                "jf.analyze_executed was called inside a JAX transformation; put the "
                "transformation inside: jf.analyze_executed(jax.vmap(fn))(*args)"
            )


def _leaves(traced: Any, how: How, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
    """The flat arguments that a traced program takes, static ones left out."""
    wanted_args, wanted_kwargs = jax.tree.unflatten(
        traced.in_tree, range(traced.in_tree.num_leaves)
    )
    dynamic = tuple(arg for i, arg in enumerate(args) if i not in how.static)
    if len(dynamic) != len(wanted_args):  # a jitted function with static arguments of its own
        dynamic = tuple(arg for arg in dynamic if all(map(_is_array, jax.tree.leaves(arg))))
    leaves, given = jax.tree.flatten((dynamic, {key: kwargs[key] for key in wanted_kwargs}))
    if given != traced.in_tree:
        raise JaxflopsError(
            "the static arguments cannot be told from the others: close over them, or name them "
            "in static_argnums"
        )
    return leaves


def _is_array(leaf: Any) -> bool:
    return hasattr(leaf, "shape") and hasattr(leaf, "dtype")
