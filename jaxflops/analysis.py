"""The front doors: functions that users call, each curried as `jax.make_jaxpr` is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jaxlib.version

from jaxflops._version import __version__
from jaxflops.branches import BranchPolicy
from jaxflops.errors import JaxflopsError
from jaxflops.interpolated import Interpolated, fit
from jaxflops.jaxpr import derivation
from jaxflops.jaxpr.constants import with_constants
from jaxflops.jaxpr.footprint import footprint
from jaxflops.jaxpr.op import Convolutions
from jaxflops.jaxpr.options import Options
from jaxflops.jaxpr.program import How, Mode, Program, function_name, remove_dead_code
from jaxflops.jaxpr.samples import made
from jaxflops.jaxpr.trace import trace
from jaxflops.jaxpr.walk import walk
from jaxflops.polynomial import Count
from jaxflops.results import Analysis, Provenance


def analyze(  # noqa: PLR0913 - the options of one front door
    fn: Any,
    *misplaced: Any,
    mode: Mode = "call",
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    static_argnums: int | Sequence[int] = (),
    strict: bool = False,
    conv: Convolutions = "taps",
    branch: BranchPolicy | int | str = "max",
    trip_counts: Mapping[str, Count] | None = None,
    rules: Mapping[str, Any] | None = None,
) -> Analyze:
    """Count what `fn`, or its gradient, costs: `jf.analyze(fn, mode="grad")(*args) -> Analysis`.

    fn: a function of arrays, jitted or not, a `jax.stages.Traced`, or a ClosedJaxpr.
    mode: count `fn` itself ("call"), `jax.grad`, `jax.value_and_grad`, or `jax.vjp` and its
      pullback (cotangents are inputs, made from the output shapes).
    argnums, has_aux, static_argnums: as in `jax.grad` and `jax.jit`.
    strict: raise UnknownCostError for a primitive without a rule.
    conv: count the `taps` that meet real input, or the `nominal` ones, padding included.
    branch: what a data-dependent `cond` costs: "max", "min", "sum", a branch's index, or the
      name of its function.
    trip_counts: trips of `while` loops whose condition data decides, by scope path or
      `file:line`; others are inferred, or stay symbols.
    rules: cost rules by primitive name, for this call only.

    The arguments may be arrays, `ShapeDtypeStruct`s or pytrees of them (`jf.spec`, `jf.specs`);
    nothing is allocated, compiled or run. Raises JaxflopsError with what to write instead.
    """
    if misplaced:
        raise JaxflopsError(
            "the arguments go in a second call: jf.analyze(fn, mode=...)(*args, **kwargs)"
        )
    how = How(mode, argnums, has_aux, static_argnums)
    return Analyze(fn, how, Options(conv, branch, trip_counts or {}, strict, rules or {}))


@dataclass(frozen=True)
class Analyze:
    """`jf.analyze(fn, ...)`, waiting for the function's arguments."""

    fn: Any
    how: How
    options: Options

    def __call__(self, *args: Any, **kwargs: Any) -> Analysis:  # noqa: D102 - the class says it
        program = trace(self.fn, self.how, args, kwargs)
        live, _ = remove_dead_code(program)
        return Analysis(
            walk(with_constants(live, program.jaxpr), self.options),
            provenance(program, self.options),
            partial(_derive, program, self.options),
            remember=partial(footprint, program),
        )

    def __repr__(self) -> str:
        name = function_name(self.fn)
        return f"<jf.analyze({name}, mode={self.how.mode!r}): call it with {name}'s arguments>"

    def __getattr__(self, name: str) -> Any:
        if not hasattr(Analysis, name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        call = f"jf.analyze({function_name(self.fn)})(*args).{name}"
        raise AttributeError(f"{name!r} is known once the arguments are: write {call}")


def interpolate(
    fn: Any,
    *,
    sizes: Mapping[str, Sequence[int]] | Iterable[str],
    held_out: Sequence[Mapping[str, int]] = (),
    degree: int = 6,
    **options: Any,
) -> Callable[[Callable[..., tuple[Any, ...]]], Interpolated]:
    """The exact polynomial cost of a function that cannot be traced with symbolic sizes.

    `jf.interpolate(fn, sizes={"T": range(16, 88, 8)})(lambda T: jf.specs(f"f32[{T}]"))` counts
    `fn` at concrete sizes, fits, and verifies at sizes that took no part in the fit.

    sizes: variable -> sizes to sample, one residue class each; names alone take multiples of 8.
    held_out: further points to verify at. degree: the highest tried in any variable.
    options: as in `jf.analyze`. Raises JaxflopsError where the cost is no polynomial.
    """
    count = analyze(fn, **options)

    def fitted(make_args: Callable[..., tuple[Any, ...]]) -> Interpolated:
        return fit(
            lambda **point: count(*made(make_args, point)),
            sizes=sizes,
            held_out=held_out,
            degree=degree,
        )

    return fitted


def _derive(program: Program, options: Options) -> derivation.Derivation:
    return derivation.derive(program, options)


def provenance(program: Program, options: Options) -> Provenance:
    """What an analysis of `program` was counted from, by which choices and versions."""
    conventions = {
        "conv": options.conv,
        "branch": str(options.branch),
        "trip_counts": ", ".join(f"{k}={v}" for k, v in options.trip_counts.items()),
        "rules": ", ".join(sorted(options.rules)),
    }
    return Provenance(
        program.name,
        program.mode,
        program.arguments,
        {name: value for name, value in conventions.items() if value},
        versions(),
    )


def versions() -> dict[str, str]:
    """Of jaxflops, jax and jaxlib: a number carries by what it was counted."""
    return {
        "jaxflops": __version__,
        "jax": jax.__version__,
        "jaxlib": jaxlib.version.__version__,
    }
