"""The arrays of a program once every call is opened: defined once, wherever they are used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.derivation.views_of import view_of
from jaxflops.polynomial import Count, Polynomial
from jaxflops.tree import HERE, Node, Phase, Site

ValueKind = Literal[
    "argument", "constant", "equation", "slice", "carry", "stack", "final", "choice", "opaque"
]
INDEXES = "ijklmn"


@dataclass(frozen=True, eq=False)
class Loop:
    """A loop, or the shards of a map; iteration `i` reads the `i`-th slice of what it maps over.

    step: +1, or -1 where the last slice comes first; 0 for shards, which have no order.
    """

    length: Count
    step: int
    index: str
    source: _jax.TracebackSource

    @property
    def previous(self) -> str:
        """The index of the iteration before."""
        return f"{self.index}-1" if self.step > 0 else f"{self.index}+1"

    @property
    def first(self) -> str:
        """The index of the first iteration."""
        return "0" if self.step > 0 else self.end

    @property
    def last(self) -> str:
        """The index of the last iteration."""
        return self.end if self.step > 0 else "0"

    @property
    def end(self) -> str:
        """The largest index."""
        end = self.length - 1
        return end.to_python().replace(" ", "") if isinstance(end, Polynomial) else str(end)

    @property
    def before(self) -> str:
        """The index that stands for what goes into the first iteration."""
        return "-1" if self.step > 0 else str(self.length)


@dataclass(eq=False, slots=True, repr=False)
class Scope:
    """One execution of a jaxpr: the values of its variables, and whence it was called.

    phase: of the call, before unmarked equations are told apart; transposes: transpose marks;
    sweep: of nested differentiations, which one transposed it last.
    site, times: of the call, in the program without dead code; nodes: its live equations.
    borrowed: its equations' source lines may be those of another call (a cached library jit).
    """

    jaxpr: Any
    parent: Scope | None = None
    call: int = 0
    phase: Phase | None = None
    transposes: int = 0
    sweep: int = 0
    loops: tuple[Loop, ...] = ()
    borrowed: bool = False
    site: Site = HERE
    times: Count = 1
    nodes: Mapping[int, tuple[Any, Node]] = field(default_factory=dict)
    values: dict[Any, Value] = field(default_factory=dict)
    children: dict[int, list[Scope]] = field(default_factory=dict)


@dataclass(eq=False, slots=True, repr=False)
class Value:
    """One array.

    inputs: operands of the equation; the stacked array of a slice; the initial value of a carry;
      what the body computes of a stack or a final carry; the alternatives of a choice.
    at: position of the equation in its scope's jaxpr; out: which of its results.
    number: equal numbers are equal arrays (in each iteration of a loop).
    feedback: of a carry, what the iteration before made of it.
    """

    kind: ValueKind
    aval: Any
    scope: Scope
    number: int
    order: int
    at: int = 0
    out: int = 0
    inputs: tuple[Value, ...] = ()
    users: list[Value] = field(default_factory=list)
    feedback: Value | None = None
    phase: Phase | None = None

    @property
    def eqn(self) -> Any:
        """The equation that defines it, or whose loop or call does."""
        return self.scope.jaxpr.eqns[self.at]

    @property
    def shape(self) -> tuple[Any, ...]:
        """Sizes as JAX has them."""
        return tuple(getattr(self.aval, "shape", ()))


@dataclass(eq=False, slots=True, repr=False)
class Contraction:
    """An equation that multiplies and sums, in one execution of its jaxpr.

    node: its leaf in the cost tree; None when its result is never used.
    transposes: transpose marks, without those of recomputation; sweep: of nested
      differentiations, which one transposed it last.
    """

    value: Value
    phase: Phase
    transposes: int
    sweep: int
    node: Node | None
    times: Count
    site: Site
    frames: tuple[_jax.Position, ...]

    @property
    def eqn(self) -> Any:
        """The equation."""
        return self.value.eqn

    @property
    def name(self) -> str:
        """The primitive's name."""
        return str(self.eqn.primitive.name)

    @property
    def operands(self) -> tuple[Value, ...]:
        """What it multiplies."""
        return self.value.inputs

    @property
    def flops(self) -> Count:
        """Contraction FLOPs of all its executions."""
        return self.node.own.matmul_flops * self.times if self.node is not None else 0


def same_as(value: Value) -> Value:
    """The value that it repeats under a mark (a name, a barrier, a copy)."""
    while value.kind == "equation" and (view := view_of(value.eqn, value.out)) is not None:
        if view[0].kind != "same":
            break
        value = value.inputs[view[1]]
    return value
