"""Measured ceilings with a clock that ticks, and their cache with measurements that are counted."""

import itertools
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from jaxflops.errors import JaxflopsError
from jaxflops.machine import ceiling_cache, ceilings
from jaxflops.machine.ceiling_cache import KINDS, cache_directory, load
from jaxflops.machine.ceilings import (
    Ceilings,
    Point,
    measure_dispatch,
    measure_matmul,
    measure_stream,
)
from jaxflops.machine.peaks import ceiling_key
from jaxflops.machine.sampling import Samples
from jaxflops.tree import Kind

DEVICE = jax.devices()[0]
F32 = KINDS[0]


def ticking(seconds):
    return (i * seconds for i in itertools.count()).__next__


def test_a_matmul_ceiling_is_flops_over_seconds():
    points = measure_matmul(F32, DEVICE, ticking(2**-8), largest=512)
    assert points == (Point(256, 2 * 256**3 * 2**8), Point(512, 2 * 512**3 * 2**8))


def test_complex_products_are_counted_in_real_operations():
    kind = Kind(("complex64", "complex64"), "complex64")
    (point,) = measure_matmul(kind, DEVICE, ticking(2**-8), largest=256)
    assert point.rate == 8 * 256**3 * 2**8


def test_a_long_call_is_the_last():
    assert len(measure_matmul(F32, DEVICE, ticking(1.0), largest=512)) == 1


def test_sizes_end_when_two_gain_nothing(monkeypatch):
    rates = iter([10.0, 30.0, 29.0, 40.0, 40.1, 40.2, 99.0])
    sizes = (256 * 2**i for i in itertools.count())

    def sampled(program, operands, clock, options):
        seconds = 2 * next(sizes) ** 3 / next(rates)
        return Samples((), (seconds * 1e-18,), 1, settled=True)

    monkeypatch.setattr(ceilings, "_sample", sampled)
    points = measure_matmul(F32, DEVICE, largest=2**20)
    assert [round(point.rate * 1e-18, 6) for point in points] == [10, 30, 29, 40, 40.1, 40.2]


def test_a_product_is_done_as_its_kind_says():
    def equation(kind):
        operands = ceilings._operands(kind, 8, DEVICE)
        return jax.make_jaxpr(ceilings._product(kind))(*operands).eqns[-1]

    highest = equation(Kind(("float32", "float32"), "float32", "HIGHEST"))
    assert highest.primitive.name == "dot_general"
    assert set(highest.params["precision"]) == {jax.lax.Precision.HIGHEST}
    narrow = equation(Kind(("bfloat16", "bfloat16"), "float32"))
    assert narrow.outvars[0].aval.dtype == jnp.float32
    assert narrow.invars[0].aval.dtype == jnp.bfloat16
    preset = equation(Kind(("float32", "float32"), "float32", "BF16_BF16_F32_X3"))
    assert preset.params["precision"] == jax.lax.DotAlgorithmPreset.BF16_BF16_F32_X3
    mixed = equation(Kind(("float32", "float32"), "float32", "DEFAULT/HIGH"))
    assert mixed.params["precision"] == (jax.lax.Precision.DEFAULT, jax.lax.Precision.HIGH)


def test_a_stream_reads_and_writes():
    points = measure_stream(DEVICE, ticking(2**-7), largest=2**17)
    assert points == tuple(Point(size, 2 * size * 2**7) for size in (2**15, 2**17))


def test_dispatch_is_the_median_call():
    assert measure_dispatch(DEVICE, ticking(2**-8)) == 2**-8


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        (F32, "fp32"),
        (Kind(("f32", "f32"), "f32", "highest"), "fp32 HIGHEST"),
        (Kind(("float32", "float32"), "", "DEFAULT/HIGHEST"), "fp32 HIGHEST"),
        (Kind(("int8", "bfloat16"), "bfloat16"), "bf16×int8"),
        (Kind(("bfloat16", "int8"), "bfloat16"), "bf16×int8"),
        (Kind(("float8_e4m3fn", "float8_e5m2"), "float32"), "fp8"),
        (Kind(("int32", "int32"), "int32"), None),
        (Kind(()), None),
    ],
)
def test_ceilings_are_kept_by_what_the_units_do(kind, key):
    assert ceiling_key(kind) == key


@pytest.fixture
def counted(monkeypatch, tmp_path):
    """`ceilings` with measurements that only note themselves, in a directory of its own."""
    done = []

    def matmul(kind, device, clock):
        done.append(ceiling_key(kind))
        if kind.operands[0] == "float64":
            raise JaxflopsError("a ceiling: this backend has none")
        return (Point(256, 10.0), Point(512, 20.0))

    def stream(device, clock):
        done.append("stream")
        return (Point(1024, 5.0),)

    monkeypatch.setattr(ceilings, "measure_matmul", matmul)
    monkeypatch.setattr(ceilings, "measure_stream", stream)
    monkeypatch.setattr(ceilings, "measure_dispatch", lambda device, clock: 1e-5)

    def ask(*kinds, **options):
        done.clear()
        found = ceiling_cache.ceilings(kinds or KINDS, directory=tmp_path / "new", **options)
        return found, list(done)

    return ask


def test_ceilings_are_measured_once(counted, tmp_path):
    first, done = counted()
    assert done == ["stream", "fp32", "fp32 HIGHEST", "bf16"]
    again, done = counted()
    assert done == []
    assert again == first
    assert first.peak(F32) == 20
    (path,) = (tmp_path / "new").iterdir()
    assert load(path) == first


def test_only_missing_kinds_are_measured(counted):
    counted(F32)
    found, done = counted(F32, Kind(("int8", "int8"), "int32"))
    assert done == ["int8"]
    assert counted(F32)[0] == found  # and are kept


def test_a_kind_that_cannot_run_has_no_ceiling_and_is_not_tried_again(counted):
    wide = Kind(("float64", "float64"), "float64")
    assert counted(wide)[0].peak(wide) is None
    assert counted(wide)[1] == []


def test_another_environment_is_measured_anew(counted, monkeypatch):
    counted()
    monkeypatch.setenv("XLA_FLAGS", "--xla_another=1")
    assert "stream" in counted()[1]


def test_refresh_measures_anew(counted):
    counted()
    assert "stream" in counted(refresh=True)[1]


def test_refresh_keeps_what_was_better_before(monkeypatch, tmp_path):
    """A busy machine measured again does not lower a ceiling."""
    rates = iter([5.0, 3.0, 9.0])
    monkeypatch.setattr(ceilings, "measure_stream", lambda *_: (Point(64, 1.0),))
    monkeypatch.setattr(ceilings, "measure_dispatch", lambda *_: 1e-6)
    monkeypatch.setattr(ceilings, "measure_matmul", lambda *_: (Point(256, next(rates)),))
    seen = [
        ceiling_cache.ceilings([F32], refresh=True, directory=tmp_path).peak(F32) for _ in range(3)
    ]
    assert seen == [5.0, 5.0, 9.0]
    assert ceiling_cache.ceilings([F32], directory=tmp_path).peak(F32) == 9.0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 0}', '{"format": 1, "matmul": {}}'])
def test_a_damaged_cache_is_measured_anew(counted, tmp_path, text):
    counted()
    (path,) = (tmp_path / "new").iterdir()
    path.write_text(text)
    assert "stream" in counted()[1]
    assert load(path) is not None


def test_another_format_is_measured_anew(counted, tmp_path):
    counted()
    (path,) = (tmp_path / "new").iterdir()
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    assert "stream" in counted()[1]


def test_a_directory_that_cannot_be_written_keeps_nothing(counted, tmp_path):
    (tmp_path / "new").write_text("a file, not a directory")
    assert counted()[0].peak(F32) == 20


def test_where_the_cache_is():
    assert cache_directory({"XDG_CACHE_HOME": "/somewhere"}) == Path("/somewhere/jaxflops")
    assert cache_directory({}) == Path.home() / ".cache" / "jaxflops"


def test_a_failing_ceiling_says_why():
    def broken(x):
        return jax.pure_callback(fail, x, x)

    def fail(x):
        raise ValueError("no such unit")

    with pytest.raises(JaxflopsError, match=r"a ceiling: .*no such unit"):
        ceilings._sample(broken, (jnp.ones(()),), ticking(1.0))


def test_the_best_of_two_measurements_is_the_ceiling():
    """A machine that was busy the first time was not slower for that."""

    def seen(matmul, stream, dispatch):
        points = {kind: tuple(map(Point._make, rows)) for kind, rows in matmul.items()}
        return Ceilings("cpu", {}, points, tuple(map(Point._make, stream)), dispatch, "today")

    busy = seen({"fp32": [(256, 3.0), (512, 9.0)]}, [(64, 1.0)], 2e-6)
    idle = seen({"fp32": [(256, 5.0)], "bf16": [(256, 7.0)]}, [(64, 4.0), (256, 2.0)], 1e-6)
    best = busy.best(idle)
    assert best.matmul == {"fp32": ((256, 5.0), (512, 9.0)), "bf16": ((256, 7.0),)}
    assert best.stream == ((64, 4.0), (256, 2.0))
    assert best.dispatch_seconds == 1e-6
    assert best == idle.best(busy)
