"""A `shard_map` body that a mesh axis only replicates: run by every device, asked for once."""

import json
import os
import subprocess
import sys

import pytest

PROGRAM = """
import json, sys
import jax, jax.numpy as jnp
from jax import lax, shard_map
from jax.sharding import AxisType, PartitionSpec as P
import jaxflops as jf
from jaxflops.contractions import of_the_model

mesh = jax.make_mesh((2, 2), ("data", "model"), axis_types=(AxisType.Auto,) * 2)
DATA, BOTH, NONE = P("data", None), P("data", "model"), P(None, None)

def on(body, specs=(DATA, NONE), out=DATA):
    return shard_map(body, mesh=mesh, in_specs=specs, out_specs=out)

def index(h, w):
    return h @ (w * lax.axis_index("model"))

def there(w):
    return lax.ppermute(lax.pcast(w, "model", to="varying"), "model", [(0, 1)])

def mean(h, w):
    return lax.pmean(h @ w, "data")

loop = lambda h, w: lax.scan(lambda h, _: (h @ w, None), h, None, length=3)[0]
data = on(lambda h, w: h @ w)
cases = {
    "unused axis": data,
    "gradient": jax.grad(lambda h, w: data(h, w).sum(), argnums=(0, 1)),
    "loop": on(loop, (DATA, NONE)),
    "no axis used": on(lambda h, w: h @ w, (NONE, NONE), NONE),
    "mean of an axis": on(mean, (DATA, NONE), NONE),
    "both axes split": on(lambda h, w: h @ w, (DATA, P(None, "model")), BOTH),
    "summed over an axis": on(lambda h, w: lax.psum(h @ w, "model"), (BOTH, P("model", None))),
    "told apart by index": on(lambda h, w: lax.psum(index(h, w), "model")),
    "told apart in a call": on(lambda h, w: lax.psum(jax.jit(index)(h, w), "model")),
    "moved": on(lambda h, w: lax.psum(h @ there(w), "model")),
}
found = {}
for name, fn in cases.items():
    analysis = jf.analyze(fn)(*jf.specs("f32[8,4]", "f32[4,4]"))
    again = jf.load(analysis.to_json(sys.argv[1]) and sys.argv[1])
    assert of_the_model(again.tree) == of_the_model(analysis.tree)
    noted = any("do the same work" in caveat for caveat in analysis.caveats)
    found[name] = [sum(of_the_model(analysis.tree).values()), analysis.matmul_flops, noted]
clock = iter(range(99)).__next__
measure = jf.measure(data, samples=4, clock=clock, device="tpu-v5e")
measured = measure(*jf.specs("f32[8,4]", "f32[4,4]"))
found["measured"] = [measured.model.total_flops, measured.hardware.total_flops, measured.mfu]
found["text"] = " ".join(str(measured).split())
print(json.dumps(found))
"""
PRODUCT = 2 * 8 * 4 * 4


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Of each program: MFU's numerator, what all devices run, and whether a caveat says so."""
    path = tmp_path_factory.mktemp("replicated") / "analysis.json"
    forced = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu"}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)],
        env={**os.environ, **forced},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.parametrize(
    ("name", "products", "devices"),
    [
        ("unused axis", 1, 2),
        ("gradient", 2, 2),  # the forward product is dead
        ("loop", 3, 2),
        ("no axis used", 1, 4),
        ("mean of an axis", 1, 2),
    ],
)
def test_what_an_axis_only_replicates_is_the_models_once(found, name, products, devices):
    assert found[name] == [products * PRODUCT, products * PRODUCT * devices, True]


@pytest.mark.parametrize("name", ["both axes split", "summed over an axis"])
def test_split_work_is_all_the_models(found, name):
    assert found[name] == [PRODUCT, PRODUCT, False]


@pytest.mark.parametrize("name", ["told apart by index", "told apart in a call", "moved"])
def test_devices_that_are_told_apart_do_not_replicate(found, name):
    assert found[name] == [2 * PRODUCT, 2 * PRODUCT, False]


def test_mfu_and_hfu_of_replicated_work(found):
    """Four devices are busy, and half of what they do is asked for."""
    assert found["measured"] == [PRODUCT, 2 * PRODUCT, PRODUCT / (4 * 197e12)]
    assert "; without 256 FLOP that a mesh axis only replicates" in found["text"]
