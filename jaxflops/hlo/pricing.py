"""Price one instruction by its rule; what an applied function costs is computed once."""

from __future__ import annotations

from typing import NamedTuple

from jaxflops.cost import ZERO, Cost
from jaxflops.errors import UnknownCostError
from jaxflops.hlo.ir import Computation, HloError, Instruction, Module
from jaxflops.hlo.kinds import kind_of
from jaxflops.hlo.library_calls import rule_of
from jaxflops.hlo.opcodes import PLAIN
from jaxflops.hlo.rules._rule import HloOp
from jaxflops.hlo.shape import Shape
from jaxflops.hlo.verify import check
from jaxflops.tree import Kind, State

# They name values; nothing runs.
NAMES = frozenset({"parameter", "constant", "tuple", "get-tuple-element"})
BY_SHAPE = PLAIN | {"compare", "broadcast", "transpose", "iota"}  # nothing else decides a price


class Priced(NamedTuple):
    """What an instruction costs alone, and how that is known."""

    label: str
    cost: Cost
    kind: Kind
    state: State
    notes: tuple[str, ...]


class Pricing:
    """Prices of the instructions of one module."""

    def __init__(self, module: Module, *, strict: bool = False) -> None:
        self._module = module
        self._strict = strict
        self._applied: dict[str, Cost] = {}

    def check(self, ins: Instruction, where: Computation) -> None:
        """Raise HloError if the instruction contradicts its operands."""
        check(self._module, where, ins, self.op(ins, where).operands)

    def op(self, ins: Instruction, where: Computation) -> HloOp:
        """The instruction as a rule sees it."""
        known = where.instructions
        return HloOp(ins, tuple([known[name].shape for name in ins.operands]), self.apply)

    def price(self, ins: Instruction, where: Computation, *, fused: bool = False) -> Priced:
        """The instruction's cost; the bytes that it reads and writes by itself, unless fused."""
        op = self.op(ins, where)
        check(self._module, where, ins, op.operands)
        label, rule = rule_of(ins)
        if rule is None:
            return self._unknown(label, op, "no rule", fused)
        try:
            cost = rule.formula(op)
        except (UnknownCostError, IndexError) as reason:
            return self._unknown(label, op, str(reason), fused)
        except ValueError as error:  # what no check of the module asks
            raise HloError(
                f"{label} {ins.name!r} in {where.name!r} does not fit its operands ({error}). "
                "The module is damaged"
            ) from error
        if fused:
            cost = without_bytes(cost)
        elif rule.state != "free" and not (cost.bytes_read or cost.bytes_written):
            cost = cost + traffic(op)
        notes = (f"{label}: {rule.note}",) if rule.note else ()
        return Priced(label, cost, kind_of(op, cost), rule.state, notes)

    def apply(self, name: str) -> Cost:
        """One application of a computation to scalars; those stay in registers: no bytes.

        Raises UnknownCostError for an instruction in it without a rule.
        """
        if name not in self._applied:
            where = self._module[name]
            parts = (self._applied_one(ins, where) for ins in where if ins.opcode not in NAMES)
            self._applied[name] = sum(parts, ZERO)
        return self._applied[name]

    def _applied_one(self, ins: Instruction, where: Computation) -> Cost:
        if ins.opcode in ("call", "fusion"):
            return self.apply(ins.called[0])
        op = self.op(ins, where)
        check(self._module, where, ins, op.operands)
        rule = rule_of(ins)[1]
        if rule is None:
            raise UnknownCostError(f"the cost of {ins.opcode} inside {where.name} is not known")
        return without_bytes(rule.formula(op))

    def _unknown(self, label: str, op: HloOp, reason: str, fused: bool) -> Priced:
        shapes = ", ".join(map(_show, op.operands))
        message = f"{label}({shapes}): {reason}, so its FLOPs are not in the totals"
        if self._strict:
            raise UnknownCostError(message)
        cost = ZERO if fused else traffic(op)
        return Priced(label, cost, kind_of(op, ZERO), "unknown", (message,))


def traffic(op: HloOp) -> Cost:
    """Every operand read and every result written, in bytes."""
    read = sum(shape.bytes for shape in op.operands)
    return Cost(bytes_read=read, bytes_written=op.ins.shape.bytes)


def without_bytes(cost: Cost) -> Cost:
    """The arithmetic alone."""
    if not (cost.bytes_read or cost.bytes_written):
        return cost
    arithmetic = cost.matmul_flops, cost.other_flops, cost.transcendentals, cost.int_ops
    if not (any(arithmetic) or cost.payload_bytes):
        return ZERO
    return Cost(*arithmetic, payload_bytes=cost.payload_bytes)


def _show(shape: Shape) -> str:
    return f"{shape.dtype}[{','.join(map(str, shape.dims))}]"
