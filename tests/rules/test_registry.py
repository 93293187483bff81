"""Every primitive has a rule, every free one a proof, and public programs leave nothing unknown."""

import re
import subprocess
import sys
from pathlib import Path

import jax
import pytest
from jax.extend.core import Primitive
from public_programs import AREAS
from still_kernels import GPU, TPU
from still_xla import EXPORTED, PROGRAMS

import jaxflops as jf
from jaxflops.jaxpr.registry import COST_RULES, INDICES, PROVED

SCRIPT = Path(__file__).parents[2] / "scripts" / "check_rules.py"


# Costed, one an element, inside Pallas kernels only: nothing to hold them against.
KERNELS = {name for name, rule in COST_RULES.items() if rule.state == "costed" and not rule.oracle}


def test_only_primitives_of_kernels_have_no_oracle() -> None:
    assert {COST_RULES[name].formula.__module__ for name in KERNELS} == {
        "jaxflops.jaxpr.rules.kernel"
    }


@pytest.fixture(scope="module")
def report() -> str:
    """What `scripts/check_rules.py` prints of the installed JAX."""
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_primitive_of_the_installed_jax_has_a_rule(report) -> None:
    (bare,) = re.findall(r"costed without an oracle: (\d+)", report)
    assert int(bare) == len(KERNELS & set(report.split()))


def test_every_proof_is_made(report) -> None:
    """Nothing is said to lower to no arithmetic without a program that shows it."""
    said = {oracle: _said(report, oracle) for oracle in (PROVED, INDICES)}
    assert all(said.values())
    barriers = {"debug_barrier", "debug_barrier_p"}  # of Triton, in test_still
    assert said[PROVED] - {*PROGRAMS, *TPU, *barriers} == set()
    if GPU:  # of the newest JAX alone
        assert said[INDICES] - {*PROGRAMS, *EXPORTED, *GPU} == set()


def _said(report: str, oracle: str) -> set[str]:
    return set(re.findall(rf"^(\S+) .*{oracle}", report, re.MULTILINE))


def test_what_runs_jaxprs_is_never_free(monkeypatch) -> None:
    """As a primitive would be that JAX gives a body where it had none."""
    wraps = Primitive("wraps")
    wraps.def_abstract_eval(lambda x, *, jaxpr: x)
    monkeypatch.setitem(COST_RULES, "wraps", COST_RULES["stop_gradient"])
    inner = jax.make_jaxpr(lambda x: x @ x)(jf.spec("f32[4,4]"))
    analysis = jf.analyze(lambda x: wraps.bind(x, jaxpr=inner))(jf.spec("f32[4,4]"))
    assert [entry.name for entry in analysis.unknown] == ["wraps"]
    assert "it runs jaxprs, and its rule says that it does nothing" in str(analysis)


def check_memory(analysis, args, results) -> None:
    """What is touched is no more than all there is, and all of it is alive at some time."""
    closed_over = 10_000  # tables of constants, of which no program here has more
    inputs, outputs = (sum(map(size_of, jax.tree.leaves(part))) for part in (args, results))
    moved = analysis.footprint.compulsory
    assert 0 <= moved.read <= inputs + closed_over
    assert 0 <= moved.written <= outputs
    assert analysis.peak_bytes >= max(moved.read, moved.written)


def size_of(array) -> int:
    return array.size * array.dtype.itemsize


@pytest.mark.parametrize("area", AREAS)
def test_public_programs_leave_nothing_unknown(area) -> None:
    unknown = {}
    for name, (fn, specs) in AREAS[area].items():
        args = jf.specs(*specs)
        analysis = jf.analyze(fn)(*args)
        check_memory(analysis, args, jax.eval_shape(fn, *args))
        found = analysis.unknown
        if found:
            unknown[name] = [entry.name for entry in found]
    assert unknown == {}


@pytest.mark.parametrize("area", ["nn", "lax", "linalg"])
def test_gradients_of_public_programs_leave_nothing_unknown(area) -> None:
    unknown = {}
    for name, (fn, specs) in AREAS[area].items():
        try:
            analysis = jf.analyze(fn, mode="vjp")(*jf.specs(*specs))
        except jf.TraceError:  # not differentiable
            continue
        if analysis.unknown:
            unknown[name] = [entry.name for entry in analysis.unknown]
    assert unknown == {}
