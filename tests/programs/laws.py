"""The laws that every program keeps, as checks of one program and one integer."""

import jax
import jax.numpy as jnp
import numpy as np
from random_programs import build, unrolled

import jaxflops as jf
from jaxflops.cost import total
from jaxflops.hlo.context import Options
from jaxflops.hlo.module import read_module
from jaxflops.hlo.walk import walk as walk_hlo
from jaxflops.tree import PHASES

VIEWS = ("primitive", "scope", "source", "dtype", "kind", "phase")
X = jnp.linspace(-1.0, 1.0, 16).reshape(4, 4)


def conserved(analysis):
    """Tree, views, phases, leaves and derivation have one total; reports and JSON are made."""
    analysis.tree.check()
    for view in VIEWS:
        assert total(analysis.by(view).values()) == analysis.total, view
    assert total(map(analysis.phase, PHASES)) == analysis.total
    leaves = [leaf.node.own * leaf.times for leaf in analysis.tree.leaves()]
    assert total(leaves) == analysis.total
    assert analysis.unknown == []
    assert analysis.coverage == 1
    assert str(analysis)
    assert jf.load(analysis.to_json()).total == analysis.total
    assert sum(row.flops for row in analysis.derivation) == analysis.matmul_flops


def counting(block, s):
    """No crash, everything sums, and `unroll` changes nothing."""
    analysis = jf.analyze(build(block))(X, jnp.int32(s))
    conserved(analysis)
    for unroll in (2, True):
        assert jf.analyze(build(block, unroll))(X, jnp.int32(s)).total == analysis.total


def execution(block, s):
    """Outputs are those of jit; what ran is what the program without loops asks for.

    Integers are equal; floats to rounding, since the compiler may fuse otherwise around counters.
    """
    fn, s0 = build(block), jnp.int32(s)
    (x, last), executed = jf.analyze_executed(fn)(X, s0)
    expected = jax.jit(fn)(X, s0)
    np.testing.assert_allclose(x, expected[0], rtol=1e-4, atol=1e-5)
    assert int(last) == int(expected[1])
    assert not executed.symbols
    conserved(executed)
    flat = jf.analyze(unrolled(block, s))(X)
    # Work after a gradient is `update`, in a loop all of it.
    before, straight = [(a.forward + a.update).matmul_flops for a in (executed, flat)]
    assert before == straight
    assert executed.backward.matmul_flops == flat.backward.matmul_flops
    assert executed.recompute.matmul_flops >= flat.recompute.matmul_flops


def lowering(block, s):
    """Contractions equal those of the program that XLA is given, all branches counted.

    Returns a name for programs that cannot be compared: a loop stays open.
    """
    fn, s0 = build(block), jnp.int32(s)
    lowered = walk_hlo(read_module(jax.jit(fn).lower(X, s0)), Options(branch="sum"))
    counted = jf.analyze(fn, branch="sum")(X, s0).matmul_flops
    if not (isinstance(counted, int) and isinstance(lowered.total.matmul_flops, int)):
        return "lowering, with open loops: not compared"
    assert counted == lowered.total.matmul_flops
    return None


LAWS = {"counting": counting, "execution": execution, "lowering": lowering}
