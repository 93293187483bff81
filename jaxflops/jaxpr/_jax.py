"""The only file of this lane that touches JAX beyond its documented API.

Tested on JAX 0.10 to 0.12. JAX 0.11 merges Jaxpr and ClosedJaxpr; both forms are taken everywhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax._src import source_info_util
from jax._src.interpreters import partial_eval
from jax.extend import core

from jaxflops.tree import Frame, Phase

Jaxpr = core.Jaxpr
Var = core.Var
Literal = core.Literal
InconclusiveDimensionOperation = core.InconclusiveDimensionOperation

# A user's frame is one outside JAX and outside jaxflops; the models that ship are users.
for _room in Path(__file__).resolve().parent.parent.iterdir():
    if _room.name != "models":
        source_info_util.register_exclusion(f"{_room}{os.sep if _room.is_dir() else ''}")

CLOSED_APART = "ClosedJaxpr" == core.ClosedJaxpr.__name__ != core.Jaxpr.__name__  # JAX < 0.11
RECOMPUTE = "rematted_computation"
# Names that JAX itself pushes on the stack around remat; not scopes that the user opened.
_REMAT_SCOPES = frozenset({RECOMPUTE, "checkpoint", "remat"})
# jnp.einsum opens a scope with its subscripts, such as `bd,de->be`.
_EINSUM = re.compile(r"[A-Za-z.,\s]*->[A-Za-z.\s]*")


def open_jaxpr(jaxpr: Any) -> Any:
    """The jaxpr with `.invars` and `.eqns`, whether closed or open."""
    return jaxpr.jaxpr if CLOSED_APART and isinstance(jaxpr, core.ClosedJaxpr) else jaxpr


def is_jaxpr(value: object) -> bool:
    """Whether a parameter's value is a jaxpr, closed or open."""
    return isinstance(value, (core.Jaxpr, core.ClosedJaxpr))


def jaxprs_in(params: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every jaxpr among an equation's parameters, under the parameter's name."""
    for name, value in params.items():
        for item in value if isinstance(value, (tuple, list)) else (value,):
            if is_jaxpr(item):
                yield name, item


@cache
def read_stack(stack: tuple[Any, ...]) -> tuple[tuple[str, ...], Phase | None]:
    """Name stack -> (scope path, phase): transform marks become the phase, scopes the path.

    `rematted_computation` is recompute and wins; `transpose` anywhere is backward; `jvp` is
    forward; a stack without marks has no phase of its own.
    """
    transforms = {item.name for item in stack if isinstance(item, source_info_util.Transform)}
    names = [item.name for item in stack if isinstance(item, source_info_util.Scope)]
    scope = tuple(n for n in names if n not in _REMAT_SCOPES and not _EINSUM.fullmatch(n))
    if RECOMPUTE in names:
        return scope, "recompute"
    if "transpose" in transforms:
        return scope, "backward"
    return scope, ("forward" if "jvp" in transforms else None)


def einsum_of(stack: tuple[Any, ...]) -> str:
    """The subscripts of the einsum that an equation is of; empty where there is none."""
    names = (item.name for item in reversed(stack) if isinstance(item, source_info_util.Scope))
    return next((name for name in names if _EINSUM.fullmatch(name)), "")


def count_transposes(stack: tuple[Any, ...]) -> int:
    """How many times an equation's name stack says that it was transposed."""
    return sum(isinstance(i, source_info_util.Transform) and i.name == "transpose" for i in stack)


def sweep(stack: tuple[Any, ...]) -> int:
    """Of nested differentiations, which one transposed an equation last, 1 for the innermost.

    Its transpose mark encloses the `jvp` marks of itself and of those inside it.
    """
    marks = [item.name for item in stack if isinstance(item, source_info_util.Transform)]
    return marks[marks.index("transpose") :].count("jvp") if "transpose" in marks else 0


class Position(NamedTuple):
    """A frame of the user's: the range of the expression that was being evaluated.

    leaves: how its function's result reaches the next frame: as it is, `differentiated` (the next
      frame's call gives something else), or as the first of a custom rule's results (`fwd`).
    """

    file: str
    function: str
    start_line: int
    start_column: int
    end_line: int
    end_column: int
    leaves: str = ""


_DIFFERENTIATION = ("value_and_grad", "vjp", "_vjp", "jvp", "_jvp", "linearize", "jac", "hessian")


@lru_cache(maxsize=1 << 16)
def positions(traceback: Any) -> tuple[Position, ...]:
    """The user's frames, innermost first, up to the boundary of a cached trace."""
    found: list[Position] = []
    codes, offsets = traceback.raw_frames() if traceback is not None else ((), ())
    for code, offset in zip(codes, offsets, strict=True):
        file, function = code.co_filename, code.co_qualname
        if source_info_util.is_user_filename(file):
            range_ = source_info_util.raw_frame_to_frame(code, offset)
            found.append(Position(file, function, *range_[2:]))
        elif found and file.endswith(("_src/api.py", "_src/custom_derivatives.py")):
            found[-1] = found[-1]._replace(leaves=found[-1].leaves or _leaves(function))
    return tuple(found)


def _leaves(function: str) -> str:
    if function.startswith(_DIFFERENTIATION):
        return "differentiated"
    return "fwd" if "fwd" in function else ""


def in_forward_mode(traceback: Any) -> bool:
    """Whether the equation was made while pushing tangents forward (jvp, jacfwd)."""
    codes, _ = traceback.raw_frames() if traceback is not None else ((), ())
    return any(code.co_qualname.startswith("JVPTrace.") for code in codes)


def is_library(jaxpr: Any) -> bool:
    """Whether the function that was traced into this jaxpr is JAX's own."""
    info = getattr(open_jaxpr(jaxpr), "debug_info", None)
    place = str(getattr(info, "func_src_info", "") or "")
    _, found, file = place.rpartition(" at ")
    return bool(found) and not source_info_util.is_user_filename(file.rpartition(":")[0])


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

    def __bool__(self) -> bool:
        """Whether a frame is the user's: library code traced apart has none, and its call has."""
        return bool(self.file)

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

    def __reduce__(self) -> tuple[Any, ...]:
        """Copied and pickled as what it resolves to: JAX's tracebacks cannot be."""
        return Frame, (self.file, self.line, self.function)


def expand_high(jaxpr: Any) -> Any:
    """The jaxpr with high-level primitives replaced by what they lower to.

    JAX keeps some functions whole until it lowers (`jnp.searchsorted` is one equation since 0.11);
    sources and scopes survive.
    """
    if not getattr(open_jaxpr(jaxpr), "is_high", False):
        return jaxpr
    return partial_eval.lower_jaxpr2(jaxpr)


def dce(jaxpr: Any, wanted: Sequence[bool] = ()) -> tuple[Any, list[bool]]:
    """Remove equations that no wanted result needs, in nested jaxprs too; and the used inputs.

    wanted: of each result; all of them if left out.
    """
    opened = open_jaxpr(jaxpr)
    return partial_eval.dce_jaxpr(opened, list(wanted) or [True] * len(opened.outvars))


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
