"""The name a user gave to what an expression computes, read from the source text.

JAX keeps, for each equation, the range of the expression that was being evaluated, and those of
its callers. From the expression of that range we climb to the statement around it: to an
assignment, or through a `return` to the caller's expression.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from jaxflops.jaxpr._jax import Position

Path = tuple[int | str, ...]
_Range = tuple[int, int, int, int]


class Assigned(NamedTuple):
    """An assignment's target, and whether the value is all that is assigned to it.

    targets: more than one where a tuple is unpacked and it is not known which element it is.
    ended: the climb ended at a `return` whose caller is not known.
    frame: the expression assigned.
    """

    targets: tuple[str, ...]
    whole: bool = True
    ended: bool = False
    frame: Position | None = None


ENDED = Assigned((), ended=True)


def assigned(
    frames: Sequence[Position], path: Path = (), uses: Sequence[Sequence[Position]] = ()
) -> Assigned | None:
    """The assignment that receives the value of the innermost frame's expression.

    path: which element of that value, when the expression gives several.
    uses: frames of the equations that read the value. A call that is given the value and does not
      read it can only give it back, as `x.astype(x.dtype)` does.
    """
    climb = _Climb(path)
    for depth, frame in enumerate(frames):
        outer = tuple(frames[depth + 1 :])
        ends = (tuple(use)[-len(outer) - 1 :] for use in uses if use and use != frames)
        climb.uses = [use[0] for use in ends if use[1:] == outer]
        found = climb.frame(frame)
        if found is not None:
            return found._replace(frame=frame)
        if climb.stuck:
            return None
    return ENDED


def operand_text(frames: Sequence[Position], which: int) -> str | None:
    """How the expression spells its left or right operand, if that is a name: `x` in `x @ w`."""
    nodes = _nodes(frames[0]) if frames else ()
    for node in nodes:
        operands: list[ast.expr] = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            operands = [node.left, node.right]
        elif isinstance(node, ast.Call) and _called(node.func) in _IN_ORDER:
            operands = node.args
        if which < len(operands) and isinstance(operands[which], (ast.Name, ast.Attribute)):
            return ast.unparse(operands[which])
    return None


# Functions whose first two arguments are the two operands of the contraction, in this order.
_IN_ORDER = frozenset(("dot", "matmul", "dot_general", "conv_general_dilated", "conv"))


def called(frames: Sequence[Position]) -> str:
    """The name of the function that the innermost frame's expression calls: `scan`."""
    calls = [n for n in (_nodes(frames[0]) if frames else ()) if isinstance(n, ast.Call)]
    return _called(calls[0].func) if calls else ""


def text_of(frames: Sequence[Position]) -> str:
    """The source text of the innermost frame's expression, on one line."""
    nodes = _nodes(frames[0]) if frames else ()
    return ast.unparse(nodes[-1]) if nodes else ""


def _called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


class _Climb:
    """From an expression outwards; the element path and whether it is still the whole value."""

    def __init__(self, path: Path) -> None:
        self.path, self.whole, self.stuck = path, True, False
        self.uses: list[Position] = []

    def frame(self, frame: Position) -> Assigned | None:
        """The assignment in this frame, or None: go on in the caller's, unless stuck."""
        nodes = _nodes(frame)
        if not nodes:
            self.whole = False  # no source text: a part of whatever the caller assigns
            self._leave(frame)
            return None
        node: ast.AST = nodes[-1]
        while True:
            parent = _parent(node)
            if isinstance(node, ast.AugAssign) or parent is None:
                return self._statement(node, node, frame)
            if isinstance(parent, (ast.stmt, ast.Lambda)):
                return self._statement(parent, node, frame)
            if isinstance(parent, ast.NamedExpr):
                return self._target(parent.target)
            self._expression(parent, node)
            node = parent

    def _expression(self, parent: ast.AST, node: ast.AST) -> None:
        """One step outwards within an expression."""
        match parent:
            case ast.Tuple(elts=elements) | ast.List(elts=elements) if self.whole:
                self.path = ([*map(id, elements)].index(id(node)), *self.path)
            case ast.Dict(keys=keys, values=values) if self.whole and node in values:
                key = keys[[*map(id, values)].index(id(node))]
                self._into(key.value if isinstance(key, ast.Constant) else None)
            case ast.Subscript(value=inner, slice=ast.Constant(value=key)) if inner is node:
                self.whole = self.whole and bool(self.path) and self.path[0] == key
                self.path = self.path[1:]
            case ast.IfExp(test=test) if test is not node:
                pass
            case ast.Attribute() if isinstance(_parent(parent), ast.Call):
                pass  # a method: the call decides
            case ast.Call(func=function, args=arguments) if node in (function, *arguments[:1]):
                self.whole = self.whole and not self.path and not self._is_read(parent)
                self.path = ()
            case _:
                self.whole, self.path = False, ()

    def _is_read(self, call: ast.Call) -> bool:
        """Whether an equation of the call reads the value."""
        start, end = _span(call)
        return any(start <= use[2:4] and use[4:6] <= end for use in self.uses)

    def _into(self, key: object) -> None:
        if isinstance(key, (int, str)):
            self.path = (key, *self.path)
        else:
            self.whole, self.path = False, ()

    def _statement(self, statement: ast.AST, node: ast.AST, frame: Position) -> Assigned | None:
        match statement:
            case ast.Assign(targets=[target, *_], value=value) if value is node:
                return self._target(target)
            case ast.AnnAssign(target=target, value=value) if value is node:
                return self._target(target)
            case ast.AugAssign(target=target):
                self.whole = self.whole and statement is node
                return self._target(target)
            case ast.Return() | ast.Lambda():
                self._leave(frame)
            case _:
                self.stuck = True
        return None

    def _leave(self, frame: Position) -> None:
        """Out of the function, unless its result is not what the caller's expression gives."""
        if frame.leaves == "differentiated":
            self.stuck = True
        elif frame.leaves == "fwd" and self.whole:
            self.whole = self.path[:1] == (0,)
            self.path = self.path[1:]

    def _target(self, target: ast.expr) -> Assigned:
        path = self.path if self.whole else ()
        while path and isinstance(target, (ast.Tuple, ast.List)) and self.whole:
            before = target.elts[: int(path[0]) + 1] if isinstance(path[0], int) else []
            if not before or any(isinstance(e, ast.Starred) for e in before):
                break
            if len(before) <= int(path[0]):
                break
            target, path = before[-1], path[1:]
        if isinstance(target, (ast.Tuple, ast.List)):
            elements = tuple(ast.unparse(e) for e in target.elts)
            return Assigned(elements, self.whole and not path)
        return Assigned((ast.unparse(target) + "".join(f"[{k!r}]" for k in path),), self.whole)


@lru_cache(maxsize=256)
def _index(text: str) -> dict[_Range, tuple[ast.AST, ...]]:
    """Expressions and augmented assignments of a source text by their range, outermost first."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return {}
    found: dict[_Range, tuple[ast.AST, ...]] = {}
    for node in _walk(tree):
        if isinstance(node, (ast.expr, ast.AugAssign)):
            key = (*_span(node)[0], *_span(node)[1])
            found[key] = (*found.get(key, ()), node)
    return found


def _span(node: ast.expr | ast.stmt) -> tuple[tuple[int, int], tuple[int, int]]:
    start = (node.lineno, node.col_offset)
    return start, (node.end_lineno or start[0], node.end_col_offset or start[1])


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        child._parent = node  # type: ignore[attr-defined] # noqa: SLF001 - our own mark
        yield child
        yield from _walk(child)


def _parent(node: ast.AST) -> ast.AST | None:
    return getattr(node, "_parent", None)


def _nodes(frame: Position) -> tuple[ast.AST, ...]:
    return _index("".join(linecache.getlines(frame.file))).get(frame[2:6], ())
