"""Faults are found: each is planted, and the ledger must report it as unexplained, to the FLOP.

    python scripts/faults.py

A fault changes one rule of one lane for a while. What it gets wrong is known without the ledger
(the rule's excess counted alone, or the totals with and without it), and the ledger's `unexplained`
must be exactly that, after 0 before. Programs are models and programs written for this. Exit code 1
when a fault is missed or its size is wrong.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any, NamedTuple
from unittest.mock import patch

import jax
import jax.numpy as jnp
from jax import lax

import jaxflops as jf
import jaxflops.compiled
from jaxflops.compare.causes import CAUSES
from jaxflops.compare.work_causes import WORK_CAUSES
from jaxflops.cost import Cost
from jaxflops.hlo.loops import Loops, Trips
from jaxflops.hlo.pricing import Pricing
from jaxflops.hlo.rules._rule import RULES
from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.registry import BODY_RULES, COST_RULES, make_rule
from jaxflops.models import suite

Rule = Callable[..., Cost]


class Program(NamedTuple):
    """A function and its arguments."""

    name: str
    fn: Callable[..., Any]
    args: tuple[Any, ...]


class Fault(NamedTuple):
    """plant: a context in which the fault is there. size: of a program, what it gets wrong.

    compiled: whether it shows between lowered and compiled only.
    elementwise: whether it is in elementwise work, not in contractions.
    """

    name: str
    plant: Callable[[], Any]
    size: Callable[[Program], int]
    programs: tuple[str, ...]
    compiled: bool = False
    elementwise: bool = False


def attention(q: Any, k: Any, v: Any) -> Any:
    weights = jnp.einsum("bqhd,bkhd->bhqk", q, k)
    return jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(weights), v).sum()


def grouped(x: Any, w: Any) -> Any:
    return lax.conv_general_dilated(x, w, (2,), "SAME", feature_group_count=4).sum()


def nested(x: Any, w: Any) -> Any:
    def inner(x: Any, _: Any) -> tuple[Any, None]:
        return jnp.tanh(x @ w), None

    def outer(x: Any, _: Any) -> tuple[Any, None]:
        return lax.scan(inner, x, length=3)[0] @ w, None

    return lax.scan(outer, x, length=6, unroll=2)[0].sum()


def loop(x: Any, w: Any) -> Any:
    return lax.scan(lambda x, _: (jnp.tanh(x @ w), None), x, length=5)[0].sum()


def twice(x: Any, w: Any) -> Any:
    first = x @ w
    second = x @ w
    return jnp.sin(first) + jnp.cos(second)


def loss_alone(loss: Any) -> Callable[..., Any]:
    """The gradient is asked for and thrown away: all of it is dead."""
    return lambda *args: jax.value_and_grad(loss, argnums=loss.argnums)(*args)[0]


def invariant(x: Any, w: Any) -> Any:
    """A scan that asks for the sine of what it does not change."""
    return lax.scan(lambda x, _: (x @ w * jnp.sin(x[0, 0]) + jnp.cos(w).sum(), None), x, length=7)[
        0
    ]


def half_used(x: Any, w: Any) -> Any:
    """A scan whose stacked results nobody reads."""
    return lax.scan(lambda c, _: (jnp.sin(c), c @ w), x, length=3)[0]


def programs() -> dict[str, Program]:
    """Models' gradients, and programs that are in no model."""
    f32 = jf.specs("f32[2,6,3,4]", "f32[2,8,3,4]", "f32[2,8,3,4]")
    conv, square = jf.specs("f32[2,16,9]", "f32[8,4,3]"), jf.specs("f32[4,6]", "f32[6,6]")
    found = [
        Program("attention", jax.grad(attention, (0, 1, 2)), f32),
        Program("grouped convolution", jax.grad(grouped, (0, 1)), conv),
        Program("nested scan", jax.grad(nested, 1), square),
        Program("loop", jax.grad(loop, 1), square),
        Program("twice", twice, square),
        Program("half used", half_used, square),
        Program("invariant", invariant, square),
    ]
    for name, loss, args in suite("small"):
        found.append(Program(name, jax.grad(loss, argnums=loss.argnums), args))
        found.append(Program(f"{name}, loss alone", loss_alone(loss), args))
    return {program.name: program for program in found}


def two_k(op: Any, /, *, dimension_numbers: Any, **_: Any) -> Cost:
    """Twice the contracted size: what the wrong rule has too much."""
    (contracted, _rhs), _batch = dimension_numbers
    return Cost(matmul_flops=2 * prod(op.inputs[0].shape[axis] for axis in contracted))


def dense(op: Any, /, **params: Any) -> Cost:
    """A grouped convolution as if each output saw every input channel."""
    right = RIGHT["conv_general_dilated"].formula(op, **params)
    return right * (params["feature_group_count"] * params["batch_group_count"])


RIGHT = dict(COST_RULES)


def rule(primitive: str, formula: Rule) -> Any:
    """The primitive's rule replaced; parameters that only the right one names are read, too."""
    reads = (*make_rule(formula).reads, *RIGHT[primitive].reads, "feature_group_count")
    wrong = replace(RIGHT[primitive], formula=formula, reads=(*reads, "batch_group_count"))
    return patch.dict(COST_RULES, {primitive: wrong})


def off_by_two_k() -> Any:
    right = RIGHT["dot_general"].formula

    def wrong(op: Any, /, *, dimension_numbers: Any, **_: Any) -> Cost:
        numbers = dimension_numbers
        return right(op, dimension_numbers=numbers) + two_k(op, dimension_numbers=numbers)

    return rule("dot_general", wrong)


def hlo_off_by_result() -> Any:
    """The compiler's lane: a product with one multiply-add too few for each result."""
    right = RULES["dot"]
    wrong = right._replace(
        formula=lambda op: Cost(matmul_flops=right.formula(op).matmul_flops - 2 * op.out.size)
    )
    return patch.dict(RULES, {"dot": wrong})


def without_trips() -> Any:
    right = BODY_RULES["scan"]

    def wrong(op: Any, /, **params: Any) -> Any:
        return tuple(replace(body, times=1) for body in right(op, **params))

    return patch.dict(BODY_RULES, {"scan": wrong})


def twice_as_much(primitive: str) -> Any:
    right = RIGHT[primitive].formula
    return rule(primitive, lambda op, /, **params: right(op, **params) * 2)


def hlo_twice_as_much(opcode: str) -> Any:
    right = RULES[opcode]
    return patch.dict(RULES, {opcode: right._replace(formula=lambda op: right.formula(op) * 2)})


def calls_of(primitive: str) -> Callable[[Program], int]:
    """Transcendental calls of a primitive, from the analysis alone."""

    def size(program: Program) -> int:
        return jf.analyze(program.fn)(*program.args).by("primitive")[primitive].transcendentals

    return size


def without_compiled_trips() -> Any:
    """Only the compiled program is read with each loop once."""
    right = jaxflops.compiled.read

    def wrong(*given: Any) -> Any:
        with without_hlo_trips():
            return right(*given)

    return patch.object(jaxflops.compiled, "read", wrong)


def without_hlo_trips() -> Any:
    return patch.object(Loops, "trips", lambda *_: Trips(1))


def unknown_pass(causes: dict[str, Any], name: str) -> Callable[[], Any]:
    """A pass of the compiler that the ledger has never heard of."""
    known = {each: causes[each] for each in causes if each != name}
    return lambda: patch.dict(causes, known, clear=True)


def hlo_twice_in_fusions(opcode: str) -> Any:
    """An instruction counts twice where it was fused: only the compiler fuses."""
    right = Pricing.price

    def wrong(pricing: Any, ins: Any, where: Any, *, fused: bool = False) -> Any:
        priced = right(pricing, ins, where, fused=fused)
        return priced._replace(cost=priced.cost * 2) if fused and ins.opcode == opcode else priced

    return patch.object(Pricing, "price", wrong)


def work_compiled(program: Program, **options: Any) -> int:
    """Elementwise work and reductions of what XLA compiles."""
    lowered = jax.jit(program.fn).lower(*program.args)
    total = jf.analyze_compiled(lowered.compile(compiler_options=options))().total
    return int(total.other_flops) + int(total.transcendentals)


def by_compiled(plant: Callable[[], Any]) -> Callable[[Program], int]:
    """The compiled program's elementwise work with and without the fault."""

    def size(program: Program) -> int:
        right = work_compiled(program)
        with plant():
            return abs(work_compiled(program) - right)

    return size


def by_pass(name: str) -> Callable[[Program], int]:
    """What XLA compiles to with the pass and without it."""

    def size(program: Program) -> int:
        without = work_compiled(program, xla_disable_hlo_passes=name)
        return abs(work_compiled(program) - without)

    return size


def with_dead_code() -> Any:
    return patch("jaxflops.analysis.remove_dead_code", lambda program: (program.jaxpr, []))


def renamed_phase(old: str, new: str) -> Callable[[], Any]:
    right = _jax.read_stack

    def wrong(stack: Any) -> Any:
        scope, phase = right(stack)
        return scope, (new if phase == old else phase)

    return lambda: patch.object(_jax, "read_stack", wrong)


def counted(program: Program, **options: Any) -> int:
    return jf.analyze(program.fn, **options)(*program.args).matmul_flops


def excess(formula: Rule) -> Callable[[Program], int]:
    """The contractions of a program by this formula instead: what a rule has too much."""

    def size(program: Program) -> int:
        nothing = {"conv_general_dilated": lambda _op, /, **_: Cost()}
        return counted(program, rules={"dot_general": formula, **nothing})

    return size


def by_difference(plant: Callable[[], Any]) -> Callable[[Program], int]:
    """The totals with and without the fault."""

    def size(program: Program) -> int:
        right = counted(program)
        with plant():
            return abs(counted(program) - right)

    return size


def of_phase(phase: Any) -> Callable[[Program], int]:
    return lambda program: (
        jf.analyze(program.fn)(*program.args).phase(phase).matmul_flops  # all of it moves
    )


def results(op: Any, /, **_: Any) -> Cost:
    return Cost(matmul_flops=2 * op.out.size)


def faults() -> list[Fault]:
    def no_batch() -> Any:
        return rule("dot_general", _no_batch_formula())

    def dense_groups() -> Any:
        return rule("conv_general_dilated", dense)

    def tanh_in_fusions() -> Any:
        return hlo_twice_in_fusions("tanh")

    hoisting = "while-loop-invariant-code-motion"
    scans = ("mlp-scan", "lstm-scan-remat", "nested scan")
    moved = of_phase("backward"), of_phase("recompute")
    return [
        Fault("a product counts 2K too much", off_by_two_k, excess(two_k), ("two_layer", *scans)),
        Fault("a product forgets its batch", no_batch, by_difference(no_batch),
              ("attention", "transformer-scan")),
        Fault("a scan runs once", without_trips, by_difference(without_trips), scans),
        Fault("dead code is counted", with_dead_code, by_difference(with_dead_code),
              ("half used", "mlp-unrolled, loss alone", "transformer-scan-remat, loss alone")),
        Fault("a grouped convolution is dense", dense_groups, by_difference(dense_groups),
              ("grouped convolution", "ssm-scan")),
        Fault("backward is forward", renamed_phase("backward", "forward"), moved[0],
              ("two_layer", "attention", "mlp-scan")),
        Fault("recompute is backward", renamed_phase("recompute", "backward"), moved[1],
              ("mlp-scan-remat", "transformer-scan-remat")),
        Fault("HLO: a product counts a multiply-add too few", hlo_off_by_result, excess(results),
              ("two_layer", *scans)),
        Fault("HLO: a loop runs once", without_hlo_trips, by_difference(without_trips),
              ("mlp-scan", "lstm-scan-remat")),
        Fault("tanh counts twice", lambda: twice_as_much("tanh"), calls_of("tanh"),
              ("lstm-scan", "nested scan"), elementwise=True),
        Fault("HLO: tanh counts twice", lambda: hlo_twice_as_much("tanh"), calls_of("tanh"),
              ("lstm-scan", "nested scan"), elementwise=True),
        Fault("compiled: a loop runs once", without_compiled_trips, by_difference(without_trips),
              ("mlp-scan", "loop"), compiled=True),
        Fault("compiled: nobody knows cse", unknown_pass(CAUSES, "cse"), lambda _: 2 * 4 * 6 * 6,
              ("twice",), compiled=True),
        Fault("compiled: a loop's elementwise work runs once", without_compiled_trips,
              by_compiled(without_hlo_trips), ("lstm-scan", "nested scan"), True, True),
        Fault("compiled: tanh counts twice in a fusion", tanh_in_fusions,
              by_compiled(tanh_in_fusions), ("transformer-gpt2", "nested scan"), True, True),
        Fault("compiled: nobody knows fusion", unknown_pass(WORK_CAUSES, "fusion"),
              by_pass("fusion"), ("mlp-scan", "lstm-scan", "transformer-scan"), True, True),
        Fault("compiled: nobody knows hoisting", unknown_pass(WORK_CAUSES, hoisting),
              by_pass(hoisting), ("invariant",), True, True),
    ]  # fmt: skip


def _no_batch_formula() -> Rule:
    right = RIGHT["dot_general"].formula

    def wrong(op: Any, /, *, dimension_numbers: Any, **_: Any) -> Cost:
        batch = prod(op.inputs[0].shape[axis] for axis in dimension_numbers[1][0])
        whole = right(op, dimension_numbers=dimension_numbers).matmul_flops
        return Cost(matmul_flops=whole // batch)

    return wrong


def unexplained(program: Program, fault: Fault) -> int:
    found = jf.compare(program.fn, compiled=fault.compiled)(*program.args)
    return found.elementwise.unexplained if fault.elementwise else found.unexplained


def check(fault: Fault, program: Program) -> bool:
    """Print one line: expected, found; whether they agree, and nothing was found before."""
    before = unexplained(program, fault)
    expected = fault.size(program)
    with fault.plant():
        found = unexplained(program, fault)
    good = before == 0 and expected == found > 0
    verdict = "found" if good else f"MISSED (without the fault: {before:,})"
    print(f"{fault.name:46} {program.name:24} {expected:>12,} {found:>12,}  {verdict}", flush=True)
    return good


def main() -> int:
    known = programs()
    print(f"{'fault':46} {'program':24} {'expected':>12} {'unexplained':>12}")
    verdicts = [check(fault, known[name]) for fault in faults() for name in fault.programs]
    print(f"{sum(verdicts)} of {len(verdicts)} faults found, to the FLOP (jax {jax.__version__})")
    return 0 if verdicts and all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
