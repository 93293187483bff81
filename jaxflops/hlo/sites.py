"""op_name and stack frames -> site: JAX's name stacks as HLO carries them, in text.

The same reading as lane 1's of name stacks: transform marks become the phase, scopes the path.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import takewhile
from typing import NamedTuple

from jaxflops.hlo.ir import Module
from jaxflops.tree import Phase

COMPILER = ("(compiler)",)  # the scope of what no part of the program asked for

_TRANSFORMS = ("jvp", "transpose", "vmap", "pmap", "linearize")
_WRAPPED = re.compile(rf"({'|'.join(_TRANSFORMS)})\((.*)\)$", re.DOTALL)
_JIT = re.compile(r"(jit|pjit|xla_call)\(.*\)$", re.DOTALL)
_BRANCH = re.compile(r"branch_\d+_fun$")
# jnp.einsum opens a scope with its subscripts, such as `bd,de->be`.
_EINSUM = re.compile(r"[A-Za-z.,\s]*->[A-Za-z.\s]*$")
RECOMPUTE = "rematted_computation"
# What lowering and remat push on the stack beside the scopes that the user opened.
_LOWERING = frozenset(
    {RECOMPUTE, "checkpoint", "remat", "closed_call", "core_call", "eval_jaxpr", "shard_map"}
    | {"custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr", "call_exported"}
)


class Name(NamedTuple):
    """An op_name, read: the scope path, the phase that its marks say, and the primitive."""

    scope: tuple[str, ...]
    phase: Phase | None
    primitive: str


@lru_cache(maxsize=1 << 16)
def read_name(op_name: str) -> Name | None:
    """`jit(f)/transpose(jvp(layer))/while/body/dot_general` -> layer, backward, dot_general.

    None for an instruction without a name. A user's scope `a/b` is two names here. An instruction
    that the compiler made of several has their names, parted by `;`: it is of the scope that they
    share, and of the first one's phase.
    """
    if not op_name:
        return None
    names = [_read(each) for each in _merged(op_name)]
    levels = zip(*(name.scope for name in names), strict=False)
    shared = takewhile(lambda level: len(set(level)) == 1, levels)
    return names[0]._replace(scope=tuple(level[0] for level in shared))


def _merged(op_name: str) -> list[str]:
    root, slash, _ = op_name.partition("/")
    names = op_name.split(";")
    return names if slash and all(name.startswith(root + slash) for name in names) else [op_name]


def _read(op_name: str) -> Name:
    marks: set[str] = set()
    parts = [_unwrapped(part, marks) for part in _segments(op_name)]
    scope = tuple(_scopes(parts[:-1]))
    if RECOMPUTE in parts:
        return Name(scope, "recompute", parts[-1])
    if "transpose" in marks:
        return Name(scope, "backward", parts[-1])
    return Name(scope, "forward" if "jvp" in marks else None, parts[-1])


def root_of(module: Module) -> str:
    """The name with which every absolute op_name of the module begins: `jit(f)`; '' if none."""
    names = (_segments(ins.op_name) for ins in module.main if "/" in ins.op_name)
    return next((segments[0] for segments in names if _JIT.match(segments[0])), "")


def _segments(op_name: str) -> list[str]:
    """The parts between slashes; a slash within parentheses separates nothing."""
    parts: list[str] = []
    depth = 0
    for piece in op_name.split("/"):
        if depth > 0:
            parts[-1] += f"/{piece}"
        else:
            parts.append(piece)
        depth = max(depth + piece.count("(") - piece.count(")"), 0)
    return parts if depth == 0 else op_name.split("/")


def _unwrapped(part: str, marks: set[str]) -> str:
    """`transpose(jvp(layer))` -> `layer`; the transforms are added to `marks`."""
    while wrapped := _WRAPPED.match(part):
        marks.add(wrapped[1])
        part = wrapped[2]
    return part


def _scopes(parts: list[str]) -> Iterator[str]:
    """The scopes that the user opened: without calls, loops, branches, remat and einsums."""
    before = ""
    for part, after in zip(parts, [*parts[1:], ""], strict=False):
        if not (_is_lowering(part) or _is_region(part, after) or _is_region(before, part)):
            yield from part.split("/")
        before = part


def _is_lowering(part: str) -> bool:
    return not part or part in _LOWERING or bool(_JIT.match(part) or _EINSUM.match(part))


def _is_region(part: str, after: str) -> bool:
    """Whether the two say a region of a loop or of a choice: `while/body`, `cond/branch_0_fun`."""
    if part == "while":
        return after in ("body", "cond")
    return part == "cond" and bool(_BRANCH.match(after))
