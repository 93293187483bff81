"""Results travel to other processes, without what cannot: executables, traced programs."""

import copy
import pickle
import subprocess
import sys

import jax.numpy as jnp
import pytest

import jaxflops as jf
from jaxflops.machine.roofline import Roofs

CARD = "h100-sxm5"


def loss(x):
    return jnp.tanh(x @ x).sum()


def again(result):
    return pickle.loads(pickle.dumps(result))


@pytest.fixture(scope="module")
def results():
    x = jnp.eye(16)
    analysis = jf.analyze(loss, mode="grad")(x)
    return {
        "measurement": jf.measure(loss, mode="grad")(x),
        "profile": jf.profile(loss, mode="grad")(x),
        "comparison": jf.compare(loss, mode="grad")(x),
        "roofline": jf.roofline(analysis, device=CARD),
        "device": jf.device(CARD),
        "analysis": analysis,
        "compiled": jf.analyze_compiled(loss, mode="grad")(x),
    }


NAMES = ["measurement", "profile", "comparison", "roofline", "device", "analysis", "compiled"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", [again, copy.deepcopy, copy.copy])
def test_a_result_is_pickled_and_copied(results, name, make) -> None:
    before = results[name]
    after = make(before)
    assert type(after) is type(before)
    assert str(after) == str(before)
    if hasattr(before, "to_json"):
        assert after.to_json() == before.to_json()


def test_what_is_held_against_other_roofs_travels(results) -> None:
    """The pickled roofs still answer: utilization and ideal seconds are computed from them."""
    roofs = results["roofline"].roofs
    for name in ("measurement", "profile"):
        before = results[name].against(roofs)
        after = again(before)
        assert str(after) == str(before)
        if name == "measurement":
            assert after.mfu == before.mfu is not None
            assert str(after.roofline()) == str(before.roofline())


def test_a_measurement_leaves_its_executable_behind(results) -> None:
    before = results["measurement"]
    assert before.timing.executable is not None
    assert again(before).timing.executable is None
    assert again(before).compiled == before.compiled
    assert copy.deepcopy(before).timing.executable is before.timing.executable


def test_a_comparison_makes_its_account_before_it_travels(results) -> None:
    before = jf.compare(loss, compiled=False)(jnp.eye(16))
    assert "elementwise" not in vars(before)
    after = again(before)
    assert after.ok
    assert after.elementwise == before.elementwise
    assert after.to_markdown() == before.to_markdown()


@pytest.mark.parametrize("name", ["measurement", "comparison"])
def test_another_process_reads_it(results, name, tmp_path) -> None:
    path = tmp_path / "result.pickle"
    path.write_bytes(pickle.dumps(results[name]))
    read = f"import pickle; print(pickle.load(open({str(path)!r}, 'rb')))"
    done = subprocess.run([sys.executable, "-c", read], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{results[name]}\n"


def test_roofs_of_functions_that_have_no_name_say_what_to_write(results) -> None:
    own = Roofs("my notebook", lambda _kind: 1e12, lambda _size: 1e9)
    with pytest.raises(jf.JaxflopsError, match=r"roofs of 'my notebook' .* with to_json\(\)"):
        pickle.dumps(results["profile"].against(own))
    held = copy.deepcopy(results["profile"].against(own))
    assert held.roofs is own
