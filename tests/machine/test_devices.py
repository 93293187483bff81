"""The device table: one row a device_kind, figures that follow from cores and clocks, and gaps."""

import jax
import pytest

from jaxflops.errors import JaxflopsError
from jaxflops.machine import devices
from jaxflops.machine.devices import device, find, known, table

KINDS = {
    "Tesla V100-SXM2-16GB": "v100-sxm2-16gb",
    "Tesla V100-SXM2-32GB": "v100-sxm2-32gb",
    "Tesla V100-PCIE-16GB": "v100-pcie",
    "Tesla V100S-PCIE-32GB": "v100s-pcie",
    "Tesla T4": "t4",
    "NVIDIA A10": "a10",
    "NVIDIA A10G": "a10g",
    "NVIDIA A100-SXM4-40GB": "a100-sxm4-40gb",
    "NVIDIA A100-SXM4-80GB": "a100-sxm4-80gb",
    "NVIDIA A100-PCIE-40GB": "a100-pcie-40gb",
    "NVIDIA A100 80GB PCIe": "a100-pcie-80gb",
    "NVIDIA L4": "l4",
    "NVIDIA L40S": "l40s",
    "NVIDIA L40": "l40",
    "NVIDIA GeForce RTX 3090": "rtx3090",
    "NVIDIA GeForce RTX 4090": "rtx4090",
    "NVIDIA GeForce RTX 5090": "rtx5090",
    "NVIDIA H100 80GB HBM3": "h100-sxm5",
    "NVIDIA H100 PCIe": "h100-pcie",
    "NVIDIA H100 NVL": "h100-nvl",
    "NVIDIA H200": "h200-sxm",
    "NVIDIA H200 141GB HBM3e": "h200-sxm",
    "NVIDIA H200 NVL": "h200-nvl",
    "NVIDIA GH200 480GB": "gh200",
    "NVIDIA B100": "b100",
    "NVIDIA B200": "b200",
    "NVIDIA GB200": "gb200",
    "NVIDIA B300": "b300",
    "NVIDIA B300 SXM6 AC": "b300",
    "NVIDIA GB300": "gb300",
    "AMD Instinct MI210": "mi210",
    "AMD Instinct MI250X": "mi250x-gcd",
    "AMD Instinct MI250": "mi250-gcd",
    "AMD Instinct MI300X": "mi300x",
    "AMD Instinct MI300A": "mi300a",
    "AMD Instinct MI325X": "mi325x",
    "AMD Instinct MI350X": "mi350x",
    "AMD Instinct MI355X": "mi355x",
    "TPU v2": "tpu-v2",
    "TPU v3": "tpu-v3",
    "TPU v4": "tpu-v4",
    "TPU v4 lite": "tpu-v4i",
    "TPU v5 lite": "tpu-v5e",
    "TPU v5e": "tpu-v5e",
    "TPU v5": "tpu-v5p",
    "TPU v5p": "tpu-v5p",
    "TPU v6 lite": "tpu-v6e",
    "TPU v6e": "tpu-v6e",
    "TPU7x": "tpu-v7x",
    "TPU7": "tpu-v7x",
    "TPU8i": "tpu-8i",
    "TPU8t": "tpu-8t",
}
UNKNOWN = [
    "NVIDIA GeForce RTX 3090 Ti",
    "NVIDIA T400 4GB",
    "NVIDIA GeForce RTX 4090 Laptop GPU",
    "NVIDIA GeForce RTX 4090 D",
    "NVIDIA A100-SXM-64GB",
    "NVIDIA GH200 144G HBM3e",  # another memory than the row's
    "NVIDIA H100 80GB HBM3 MIG 1g.10gb",  # a slice of the row's
    "NVIDIA RTX 4000 Ada Generation",
    "TPU v9",
    "gfx942",
    "NVIDIA H200 or NVIDIA L4",  # two rows fit
    "",
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_device_kind_matches_exactly_one_row(kind):
    matching = [
        row.id for row, patterns in table().values() if any(p.search(kind) for p in patterns)
    ]
    assert matching == [KINDS[kind]]
    assert device(kind) is find(KINDS[kind])


@pytest.mark.parametrize("kind", UNKNOWN)
def test_what_no_row_describes_is_unknown(kind):
    assert device(kind) is None


def test_every_row_is_reached_and_named_once():
    assert {row.id for row in known()} == set(KINDS.values())
    assert len(known()) == len(table())


def test_every_row_says_where_it_is_from():
    for row in known():
        assert len(row.source) > 20, row.id
        assert row.date == "2026-11"
        assert row.confidence in ("high", "medium", "low")
        assert not row.derived


def test_every_figure_is_of_one_device_and_plausible():
    for row in known():
        assert row.peak, row.id
        assert all(1e11 < rate < 2e16 for rate in (*row.peak.values(), *row.vector.values())), (
            row.id
        )
        assert 3e11 <= row.bandwidth < 1e13, row.id
        assert isinstance(row.memory_bytes, int)
        assert 2**33 <= row.memory_bytes < 2**39, row.id


# (cores, clock in Hz, FLOP per core and clock): what the figure must follow from.
CLOCKS = {
    "v100-sxm2-16gb": ("fp16", 80, 1.530e9, 1024),
    "t4": ("fp16", 40, 1.590e9, 1024),
    "a10": ("bf16", 72, 1.695e9, 1024),
    "a10g": ("bf16", 80, 1.710e9, 512),
    "a100-sxm4-80gb": ("bf16", 108, 1.410e9, 2048),
    "h100-sxm5": ("bf16", 132, 1.830e9, 4096),
    "h200-sxm": ("bf16", 132, 1.830e9, 4096),
    "rtx4090": ("bf16", 128, 2.520e9, 512),
    "mi300x": ("bf16", 304, 2.100e9, 2048),
}


@pytest.mark.parametrize("name", CLOCKS)
def test_a_peak_follows_from_cores_and_clock(name):
    fmt, cores, clock, per_clock = CLOCKS[name]
    assert device(name).peak[fmt] == pytest.approx(cores * clock * per_clock, rel=0.01)


def test_figures_that_other_tables_have_wrong():
    assert device("NVIDIA L40S").peak["bf16"] == 362.05e12  # not the L4's
    assert device("NVIDIA L4").bandwidth == 300e9
    assert device("NVIDIA A10G").peak["bf16"] == 70e12  # not the A10's
    assert device("NVIDIA H100 80GB HBM3").peak["bf16"] == 989.4e12  # dense
    assert device("NVIDIA B300").peak["int8"] == 150e12
    assert "bf16" not in device("Tesla V100-SXM2-16GB").peak
    assert device("AMD Instinct MI300X").bandwidth == 5.3e12


def test_chips_that_show_two_devices_give_each_its_half():
    assert device("TPU v3").peak["bf16"] == 123e12 / 2
    assert device("TPU7x").memory_bytes == 192 * 2**30 // 2
    assert "2 JAX devices a chip" in device("TPU v2").notes[0]
    assert device("TPU v4").peak["bf16"] == 275e12


def test_memory_is_that_of_the_variant():
    assert device("Tesla V100-SXM2-16GB").memory_bytes == 16 * 2**30
    assert device("Tesla V100-SXM2-32GB").memory_bytes == 32 * 2**30


def test_links_are_per_direction():
    assert device("h100-sxm5").links.each_way == 450e9
    assert device("h100-sxm5").links.ports == 18


def test_a_jax_device_names_its_own_kind(monkeypatch):
    asked = []

    def no_cpu(shared_by):
        asked.append(shared_by)

    monkeypatch.setattr(devices.cpu, "this_cpu", no_cpu)
    for name in (None, jax.devices("cpu")[0], "cpu", "CPU"):
        assert device(name) is None
    assert asked == [jax.local_device_count("cpu")] * 4


def test_what_is_no_device_is_refused():
    with pytest.raises(JaxflopsError, match=r"device\(3\): write a jax.Device, its device_kind"):
        device(3)
