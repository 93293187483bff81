"""The only file of this lane that touches JAX beyond its documented API.

Tested on JAX 0.10 to 0.12. JAX 0.11 merges Jaxpr and ClosedJaxpr; both forms are taken everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import jax
import numpy as np
from jax._src import source_info_util
from jax._src.interpreters import partial_eval
from jax.extend import core

from jaxflops.tree import Phase

Jaxpr = core.Jaxpr
Var = core.Var
Literal = core.Literal
InconclusiveDimensionOperation = core.InconclusiveDimensionOperation

_HERE = os.path.dirname(os.path.abspath(__file__))
source_info_util.register_exclusion(_HERE + os.sep)
for _door in ("analysis.py", "cli.py", "__main__.py"):
    source_info_util.register_exclusion(os.path.join(os.path.dirname(_HERE), _door))

RECOMPUTE = "rematted_computation"
# Names that JAX itself pushes on the stack around remat; not scopes that the user opened.
_REMAT_SCOPES = frozenset({RECOMPUTE, "checkpoint", "remat"})


def open_jaxpr(jaxpr: Any) -> Any:
    """The jaxpr with `.invars` and `.eqns`, whether closed or open."""
    closed_apart = core.ClosedJaxpr is not core.Jaxpr  # JAX < 0.11
    return jaxpr.jaxpr if closed_apart and isinstance(jaxpr, core.ClosedJaxpr) else jaxpr


def is_jaxpr(value: object) -> bool:
    """Whether a parameter's value is a jaxpr, closed or open."""
    return isinstance(value, (core.Jaxpr, core.ClosedJaxpr))


def jaxprs_in(params: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every jaxpr among an equation's parameters, under the parameter's name."""
    for name, value in params.items():
        for item in value if isinstance(value, (tuple, list)) else (value,):
            if is_jaxpr(item):
                yield name, item


@lru_cache(maxsize=None)
def read_stack(stack: tuple[Any, ...]) -> tuple[tuple[str, ...], Phase | None]:
    """Name stack -> (scope path, phase): transform marks become the phase, scopes the path.

    `rematted_computation` is recompute and wins; `transpose` anywhere is backward; `jvp` is
    forward; a stack without marks has no phase of its own.
    """
    transforms = {item.name for item in stack if isinstance(item, source_info_util.Transform)}
    names = [item.name for item in stack if isinstance(item, source_info_util.Scope)]
    scope = tuple(name for name in names if name not in _REMAT_SCOPES)
    if RECOMPUTE in names:
        return scope, "recompute"
    if "transpose" in transforms:
        return scope, "backward"
    return scope, ("forward" if "jvp" in transforms else None)


def user_frames(traceback: Any) -> tuple[source_info_util.Frame, ...]:
    """The user's frames, innermost first, with start and end line and column."""
    return tuple(source_info_util.user_frames(traceback)) if traceback is not None else ()


class TracebackSource:
    """A `Source` that resolves an equation's traceback only when asked (it costs microseconds)."""

    __slots__ = ("_frame", "traceback")

    def __init__(self, traceback: Any) -> None:
        self.traceback = traceback
        self._frame: source_info_util.Frame | None = None

    def _resolve(self) -> source_info_util.Frame:
        if self._frame is None:
            frame = source_info_util.user_frame(self.traceback)
            self._frame = frame or source_info_util.Frame("", "", 0, 0, 0, 0)
        return self._frame

    @property
    def file(self) -> str:
        """Path of the user's file; empty when no frame is the user's."""
        return self._resolve().file_name

    @property
    def line(self) -> int:
        """First line of the expression; 0 when unknown."""
        return self._resolve().start_line

    @property
    def function(self) -> str:
        """Qualified name of the user's function."""
        return self._resolve().function_name


def dce(jaxpr: Any) -> tuple[Any, list[bool]]:
    """Remove dead equations, in nested jaxprs too; also which inputs are still used."""
    return partial_eval.dce_jaxpr(open_jaxpr(jaxpr), [True] * len(open_jaxpr(jaxpr).outvars))


def scan_counts(params: Mapping[str, Any]) -> tuple[int, int]:
    """(number of constants, number of carries) of a scan."""
    if "num_consts" in params:  # JAX < 0.11
        return params["num_consts"], params["num_carry"]
    consts, carry, _ = params["ft_in"].unpack()
    return len(list(consts)), len(list(carry))


def dtype_name(aval: Any) -> str:
    """The dtype's name; abstract values without one (tokens) give `token`."""
    return str(getattr(aval, "dtype", "token"))


def show_aval(aval: Any) -> str:
    """`float32[B,D]`."""
    return f"{dtype_name(aval)}[{','.join(str(dim) for dim in getattr(aval, 'shape', ()))}]"


def itemsize(aval: Any) -> int:
    """Bytes of one element; extended dtypes (PRNG keys) say their own."""
    return int(getattr(getattr(aval, "dtype", None), "itemsize", 0))


def category(aval: Any) -> str:
    """float, complex, integer, bool or key."""
    dtype = getattr(aval, "dtype", None)
    if dtype is None or not isinstance(dtype, np.dtype):
        return "key"
    if dtype == np.bool_:
        return "bool"
    if jax.numpy.issubdtype(dtype, np.complexfloating):
        return "complex"
    return "float" if jax.numpy.issubdtype(dtype, np.floating) else "integer"


def arg_names(jaxpr: Any) -> Sequence[str]:
    """The user's argument paths (`params['w1']`), one for each input; '' where unknown."""
    info = getattr(open_jaxpr(jaxpr), "debug_info", None)
    names = tuple(getattr(info, "arg_names", ()) or ())
    count = len(open_jaxpr(jaxpr).invars)
    return tuple(name or "" for name in names) if len(names) == count else ("",) * count
