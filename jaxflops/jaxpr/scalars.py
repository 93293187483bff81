"""The scalars that a loop's condition depends on, as a straight program cut out of jaxprs.

A slice is built backwards from a result, through views and calls, down to the loop's own state
(slots), constants, sizes, and what flows in from outside. Everything else that the program
computes is never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jaxflops.formulas.integers import COMPARISONS, bounds, knows
from jaxflops.formulas.scalar_steps import OpenLoopError, Step, values
from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.constants import constants, only_element
from jaxflops.jaxpr.leaf import make_op
from jaxflops.jaxpr.op import Body, OneOf, OpenLoop
from jaxflops.jaxpr.options import Options
from jaxflops.jaxpr.registry import BODY_RULES
from jaxflops.jaxpr.symbols import to_count
from jaxflops.polynomial import Count

Argument = Callable[["Slice", int], int]  # number of an input -> step of the slice

# Primitives that hand the only element of an operand on.
_MOVES = frozenset(
    (
        *("copy", "copy_p", "reshape", "broadcast_in_dim", "squeeze", "expand_dims", "transpose"),
        *("rev", "stop_gradient", "optimization_barrier", "pvary", "device_put"),
        *("reduce_sum", "reduce_prod", "reduce_max", "reduce_min", "reduce_or", "reduce_and"),
    )
)
# The rest by the name that XLA gives the operation.
_OPCODES = {
    "sub": "subtract",
    "mul": "multiply",
    "div": "divide",
    "rem": "remainder",
    "neg": "negate",
    "min": "minimum",
    "max": "maximum",
    "convert_element_type": "convert",
    "shift_left": "shift-left",
    "shift_right_logical": "shift-right-logical",
    "shift_right_arithmetic": "shift-right-arithmetic",
}


class Frame:
    """A jaxpr that runs once, with a way to find its arguments."""

    def __init__(self, jaxpr: Any, argument: Argument) -> None:
        inner = _jax.open_jaxpr(jaxpr)
        self.jaxpr, self.argument = inner, argument
        self.constants: Mapping[Any, Any] = constants(jaxpr)
        self.inputs = {var: i for i, var in enumerate(inner.invars)}
        self.made = {v: (eqn, i) for eqn in inner.eqns for i, v in enumerate(eqn.outvars)}


class Slice:
    """Steps in an order in which each can be computed; `slots` are the loop state they read.

    in_cell: of a kernel, whose slots are the axes of its grid.
    """

    def __init__(self, *, in_cell: bool = False) -> None:
        self.steps: list[Step] = []
        self._in_cell = in_cell
        self.slots: dict[int, int] = {}
        self._known: dict[tuple[int, Any], int] = {}
        self._frames: list[Frame] = []  # kept alive while their ids are keys

    def add(self, step: Step) -> int:
        """Append a step; its number."""
        self.steps.append(step)
        return len(self.steps) - 1

    def slot(self, number: int, aval: Any) -> int:
        """The step that reads element `number` of a loop's state."""
        if number not in self.slots:
            self.slots[number] = self.add(Step("slot", xla_dtype(aval)))
        return self.slots[number]

    def frame(self, jaxpr: Any, argument: Argument) -> Frame:
        """One execution of `jaxpr` with these arguments."""
        self._frames.append(Frame(jaxpr, argument))
        return self._frames[-1]

    def result(self, frame: Frame, number: int = 0) -> int:
        """The step that computes one of a jaxpr's results."""
        return self.trace(frame, frame.jaxpr.outvars[number])

    def trace(self, frame: Frame, atom: Any) -> int:
        """The step that computes the value of a variable or literal; raises OpenLoopError."""
        dtype = xla_dtype(atom.aval)
        if type(atom) is _jax.Literal:
            return self._constant(atom.val, dtype)
        key = (id(frame), atom)
        if key not in self._known:
            self._known[key] = self._trace(frame, atom, dtype)
        return self._known[key]

    def _constant(self, value: Any, dtype: str) -> int:
        return self.add(Step("constant", dtype, value=only_element(value)))

    def _trace(self, frame: Frame, var: Any, dtype: str) -> int:
        if var in frame.inputs:
            return frame.argument(self, frame.inputs[var])
        if var in frame.constants:
            return self._constant(frame.constants[var], dtype)
        if var not in frame.made:
            raise OpenLoopError("a value from outside")
        eqn, number = frame.made[var]
        name = eqn.primitive.name
        if name == "dim_as_value":  # a symbolic size, as an integer
            return self.add(Step("constant", dtype, value=to_count(eqn.params["dim"])))
        if name in BODY_RULES:
            return self._inside(frame, eqn, number)
        if name in _MOVES:
            return self._same_dtype(self.trace(frame, eqn.invars[number]), dtype, name)
        return self._compute(frame, eqn, dtype)

    def _same_dtype(self, step: int, dtype: str, name: str) -> int:
        if self.steps[step].dtype != dtype:
            raise OpenLoopError(f"{name}, which reads {self.steps[step].dtype} as {dtype}")
        return step

    def _compute(self, frame: Frame, eqn: Any, dtype: str) -> int:
        name = eqn.primitive.name
        if name == "program_id" and self._in_cell:
            return self.slot(eqn.params["axis"], eqn.outvars[0].aval)
        args = [self.trace(frame, operand) for operand in eqn.invars]
        if name in ("integer_pow", "square"):
            return self._power(args[0], eqn.params.get("y", 2), dtype)
        if name == "select_n" and len(args) == 3:  # noqa: PLR2004 - (which, where 0, where 1)
            which, zero, one = args
            return self.add(Step("select", dtype, (which, one, zero)))
        if name.upper() in COMPARISONS:
            return self.add(Step("compare", dtype, tuple(args), direction=name.upper()))
        opcode = _OPCODES.get(name, name)
        if not knows(opcode):
            raise OpenLoopError(f"the result of {name}")
        return self.add(Step(opcode, dtype, tuple(args)))

    def _power(self, base: int, exponent: int, dtype: str) -> int:
        if not 1 <= exponent <= 64:  # noqa: PLR2004 - as far as an integer's width
            raise OpenLoopError(f"a power of {exponent}")
        result = base
        for _ in range(exponent - 1):
            result = self.add(Step("multiply", dtype, (result, base)))
        return result

    def _inside(self, frame: Frame, eqn: Any, number: int) -> int:
        """The result of what a call, a loop or a choice runs, on its operands."""
        name = eqn.primitive.name
        bodies = BODY_RULES[name](make_op(eqn, Options()), **eqn.params)
        if isinstance(bodies, OneOf):
            bodies = (bodies.branches[self._branch(frame, eqn, bodies)],)
        if isinstance(bodies, OpenLoop):
            return self._unchanged(frame, eqn, bodies.body, number)
        if len(bodies) != 1:
            raise OpenLoopError(f"the result of {name}")
        (body,) = bodies
        if body.feedback:
            return self._unchanged(frame, eqn, body, number)
        if body.times != 1 or number not in body.outputs:
            raise OpenLoopError(f"the result of {name}")
        inner = self.frame(body.jaxpr, lambda part, i: part.operand(frame, eqn, body, i))
        return self.result(inner, body.outputs.index(number))

    def operand(self, frame: Frame, eqn: Any, body: Body, number: int) -> int:
        """The step that computes what an equation gives to an input of its body."""
        position = body.inputs[number] if number < len(body.inputs) else None
        if position is None:
            raise OpenLoopError(f"what {eqn.primitive.name} gives to its body")
        return self.trace(frame, eqn.invars[position])

    def _unchanged(self, frame: Frame, eqn: Any, body: Body, number: int) -> int:
        """An element of another loop's state, where that loop passes it on as it is."""
        inputs = dict(body.feedback)
        if number not in inputs or not keeps(body, number):
            raise OpenLoopError(f"the result of another loop ({eqn.primitive.name})")
        return self.operand(frame, eqn, body, inputs[number])

    def _branch(self, frame: Frame, eqn: Any, choice: OneOf) -> int:
        if choice.chosen is not None:
            return choice.chosen
        index = value(frame, eqn.invars[0])
        if not isinstance(index, int):
            raise OpenLoopError("the result of a cond")
        return min(max(index, 0), len(choice.branches) - 1)


def value(frame: Frame, atom: Any) -> Count | None:
    """The integer that a scalar always is; None where that is not known."""
    part = Slice()
    try:
        index = part.trace(frame, atom)
        return None if part.slots else values(part.steps, {})[index]
    except OpenLoopError:
        return None


def keeps(body: Body, number: int) -> bool:
    """Whether a loop's body returns element `number` of its state unchanged."""
    part = Slice()
    slots = {operand: result for result, operand in body.feedback}
    if number not in slots.values():
        return False

    def state(part: Slice, i: int) -> int:
        if slots.get(i) != number:
            raise OpenLoopError("another element")
        return part.slot(i, frame.jaxpr.invars[i].aval)

    frame = part.frame(body.jaxpr, state)
    try:
        return part.result(frame, number) in part.slots.values()
    except OpenLoopError:
        return False


def xla_dtype(aval: Any) -> str:
    """XLA's name of a scalar integer's dtype; raises OpenLoopError for what is none."""
    shape: Sequence[Any] = getattr(aval, "shape", ())
    if any(size != 1 for size in shape):
        raise OpenLoopError(f"{_jax.show_aval(aval)}, which is an array")
    name = _jax.dtype_name(aval)
    short = {"bool": "pred"}.get(name, name.replace("uint", "u").replace("int", "s"))
    if bounds(short) is None:
        raise OpenLoopError(f"{_jax.show_aval(aval)}, which is not an integer")
    return short
