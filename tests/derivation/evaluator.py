"""Run a traced program with every contraction replaced by its *printed* form.

Arrays are looked up by printed name only. A wrong name, a wrong transposition, two arrays under one
name, or a row for what should be dead: each breaks the outputs or raises.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import in_numpy
import jax
import jax.numpy as jnp
import numpy as np
from convolutions import conv, conv_input_grad, conv_weight_grad

from jaxflops.jaxpr import _jax
from jaxflops.jaxpr.derivation.accumulation import whole
from jaxflops.jaxpr.derivation.derive import Deriver
from jaxflops.jaxpr.derivation.plan import Planned
from jaxflops.jaxpr.derivation.values import Loop, Scope, Value
from jaxflops.jaxpr.derivation.views_of import Views, inverse
from jaxflops.jaxpr.leaf import make_op
from jaxflops.jaxpr.op import Body, OneOf, OpenLoop
from jaxflops.jaxpr.options import Options
from jaxflops.jaxpr.program import How
from jaxflops.jaxpr.registry import BODY_RULES
from jaxflops.jaxpr.trace import trace

COMPILE_FAST = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
    "xla_allow_excess_precision": False,
}
MISSING = object()  # the array of a dead equation
Indexes = dict[Loop, int]


class Evaluator:
    """One run. `env`: arrays by printed name; `terms`: what each `+=` adds, by printed name."""

    def __init__(self, fn: Callable[..., Any], args: Sequence[Any], **how: Any) -> None:
        program = trace(fn, How(**how), tuple(args), {})
        self.program = program
        self.jaxpr = program.jaxpr
        self.deriver = deriver = Deriver(program, Options())
        self.env: dict[str, Any] = {}
        self.terms: dict[str, list[Any]] = defaultdict(list)
        self.scattered: dict[Value, tuple[Any, Any]] = {}  # operand and result
        self.plans = {plan.product.value: plan for plan in deriver.planner.plans}
        keys = [n.key for p in deriver.planner.plans for n in (p.out, *p.operands)]
        self.texts = {deriver.names[key] for key in keys}
        self.holders = {key.value: deriver.names[key] for key in keys if not key.suffix}
        ordered = sorted(self.texts, key=len, reverse=True)
        self.pattern = re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, ordered))})(?![\w'#\[])")

    def run(self, args: Sequence[Any]) -> list[Any]:
        """The program's flat outputs."""
        flat = [jnp.asarray(leaf) for leaf in jax.tree.leaves(args)]
        consts = [jnp.asarray(c) for c in getattr(self.jaxpr, "consts", ())]
        outputs = self.execute(self.deriver.flow.root, flat, {}, consts)
        assert all(o is not MISSING for o in outputs), "an output depends on a dead row"
        return outputs

    def check_sums(self, outputs: Sequence[Any]) -> int:
        """Terms add up to the gradients of the weights, with what is scattered into them.

        Weights enter through products, and as tables whose rows are looked up.
        """
        totals, looked_up = {}, {}
        results = self.deriver.flow.results
        for output, result, source in zip(
            outputs, results, self.program.differentiated, strict=True
        ):
            if source is not None and self.program.names[source].startswith(("w", "params")):
                name = self.gradient(source, result)
                totals[name], looked_up[name] = output, list(self.lookups(result))
        held = [name for name in self.terms if name in totals]
        for name in held:
            terms = [*self.terms[name], *looked_up[name]]
            same(sum(terms), totals[name], f"sum of the terms of {name}")
        return len(held)

    def gradient(self, source: int, result: Value) -> str:
        """What the forms call an argument's gradient; of nested ones, the one that is returned."""
        holder = self.deriver.flow.arguments[source]
        roots = self.deriver.planner._roots.get((holder, ".grad"), [])
        session = roots.index(whole(result)) + 1 if whole(result) in roots else 1
        name = f"{self.program.names[source]}.grad"
        return name if session == 1 else f"{name}#{session}"

    def lookups(self, value: Value) -> Iterator[Any]:
        """What is scattered into zeros among the terms of a sum: gradients of looked-up rows."""
        if value.kind != "equation":
            return
        if value.eqn.primitive.name == "scatter-add":
            assert not np.any(self.scattered[value][0]), "scattered into what is no zero"
            yield self.scattered[value][1]
        elif value.eqn.primitive.name in ("add", "add_any"):
            for term in value.inputs:
                yield from self.lookups(term)

    def execute(
        self, scope: Scope, inputs: Sequence[Any], at: Indexes, consts: Sequence[Any] = ()
    ) -> list[Any]:
        """One execution of a scope's jaxpr."""
        jaxpr = scope.jaxpr
        arrays: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
        arrays.update(zip(jaxpr.invars, inputs, strict=True))
        for var, array in list(arrays.items()):
            self.store(scope.values[var], array, at)

        def read(atom: Any) -> Any:
            if not isinstance(atom, _jax.Literal):
                return arrays[atom]
            known = scope.values.get(self.deriver.flow.literal(atom))
            if known is not None:
                self.store(known, jnp.asarray(atom.val, atom.aval.dtype), at)
            return atom.val

        for position, eqn in enumerate(jaxpr.eqns):
            operands = [read(atom) for atom in eqn.invars]
            results = self.equation(scope, position, eqn, operands, at)
            for var, array in zip(eqn.outvars, results, strict=True):
                arrays[var] = array
                self.store(scope.values[var], array, at)
        return [read(atom) for atom in jaxpr.outvars]

    def equation(
        self, scope: Scope, position: int, eqn: Any, operands: list[Any], at: Indexes
    ) -> list[Any]:
        """The results of one equation."""
        children = scope.children.get(position)
        if children:
            return self.call(children, eqn, operands, at)
        value = scope.values[eqn.outvars[0]] if eqn.outvars else None
        plan = self.plans.get(value) if value is not None else None
        if plan is not None:
            return [MISSING if plan.product.node is None else self.form(plan, at)]
        if any(operand is MISSING for operand in operands):
            return [MISSING] * len(eqn.outvars)
        plain = in_numpy.run(eqn, operands)
        if plain is not None:
            return [plain]
        result = eqn.primitive.bind(*operands, **eqn.params)
        if eqn.primitive.name == "scatter-add":
            self.scattered[value] = operands[0], result
        return list(result) if eqn.primitive.multiple_results else [result]

    def form(self, plan: Planned, at: Indexes) -> Any:
        """The raw result of a contraction, computed from its printed form alone."""
        row = self.deriver.row(plan)
        name, sign, body = re.fullmatch(r"(.*?) (\+?=) (.*)", row.form).groups()
        assert name == row.name
        found: dict[str, Any] = {}

        def replace(match: re.Match[str]) -> str:
            key = f"_{len(found)}"
            found[key] = self.env[self.at(match[0], at)]
            return key

        code = self.pattern.sub(replace, body)
        if "astype" not in body:  # NumPy has no bfloat16 product: casts are left to JAX
            found = {key: np.asarray(array) for key, array in found.items()}
        array = eval(code, {**FUNCTIONS, "__builtins__": {}}, found)
        aval = plan.product.value.aval
        raw = apply(plan.out.views, array).astype(aval.dtype)
        assert raw.shape == aval.shape, (row.form, raw.shape, aval.shape)
        named = self.at(name, at)
        if sign == "+=":
            self.terms[named].append(array)
        else:
            self.put(named, array)
        return raw

    def store(self, value: Value, array: Any, at: Indexes) -> None:
        """Keep an array under every name that its value has."""
        if array is MISSING:
            return
        canonical = self.deriver.references.canonical(value)
        if canonical in self.holders:
            self.put(self.at(self.holders[canonical], at), array)
        for named in self.deriver.planner.bindings.get(value, ()):
            name = self.deriver.names[named.key]
            self.put(self.at(name, at), apply(inverse(named.views), array))

    def put(self, name: str, array: Any) -> None:
        """Two different arrays under one name are an error."""
        if name in self.env:
            same(array, self.env[name], name)
        else:
            self.env[name] = array

    def at(self, name: str, at: Indexes) -> str:
        """`h[i-1]` in iteration 3 is `h[2]`."""
        letters = {loop.index: index for loop, index in at.items()}
        pattern = rf"\[({'|'.join(letters) or '$'})([+-]1)?\]"
        return re.sub(pattern, lambda m: f"[{letters[m[1]] + int(m[2] or 0)}]", name)

    def call(self, children: list[Scope], eqn: Any, operands: list[Any], at: Indexes) -> list[Any]:
        """An equation that runs jaxprs."""
        bodies = BODY_RULES[eqn.primitive.name](make_op(eqn, Options()), **eqn.params)
        if isinstance(bodies, OneOf):
            assert operands[0] is not MISSING
            chosen = bodies.chosen if bodies.chosen is not None else int(operands[0])
            body = bodies.branches[chosen]
            return self.execute(children[chosen], [operands[i] for i in body.inputs], at)
        if isinstance(bodies, OpenLoop):
            return self.while_loop(bodies, children, operands, at)
        (body,), (child,) = bodies, children
        if body.label == "body":
            return self.scan(body, child, eqn, operands, at)
        return self.execute(child, [operands[i] for i in body.inputs], at)

    def scan(
        self, body: Body, child: Scope, eqn: Any, operands: list[Any], at: Indexes
    ) -> list[Any]:
        """Iterations in order, each with its index."""
        loop = child.loops[-1]
        inner = child.jaxpr
        carried = {operand: operands[body.inputs[operand]] for _, operand in body.feedback}
        order = range(body.times) if loop.step > 0 else reversed(range(body.times))
        stacks: dict[int, dict[int, Any]] = defaultdict(dict)
        results: list[Any] = []
        for i in order:
            inputs = []
            for j, var in enumerate(inner.invars):
                array = carried.get(j, operands[body.inputs[j]])
                mapped = j not in carried and array is not MISSING and array.ndim > var.aval.ndim
                inputs.append(array[i] if mapped else array)
            results = self.execute(child, inputs, {**at, loop: i})
            for result, operand in body.feedback:
                carried[operand] = results[result]
            for k, array in enumerate(results):
                stacks[k][i] = array
        finals = {result for result, _ in body.feedback}
        return [
            results[k] if k in finals else stack([stacks[k][i] for i in range(body.times)])
            for k in range(len(inner.outvars))
        ]

    def while_loop(
        self, loop: OpenLoop, children: list[Scope], operands: list[Any], at: Indexes
    ) -> list[Any]:
        """Iterations for as long as the condition holds."""
        body, test = children  # in the order in which they are opened
        tests = [operands[i] for i in loop.test.inputs[: -len(loop.body.feedback) or None]]
        consts = [operands[i] for i in loop.body.inputs[: -len(loop.body.feedback) or None]]
        carry = [operands[i] for i in loop.body.inputs[len(consts) :]]
        i = 0
        while bool(self.execute(test, [*tests, *carry], {**at, body.loops[-1]: i})[0]):
            carry = self.execute(body, [*consts, *carry], {**at, body.loops[-1]: i})
            i += 1
        return carry


def stack(arrays: list[Any]) -> Any:
    return MISSING if any(a is MISSING for a in arrays) else np.stack(arrays)


def apply(views: Views, array: Any) -> Any:
    """The array seen through views."""
    for view in views:
        if view.kind == "transpose":
            array = np.transpose(np.asarray(array), view.there)
        elif view.kind == "reshape":
            array = np.reshape(np.asarray(array), view.there)
        elif view.kind == "cast":
            array = np.asarray(array).astype(jnp.dtype(view.there))
    return array


def jitted(fn: Callable[..., Any]) -> Callable[..., Any]:
    """The function compiled as a whole, as fast as XLA can, with every rounding it asks for."""
    return jax.jit(fn, compiler_options=COMPILE_FAST)


def same(left: Any, right: Any, what: str) -> None:
    """Equal up to rounding, relative to the largest element."""
    a, b = np.asarray(left, np.float64), np.asarray(right, np.float64)
    assert a.shape == b.shape, f"{what}: {a.shape} and {b.shape}"
    scale = max(1.0, float(np.max(np.abs(b), initial=0.0)))
    difference = float(np.max(np.abs(a - b), initial=0.0)) / scale
    assert difference < 2e-4, f"{what}: two arrays that differ by {difference}"


DTYPES: Mapping[str, Any] = {str(jnp.dtype(d)): d for d in (jnp.float32, jnp.bfloat16, jnp.float16)}
FUNCTIONS: Mapping[str, Any] = {
    "einsum": lambda spec, *arrays: (
        np.einsum(spec, *arrays)
        if all(isinstance(array, np.ndarray) for array in arrays)
        else jnp.einsum(spec, *arrays)
    ),
    "conv": conv,
    "conv_input_grad": conv_input_grad,
    "conv_weight_grad": conv_weight_grad,
    **DTYPES,
}
