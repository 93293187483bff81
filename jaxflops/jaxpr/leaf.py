"""Price one equation by its rule; equal equations (name, shapes, dtypes, parameters) once."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from operator import index
from typing import Any, NamedTuple, cast

from jaxflops.cost import ZERO, Cost
from jaxflops.errors import JaxflopsError, UnknownCostError
from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.op import Array, Category, Op
from jaxflops.jaxpr.options import Options
from jaxflops.jaxpr.registry import CostRule, override
from jaxflops.jaxpr.symbols import to_count
from jaxflops.jaxpr.unread import unread, unread_dropped
from jaxflops.jaxpr.users_rules import is_ours, raised
from jaxflops.polynomial import Polynomial
from jaxflops.tree import Kind, Node, Site, State

INTO_TILES = {"mma", "wgmma", "wgmma_ref", "tcgen05_mma"}
"""Products of kernels whose operands are (accumulator, left, right)."""


class Priced(NamedTuple):
    """What all equal equations share."""

    cost: Cost
    kind: Kind
    state: State
    notes: tuple[str, ...]


class Leaves:
    """The leaves of one walk."""

    def __init__(self, options: Options) -> None:
        self.rules = override(options.rules)
        self.asked: set[str] = set()  # the primitives that were priced
        self._options = options
        self._priced: dict[Any, Priced] = {}
        self._types: dict[int, int] = {}  # id of an aval -> number of its (shape, dtype)
        self._numbers: dict[tuple[Any, Any], int] = {}

    def node(self, eqn: Any, site: Site) -> Node:
        """The leaf of an equation that runs no jaxpr of its own."""
        cost, kind, state, notes = self.price(eqn)
        return Node(eqn.primitive.name, site, cost, cost, kind, state, 1, (), notes)

    def reading(self, eqn: Any, jaxpr: Any) -> Any:
        """The equation, with a DropVar for each result that nothing in its jaxpr reads."""
        return unread_dropped(eqn, jaxpr)

    def price(self, eqn: Any) -> Priced:
        """The equation's cost, from the cache if an equal one was seen."""
        name = eqn.primitive.name
        rule = self.rules.get(name)
        try:
            key = self._key(eqn, name, rule)
            priced = self._priced.get(key)
        except (TypeError, AttributeError):  # an unhashable parameter, an operand without shape
            return self._compute(eqn, rule)
        if priced is None:
            priced = self._priced[key] = self._compute(eqn, rule)
        return priced

    def _key(self, eqn: Any, name: str, rule: CostRule | None) -> tuple[Any, ...]:
        """What the cost depends on: types of operands and results, and the parameters read."""
        types = self._types
        results = [self._number(v.aval) for v in eqn.outvars]  # new to the walk, as a rule
        results += unread(eqn)
        try:
            operands = [types[id(v.aval)] for v in eqn.invars]
        except KeyError:  # an argument, a constant, a literal
            operands = [self._number(v.aval) for v in eqn.invars]
        params = eqn.params
        precision = params.get("precision")  # no cost depends on it, but the kind does
        if rule is None or not rule.reads:
            return (name, precision, *operands, *results)
        return (name, precision, *operands, *results, *[params.get(read) for read in rule.reads])

    def _number(self, aval: Any) -> int:
        """A number for the aval's shape and dtype; hashing those each time is what costs.

        The walk keeps its jaxprs alive, and they their avals, so an id is not reused.
        """
        number = self._numbers.setdefault((aval.shape, aval.dtype), len(self._numbers))
        self._types[id(aval)] = number
        return number

    def _compute(self, eqn: Any, rule: CostRule | None) -> Priced:
        op = make_op(eqn, self._options)
        self.asked.add(op.name)
        if rule is None:
            return self._unknown(op, "no cost rule")
        if rule.state in ("free", "moved") and any(_jax.jaxprs_in(eqn.params)):
            return self._unknown(op, "it runs jaxprs, and its rule says that it does nothing")
        try:
            cost = rule.formula(op, **eqn.params)
        except UnknownCostError as reason:  # the rule cannot say: a foreign function, a symbol
            return self._unknown(op, str(reason))
        except Exception as error:
            if isinstance(error, JaxflopsError) or is_ours(rule.formula):
                raise
            raise raised(error, rule.formula, eqn) from error
        cost = _exact(op.name, cost)
        if rule.state != "free" and not (cost.bytes_read or cost.bytes_written):
            cost = cost + _traffic(op)
        notes = (f"{op.name}: {rule.note.format(**eqn.params)}",) if rule.note else ()
        return Priced(cost, kind_of(op, cost, eqn.params), rule.state, notes)

    def _unknown(self, op: Op, reason: str) -> Priced:
        shapes = ", ".join(_shape(array) for array in op.inputs)
        message = f"{op.name}({shapes}): {reason}, so its FLOPs are not in the totals"
        if self._options.strict:
            raise UnknownCostError(
                f"{message}; write one with @jf.cost_rule({op.name!r}), "
                f"or pass rules={{{op.name!r}: rule}}"
            )
        return Priced(_traffic(op), kind_of(op, ZERO, {}), "unknown", (message,))


def _exact(name: str, cost: Any) -> Cost:
    """What a rule gave, NumPy's integers as ints.

    Raises JaxflopsError for what it must not give: no Cost, a float in one, less than nothing.
    """
    counts = cost.as_dict().values() if isinstance(cost, Cost) else (None,)
    if all(isinstance(count, int) and count >= 0 for count in counts):
        return cast("Cost", cost)
    try:
        exact = cast("Cost", cost).map(_count)
    except (TypeError, AttributeError):
        raise JaxflopsError(
            f"the rule of {name!r} gave {cost!r}; it gives a jf.Cost, whose counts are exact: ints "
            "or polynomials (write n // 2, not n / 2)"
        ) from None
    if any(isinstance(count, int) and count < 0 for count in exact.as_dict().values()):
        raise JaxflopsError(f"the rule of {name!r} gave {cost!r}: no work is less than 0")
    return exact


def _count(value: Any) -> Any:
    return value if isinstance(value, (Fraction, Polynomial)) else index(value)


def make_op(eqn: Any, options: Options) -> Op:
    """The equation as rules see it."""
    inputs = tuple(array_of(v.aval) for v in eqn.invars)
    outputs = tuple(array_of(v.aval) for v in eqn.outvars)
    return Op(eqn.primitive.name, inputs, outputs, options.conv, unread(eqn))


def kind_of(op: Op, cost: Cost, params: Mapping[str, Any]) -> Kind:
    """The leaf's kind: operands, accumulator and precision of a contraction; else one dtype."""
    if cost.matmul_flops and op.name in INTO_TILES:
        return Kind(tuple(array.dtype for array in op.inputs[1:3]), op.inputs[0].dtype)
    if cost.matmul_flops:
        operands = tuple(array.dtype for array in op.inputs[:2])
        result = op.out.dtype if op.outputs else ""
        return Kind(operands, result, _precision(params.get("precision")))
    arrays = (*op.outputs, *op.inputs)
    numeric = [array.dtype for array in arrays if array.category in ("float", "complex", "integer")]
    return Kind((numeric[0] if numeric else arrays[0].dtype,)) if arrays else Kind(("token",))


def _precision(precision: Any) -> str:
    """One name: of both operands when they agree, of an algorithm, or nothing."""
    if precision is None:
        return ""
    parts = precision if isinstance(precision, tuple) else (precision,)
    names = list(dict.fromkeys(getattr(part, "name", str(part)) for part in parts))
    return "" if names == ["DEFAULT"] else "/".join(names)


def array_of(aval: Any) -> Array:
    """An abstract value as rules see it."""
    shape = tuple(to_count(dim) for dim in getattr(aval, "shape", ()))
    category = cast("Category", _jax.category(aval))
    return Array(shape, _jax.dtype_name(aval), _jax.itemsize(aval), category)


def _traffic(op: Op) -> Cost:
    """Every operand read and every result written, in bytes."""
    read = sum(array.bytes for array in op.inputs)
    written = sum(array.bytes for array in op.outputs)
    return Cost(bytes_read=read, bytes_written=written)


def _shape(array: Array) -> str:
    return f"{array.dtype}[{','.join(str(size) for size in array.shape)}]"
