"""Each printed form, evaluated in order from printed names alone, gives `jax.grad`'s arrays."""

import jax
import pytest
from evaluator import Evaluator, jitted, same
from programs import CASES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_forms_reproduce_the_gradients(case):
    evaluator = Evaluator(case.fn, case.args, **case.how)
    how = {k: v for k, v in case.how.items() if k != "mode"}
    transform = {"grad": jax.grad, "value_and_grad": jax.value_and_grad}.get(case.how["mode"])
    fn = case.fn if transform is None else transform(case.fn, **how)
    expected = jax.tree.leaves(jitted(fn)(*case.args))
    outputs = evaluator.run(case.args)
    for i, (ours, theirs) in enumerate(zip(outputs, expected, strict=True)):
        same(ours, theirs, f"output {i}")
    evaluator.check_sums(outputs)
