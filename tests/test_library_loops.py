"""Loops and choices inside JAX's own functions stand at the line that calls them."""

import jax
import jax.numpy as jnp
import pytest

import jaxflops as jf


def twice(key):
    one = jax.random.poisson(key, 3.0, (4,))
    two = jax.random.poisson(key, 3.0, (4,))
    return one, two


HERE = twice.__code__.co_firstlineno
KEY = jax.random.key(0)


def test_a_loop_of_the_library_is_closed_by_the_line_that_calls_it():
    one, two = (f"test_library_loops.py:{HERE + n}" for n in (1, 2))
    hints = {one: 5, f"{one}#2": 2, two: 7}  # one line for all of its loops, or one loop of it
    given = jf.analyze(twice, trip_counts=hints)(KEY)
    assert not given.symbols
    opened = jf.analyze(twice)(KEY)
    assert set(opened.symbols) == {f"trips({p}{n})" for p in (one, two) for n in ("", "#2")}
    values = {f"trips({one})": 5, f"trips({one}#2)": 2, f"trips({two})": 7, f"trips({two}#2)": 7}
    assert opened.flops.at(**values) == given.flops


def test_an_observed_loop_of_the_library_names_the_line_that_calls_it():
    _, analysis = jf.analyze_executed(twice)(KEY)
    places = [seen.place.rpartition(":")[2] for seen in analysis.executions]
    assert places == [str(HERE + n) for n in (1, 1, 2, 2)]


def test_a_choice_of_the_library_names_the_line_that_calls_it():
    def exponential(x):
        return jax.scipy.linalg.expm(x)

    line = exponential.__code__.co_firstlineno + 1
    caveats = jf.analyze(exponential)(jnp.eye(3)).caveats
    conds = [caveat for caveat in caveats if caveat.startswith("cond")]
    assert conds
    assert all(c.startswith(f"cond at test_library_loops.py:{line}:") for c in conds)


def test_a_number_that_no_loop_of_the_line_has_is_an_error():
    with pytest.raises(jf.JaxflopsError, match="no open loop at"):
        jf.analyze(twice, trip_counts={f"test_library_loops.py:{HERE + 1}#3": 2})(KEY)
