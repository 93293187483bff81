"""The ways to call a compiled program again: as it is, on copies, in turn, fed with its results."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxflops.errors import JaxflopsError
from jaxflops.machine.sampling import Work
from jaxflops.machine.stages import Staged

Feed = Callable[[Any, tuple[Any, ...]], tuple[Any, ...]]
_MANY = 10_000


class Plain:
    """The same arguments every time; every call is waited for before the next."""

    most_inner = _MANY

    def __init__(self, compiled: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._call, self._args, self._kwargs = compiled, args, kwargs

    def prepare(self, inner: int) -> None:
        """Nothing is used up."""

    def run(self, inner: int) -> None:
        """Call and wait, `inner` times."""
        for _ in range(inner):
            _wait(self._call(*self._args, **self._kwargs))


class Rotated:
    """Several copies of the arguments in turn, so that a call does not find them in the caches."""

    most_inner = _MANY

    def __init__(self, compiled: Any, sets: list[tuple[tuple[Any, ...], dict[str, Any]]]) -> None:
        self._call, self._sets = compiled, itertools.cycle(sets)

    def prepare(self, inner: int) -> None:
        """Nothing is used up."""

    def run(self, inner: int) -> None:
        """Call and wait, `inner` times, each with the next copy."""
        for _ in range(inner):
            args, kwargs = next(self._sets)
            _wait(self._call(*args, **kwargs))


class Copied:
    """Donated arguments are copied before every call, outside the time taken."""

    most_inner = 1

    def __init__(self, compiled: Any, tree: Any, leaves: list[Any], donated: list[bool]) -> None:
        self._call, self._tree, self._leaves, self._donated = compiled, tree, leaves, donated
        self._args: tuple[Any, ...] = ()
        self._kwargs: dict[str, Any] = {}

    def prepare(self, inner: int) -> None:
        """Copy what the call will use up, and wait for the copies."""
        del inner  # one at a time: so many copies of a large state would not fit
        self._args, self._kwargs = (), {}
        pairs = zip(self._leaves, self._donated, strict=True)
        leaves = [jnp.copy(leaf) if used_up else leaf for leaf, used_up in pairs]
        self._args, self._kwargs = jax.tree.unflatten(self._tree, _wait(leaves))

    def run(self, inner: int) -> None:
        """Call once and wait."""
        del inner
        _wait(self._call(*self._args, **self._kwargs))


class Fed:
    """Each call's results make the next call's arguments; the last of a sample is waited for."""

    most_inner = _MANY

    def __init__(
        self, compiled: Any, args: tuple[Any, ...], kwargs: dict[str, Any], feed: Feed
    ) -> None:
        self._call, self._args, self._kwargs, self._feed = compiled, args, kwargs, feed

    def prepare(self, inner: int) -> None:
        """The arguments are the last call's results."""

    def run(self, inner: int) -> None:
        """Call `inner` times in a chain, and wait for its end."""
        for _ in range(inner):
            outputs = self._call(*self._args, **self._kwargs)
            fed = self._feed(outputs, self._args)
            if not isinstance(fed, tuple) or len(fed) != len(self._args):
                raise JaxflopsError(_misfed(fed, len(self._args)))
            self._args = fed
        _wait((outputs, self._args))


def prepare(
    staged: Staged, leaves: list[Any], feed: Feed | None, rotate: int = 1
) -> tuple[Work, str]:
    """How to call the program on concrete leaves again and again, and a note that says so.

    rotate: copies of the arguments to take in turn.
    """
    tree = staged.compiled.in_tree
    if rotate > 1:
        return _rotated(staged, leaves, feed, rotate)
    args, kwargs = jax.tree.unflatten(tree, leaves)
    if feed is not None:
        note = "each call is fed with the last one's results; the chain of a sample is waited for"
        return Fed(staged.compiled, args, kwargs, feed), note
    if any(staged.donated):
        note = "donated arguments were copied before each call, outside the time taken"
        return Copied(staged.compiled, tree, leaves, staged.donated), note
    return Plain(staged.compiled, args, kwargs), "each call was waited for"


def _rotated(staged: Staged, leaves: list[Any], feed: Feed | None, number: int) -> tuple[Work, str]:
    if feed is not None or any(staged.donated):
        raise JaxflopsError(
            f"rotate={number} takes copies in turn, and this program's arguments are used up by "
            "each call (donated, or fed): leave rotate= out"
        )
    copies = [[jnp.copy(x) if _is_array(x) else x for x in leaves] for _ in range(number - 1)]
    sets = [jax.tree.unflatten(staged.compiled.in_tree, one) for one in (leaves, *_wait(copies))]
    size = sum(leaf.nbytes for leaf in leaves if _is_array(leaf))
    return Rotated(staged.compiled, sets), (
        f"each call was waited for; {number} copies of the arguments in turn, {number * size:,} "
        "bytes in all"
    )


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array)


def _wait(results: Any) -> Any:
    """The results, once every one of them is there."""
    return jax.block_until_ready(results)  # type: ignore[no-untyped-call]


def _misfed(fed: Any, number: int) -> str:
    got = f"a tuple of {len(fed)}" if isinstance(fed, tuple) else type(fed).__name__
    return (
        f"feed(outputs, args) returned {got}; return a tuple of the next {number} arguments, such "
        "as feed=lambda outputs, args: (outputs[0], *args[1:])"
    )
