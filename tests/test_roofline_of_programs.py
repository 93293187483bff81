"""Rooflines of programs whose ideal seconds are worked out by hand."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import pytest

import jaxflops as jf
from jaxflops.cost import Cost
from jaxflops.errors import JaxflopsError
from jaxflops.machine.roofline import Roofs
from jaxflops.report import plot
from jaxflops.tree import Kind

F32 = Kind(("float32", "float32"), "float32")
BF16 = Kind(("bfloat16", "bfloat16"), "bfloat16")
EXACT = Kind(("float32", "float32"), "float32", "HIGHEST")
PEAKS = {F32: 1024.0, BF16: 4096.0, EXACT: 128.0}
PRODUCT = 2 * 8 * 4 * 4


def roofs(bandwidth=1e9, peaks=PEAKS):
    return Roofs("toy roofs", peaks.get, lambda size: bandwidth)


def of(fn, *specs, **options):
    options.setdefault("roofs", roofs())
    return jf.roofline(jf.analyze(fn)(*jf.specs(*specs)), **options)


def dots(roofline):
    return [work for work in roofline.operations if work.flops]


def test_each_kind_has_its_own_roof():
    """One peak for the dtype, or for all, would give another sum."""

    def mixed(x, w):
        exact = jnp.matmul(x, w, precision="highest")
        return x @ w, x.astype(jnp.bfloat16) @ w.astype(jnp.bfloat16), exact

    found = of(mixed, "f32[8,4]", "f32[4,4]")
    assert [next(iter(work.flops)) for work in dots(found)] == [EXACT, F32, BF16]
    assert found.arithmetic.seconds == PRODUCT / 1024 + PRODUCT / 4096 + PRODUCT / 128


def test_an_operation_takes_the_higher_of_its_roofs():
    slow, fast = (of(lambda x, w: x @ w, "f32[8,4]", "f32[4,4]", roofs=roofs(b)) for b in (64, 1e6))
    traffic = 4 * (8 * 4 + 4 * 4 + 8 * 4)
    (work,) = dots(slow)
    assert (work.traffic, work.total_flops, work.intensity) == (traffic, PRODUCT, PRODUCT / traffic)
    assert (work.seconds, work.bound) == (traffic / 64, "memory")
    (work,) = dots(fast)
    assert (work.seconds, work.bound) == (PRODUCT / 1024, "compute")


def test_operations_run_one_after_another_as_often_as_their_loop():
    def looped(x, w):
        return jax.lax.scan(lambda h, _: (jnp.tanh(h @ w), None), x, None, 10)[0]

    found = of(looped, "f32[8,4]", "f32[4,4]")
    (work,) = dots(found)
    assert work.seconds == 10 * PRODUCT / 1024
    tanh = next(work for work in found.operations if work.place.primitive == "tanh")
    assert tanh.traffic == 10 * 2 * 8 * 4 * 4
    assert found.unfused_seconds == pytest.approx(work.seconds + tanh.traffic / 1e9, rel=1e-6)


def test_a_step_has_two_ideal_times():
    """One by one, operations also move what they hand to each other; neither reads what is not."""

    def look_up(table, i, w):
        return jnp.tanh(jnp.tanh(table[i] @ w))

    found = of(look_up, "f32[1000,4]", "i32[8]", "f32[4,4]", roofs=roofs(64))
    rows, weights, ids, out = 8 * 4 * 4, 4 * 4 * 4, 8 * 4, 8 * 4 * 4
    assert found.compulsory_bytes == rows + weights + ids + out
    assert found.compulsory_seconds == (rows + weights + ids + out) / 64
    assert found.compulsory.bound == "memory"
    dot, tanh = rows + weights + out, 2 * out
    assert found.unfused_seconds > (dot + 2 * tanh) / 64 > found.compulsory_seconds
    faster = of(look_up, "f32[1000,4]", "i32[8]", "f32[4,4]", roofs=roofs(1e9))
    assert faster.compulsory_seconds == PRODUCT / 1024
    assert faster.compulsory.bound == "compute"
    assert "ideal seconds if only arguments and results move (352 B): 5.5 s" in str(found)


def test_the_intensity_of_a_step_is_of_unfused_traffic():
    """Arguments and results alone would say more FLOP per byte than the operations have."""
    analysis = jf.analyze(lambda x, w: jnp.exp(x @ w) + 1)(*jf.specs("f32[8,4]", "f32[4,4]"))
    found = jf.roofline(analysis, roofs=roofs())
    assert found.intensity == analysis.flops / analysis.bytes_unfused
    assert found.intensity < analysis.flops / found.compulsory_bytes


def test_work_is_divided_among_devices():
    one, four = (of(lambda x, w: x @ w, "f32[8,4]", "f32[4,4]", devices=n) for n in (1, 4))
    assert four.unfused_seconds == one.unfused_seconds / 4
    assert four.arithmetic.seconds == one.arithmetic.seconds / 4


def test_a_site_is_a_scope_and_a_phase():
    def layered(x, w):
        with jax.named_scope("first"):
            h = jnp.tanh(x @ w)
        with jax.named_scope("second"):
            return (h @ w).sum()

    analysis = jf.analyze(layered, mode="value_and_grad")(*jf.specs("f32[8,4]", "f32[4,4]"))
    found = jf.roofline(analysis, roofs=roofs())
    sites = {(work.place.scope, work.place.phase): work for work in found.sites}
    assert sites["first", "forward"].flops == {F32: PRODUCT}
    assert sites["second", "backward"].flops == {F32: PRODUCT}  # of h; w is not differentiated
    assert sum(work.total_flops for work in found.sites) == analysis.flops
    assert sum(work.traffic for work in found.sites) == analysis.bytes_unfused
    assert sum(work.seconds for work in found.sites) == pytest.approx(found.unfused_seconds)


def test_faster_than_the_ideal_is_impossible():
    product = PRODUCT / 1024
    slow = of(lambda x, w: x @ w, "f32[8,4]", "f32[4,4]", seconds=2 * product)
    assert not slow.impossible
    assert "measured: 500 ms, 2 x the ideal" in str(slow)
    fast = of(lambda x, w: x @ w, "f32[8,4]", "f32[4,4]", seconds=product / 2)
    assert fast.impossible
    assert "measured: 125 ms: IMPOSSIBLE, less than the ideal 250 ms" in str(fast)


def test_what_is_not_known_is_said():
    unknown = of(lambda x, w: x @ w, "f32[8,4]", "f32[4,4]", roofs=roofs(None, {}))
    assert "bandwidth unknown" in str(unknown)
    assert f"without the contractions of {F32}, for which no peak is known" in str(unknown)
    assert dots(unknown)[0].bound == "unknown"
    with pytest.raises(JaxflopsError, match=r"no peaks are known for device='X1': pass device="):
        of(jnp.matmul, "f32[8,4]", "f32[4,4]", roofs=None, device="X1")
    with pytest.raises(JaxflopsError, match="the roofline needs"):
        of(jnp.matmul, "f32[B,4]", "f32[4,4]")


def test_other_results_are_sent_elsewhere():
    compiled = jf.analyze_compiled(jnp.matmul)(*jf.specs("f32[8,4]", "f32[4,4]"))
    for given, name in ((compiled, "CompiledAnalysis"), (jnp.matmul, "")):
        with pytest.raises(
            JaxflopsError, match=f"jf.roofline got .*{name}.*; pass what jf.analyze"
        ):
            jf.roofline(given, roofs=roofs())


def test_the_report_has_the_longest_sites_first():
    text = str(of(lambda x, w: jnp.tanh(x @ w), "f32[8,4]", "f32[4,4]", device="tpu-v5e"))
    lines = of(lambda x, w: jnp.tanh(x @ w), "f32[8,4]", "f32[4,4]").__str__().splitlines()
    assert lines[0] == "<lambda> under toy roofs"
    assert "float32×float32→float32: 1.024 kFLOP/s, 1 GB/s from memory" in lines[1]
    assert lines[3].split() == [
        "site",
        "FLOP",
        "bytes",
        "unfused",
        "FLOP/B",
        "ideal",
        "of",
        "all",
        "bound",
    ]
    assert lines[5].split()[:3] == ["(no", "scope)", "forward"]
    assert "neither is an upper bound" in text


def test_a_measurement_has_a_roofline():
    measured = jf.measure(jnp.matmul, samples=3)(*jf.specs("f32[8,4]", "f32[4,4]")).against(roofs())
    found = measured.roofline()
    assert found.seconds == measured.median
    assert found.impossible  # 256 FLOP at 1 kFLOP/s take a quarter of a second


def layered(x, w):
    with jax.named_scope("first"):
        h = jnp.tanh(x @ w)
    with jax.named_scope("second"):
        return h @ w


def test_sites_are_points_under_the_roofs(tmp_path):
    found = of(layered, "f32[8,4]", "f32[4,4]", roofs=roofs(64))
    points = {point.label: point for point in plot.allowed(found)}
    site = next(work for work in found.sites if work.place.scope == "second")
    assert points["second forward"].intensity == site.intensity
    assert points["second forward"].rate == pytest.approx(site.intensity * 64)  # memory bound
    pytest.importorskip("matplotlib")
    figure = found.plot(tmp_path / "roofline.png")
    assert (tmp_path / "roofline.png").stat().st_size > 1000
    (axes,) = figure.axes
    (roof,) = axes.lines
    assert list(roof.get_ydata())[1:] == [1024, 1024]  # the bend, and the flat part
    assert len(axes.collections) == 2


def test_a_profiles_sites_stand_where_they_were_measured(tmp_path):
    pytest.importorskip("matplotlib")
    spent = SimpleNamespace(
        key="first forward",
        seconds=1.0,
        cost=Cost(matmul_flops=512, bytes_read=64),
        flops_per_second=2048.0,
        impossible=True,
    )
    profile = SimpleNamespace(by=lambda key: {spent.key: spent})
    (point,) = plot.reached(profile)
    assert point == plot.Point("first forward", 8.0, 2048.0, True)
    figure = of(layered, "f32[8,4]", "f32[4,4]").plot(profile=profile)
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert "IMPOSSIBLE first forward" in labels


def test_names_can_stand_beside_all_points():
    pytest.importorskip("matplotlib")
    points = [plot.Point(f"p{i}", 2.0**i, 3.0**i) for i in range(8)]
    (axes,) = plot.draw(points, plot.Sky(roofs(), (F32,)), "a title", beside=True).axes
    assert [text.get_text() for text in axes.texts] == [f"p{i}" for i in range(8)]
    assert len(axes.get_legend().get_texts()) == 1  # the roof
    (axes,) = plot.draw(points, plot.Sky(roofs(), (F32,)), "a title").axes
    assert len(axes.get_legend().get_texts()) == 1 + 6


def test_plots_ask_for_their_extra(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(plot, "import_module", missing)
    with pytest.raises(JaxflopsError, match=r"pip install 'jaxflops\[plot\]'"):
        of(layered, "f32[8,4]", "f32[4,4]").plot()


def test_open_sizes_and_no_devices_are_refused():
    open_size = jf.analyze(lambda x, w: x @ w)(*jf.specs("f32[B,4]", "f32[4,4]"))
    with pytest.raises(JaxflopsError, match=r"roofline needs numbers for B: .*at\(B=64\)"):
        jf.roofline(open_size, device="h100-sxm5")
    with pytest.raises(JaxflopsError, match="devices=0: write how many share the work"):
        jf.roofline(open_size.at(B=8), device="h100-sxm5", devices=0)


def test_no_known_peak_is_no_time_of_zero():
    unknown = Roofs("nothing", lambda _: None, lambda _: None)
    product = jf.analyze(lambda x: x @ x)(jf.spec("f32[8,8]"))
    text = str(jf.roofline(product, roofs=unknown))
    assert "0 ns" not in text
    assert "if every operation reads and writes alone: unknown" in text
