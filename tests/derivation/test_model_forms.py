"""The printed forms of the shipped models reproduce `jax.grad`'s arrays."""

import jax
import pytest
from evaluator import Evaluator, jitted, same

from jaxflops.models import suite

CASES = {case.name: case for case in suite("small")}
QUICK = ("two_layer", "mlp-scan-remat", "lstm-scan", "vit-unrolled")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow][n in QUICK :]) for n in CASES]
)
def test_forms_reproduce_the_gradients(name):
    model = CASES[name].loss
    args = model.random_args()
    evaluator = Evaluator(model, args, mode="value_and_grad", argnums=model.argnums)
    outputs = evaluator.run(args)
    gradient = jitted(jax.value_and_grad(model, argnums=model.argnums))
    expected = jax.tree.leaves(gradient(*args))
    for i, (ours, theirs) in enumerate(zip(outputs, expected, strict=True)):
        same(ours, theirs, f"output {i}")
    evaluator.check_sums(outputs)
