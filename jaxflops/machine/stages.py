"""Function -> compiled program, with the seconds that tracing, lowering and compiling took."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import jax
import jax.export

from jaxflops.errors import JaxflopsError, TraceError

Clock = Callable[[], float]
T = TypeVar("T")


@dataclass(frozen=True)
class Staged:
    """A compiled program and its arguments, static ones removed, flat.

    seconds: of the stages that ran here: `trace`, `lower`, `compile`.
    """

    name: str
    compiled: jax.stages.Compiled
    leaves: list[Any]
    seconds: Mapping[str, float]
    notes: tuple[str, ...]

    @property
    def shardings(self) -> list[Any]:
        """Where each flat argument is wanted; None for one that is not read."""
        tree: Any = self.compiled.in_tree
        return list(tree.flatten_up_to(self.compiled.input_shardings))

    @property
    def donated(self) -> list[bool]:
        """Which flat arguments the program may overwrite."""
        return [bool(info.donated) for info in jax.tree.leaves(self.compiled.args_info)]

    @property
    def devices(self) -> list[Any]:
        """Every device that the program runs on, other processes' included."""
        placed = [*self.shardings, *jax.tree.leaves(self.compiled.output_shardings)]
        found = {d for sharding in placed if sharding is not None for d in sharding.device_set}
        return sorted(found, key=lambda d: d.id) or jax.devices()[:1]


def stage(
    target: Any,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    static_argnums: int | Sequence[int],
    clock: Clock,
    options: Mapping[str, Any] | None = None,
) -> Staged:
    """Compile a function, jitted or not, or what is left to do of a `Traced` or `Lowered`.

    options: the compiler's, for what is compiled here (`compiler_options` of JAX).
    Raises TraceError, or JaxflopsError when lowering or compiling fails, with the stage's reason.
    """
    name, seconds = _name(target), dict[str, float]()
    _require_numbers(name, (args, kwargs))
    stages = [("trace", jax.stages.Traced), ("lower", jax.stages.Lowered)]
    stages.append(("compile", jax.stages.Compiled))
    notes = _notes(target)
    current = target
    if not isinstance(target, tuple(kind for _, kind in stages)):
        jitted = _jit(target, static_argnums)
        run = functools.partial(jitted.trace, *args, **kwargs)
        current = _timed(run, "trace", name, clock, seconds)
    if isinstance(current, jax.stages.Traced):
        current = _timed(current.lower, "lower", name, clock, seconds)
    if isinstance(current, jax.stages.Lowered):
        run = functools.partial(current.compile, dict(options) if options else None)
        current = _timed(run, "compile", name, clock, seconds)
    leaves = _leaves(name, current, args, kwargs)
    return Staged(name, current, leaves, seconds, notes)


def _require_numbers(name: str, tree: Any) -> None:
    """What is compiled and run has sizes, not symbols."""
    shapes = [getattr(leaf, "shape", ()) for leaf in jax.tree.leaves(tree)]
    sizes = [size for shape in shapes if isinstance(shape, tuple) for size in shape]
    if symbols := sorted({str(size) for size in sizes if jax.export.is_symbolic_dim(size)}):
        raise JaxflopsError(
            f"{name} runs at sizes in numbers, and got the symbols {', '.join(symbols)}: write "
            "them as numbers, as in f32[32,512]"
        )


def _jit(target: Any, static_argnums: int | Sequence[int]) -> Any:
    if not callable(target):
        raise JaxflopsError(
            f"got {type(target).__name__}; pass a function, a jitted function, or a jax.stages "
            "Traced, Lowered or Compiled"
        )
    if hasattr(target, "trace"):
        return target

    @functools.wraps(target)  # a new function, so that JAX does not remember an earlier trace
    def fresh(*args: Any, **kwargs: Any) -> Any:
        return target(*args, **kwargs)

    return jax.jit(fresh, static_argnums=static_argnums)


def _timed(
    run: Callable[[], T], stage: str, name: str, clock: Clock, seconds: dict[str, float]
) -> T:
    start = clock()
    try:
        result = run()
    except Exception as error:  # whatever the function or the compiler raises
        kind = TraceError if stage == "trace" else JaxflopsError
        raise kind(f"{name}: {stage} failed: {reason(error)}") from error
    seconds[stage] = clock() - start
    return result


def reason(error: BaseException) -> str:
    """An exception's type, first and last line; our own errors need no type."""
    lines = str(error).strip().splitlines() or [""]
    text = lines[0] if len(lines) == 1 else f"{lines[0]} ... {lines[-1]}"
    kind = "" if isinstance(error, JaxflopsError) else type(error).__name__
    return ": ".join(filter(None, (kind, text.rstrip("."))))


def _leaves(
    name: str, compiled: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> list[Any]:
    """The flat arguments that the program takes; its own shapes when none were given."""
    tree = compiled.in_tree
    if not args and not kwargs:
        return jax.tree.leaves(compiled.args_info)
    wanted_args, wanted_kwargs = jax.tree.unflatten(tree, range(tree.num_leaves))
    args = _dynamic(name, args, len(wanted_args))
    leaves, given = jax.tree.flatten((args, {key: kwargs[key] for key in wanted_kwargs}))
    if given != tree:
        raise JaxflopsError(f"{name} takes arguments of structure {tree}, and got {given}")
    return leaves


def _dynamic(name: str, args: tuple[Any, ...], number: int) -> tuple[Any, ...]:
    """The arguments without the static ones, which a compiled program no longer takes."""
    if len(args) == number:
        return args
    arrays = tuple(arg for arg in args if all(map(_is_array, jax.tree.leaves(arg))))
    if len(arrays) != number:
        raise JaxflopsError(
            f"{name} takes {number} arguments that are not static, and cannot be told which of the "
            f"{len(args)} they are: close over the static ones, or pass static_argnums"
        )
    return arrays


def _is_array(leaf: Any) -> bool:
    return hasattr(leaf, "shape") and hasattr(leaf, "dtype")


def _name(target: Any) -> str:
    while hasattr(target, "func") and not hasattr(target, "__name__"):  # functools.partial
        target = target.func
    return str(getattr(target, "__name__", None) or getattr(target, "fun_name", "program"))


def _notes(target: Any) -> tuple[str, ...]:
    found = []
    if isinstance(target, jax.stages.Wrapped):
        found.append("a jitted function: JAX may have remembered its trace from before")
    if jax.config.jax_compilation_cache_dir:  # type: ignore[attr-defined]
        found.append("a persistent compilation cache is on: compile time may be a look-up")
    return tuple(found)
