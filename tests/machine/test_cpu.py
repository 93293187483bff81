"""A CPU's derived peaks, from made-up /proc/cpuinfo texts."""

import pytest

from jaxflops.machine import cpu, cpuinfo

GHZ = 1e9


def text(cores, **fields):
    """A cpuinfo text of `cores` processors."""
    names = {"vendor": "vendor_id", "family": "cpu family", "name": "model name", "mhz": "cpu MHz"}
    blocks = []
    for number in range(cores):
        lines = [f"processor\t: {number}"]
        lines += [f"{names.get(key, key)}\t: {value}" for key, value in fields.items()]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def intel(model, flags, name="Intel(R) Xeon(R) Processor", cores=4):
    return text(
        cores, vendor="GenuineIntel", family=6, model=model, name=name, flags=flags, mhz="2000.000"
    )


def amd(family, flags, model=1, name="AMD EPYC", cores=4):
    return text(
        cores, vendor="AuthenticAMD", family=family, model=model, name=name, flags=flags, mhz="2000"
    )


def arm(part, flags="asimd"):
    return text(4, **{"CPU implementer": "0x41", "CPU part": part, "Features": flags})


AVX2, AVX512 = "fma avx2", "fma avx2 avx512f"
GOLD = "Intel(R) Xeon(R) Gold 6248"
# cpuinfo text, clock in kHz, FLOP per cycle and core by format
RATES = [
    (intel(79, AVX2), None, {"fp32": 32, "fp64": 16}),
    (intel(85, AVX512, GOLD), None, {"fp32": 64, "fp64": 32}),
    (intel(85, AVX512, "Intel(R) Xeon(R) Silver 4114"), None, {"fp32": 32, "fp64": 16}),
    (intel(106, AVX512), None, {"fp32": 64, "fp64": 32}),
    (
        intel(143, AVX512 + " avx512_bf16 amx_bf16 amx_int8"),
        None,
        {"fp32": 64, "fp64": 32, "bf16": 1024, "int8": 2048},
    ),
    (intel(143, AVX512 + " avx512_bf16"), None, {"fp32": 64, "fp64": 32, "bf16": 128}),
    (amd(23, AVX2, 49), None, {"fp32": 32, "fp64": 16}),
    (amd(25, AVX2), None, {"fp32": 32, "fp64": 16}),
    (amd(25, AVX512 + " avx512_bf16", 17), None, {"fp32": 32, "fp64": 16, "bf16": 64}),
    (amd(26, AVX512), None, {"fp32": 64, "fp64": 32}),
    (arm("0xd0c"), 2_000_000, {"fp32": 16, "fp64": 8}),
    (arm("0xd40", "sve bf16"), 2_000_000, {"fp32": 32, "fp64": 16, "bf16": 128}),
    (arm("0xd4f", "sve"), 2_000_000, {"fp32": 32, "fp64": 16}),
]


@pytest.mark.parametrize(("description", "khz", "rates"), RATES)
def test_peak_is_rate_times_cores_times_clock(description, khz, rates):
    derived = cpu.derive(cpuinfo.read(description, max_khz=khz))
    assert derived.peak == {fmt: rate * 4 * 2 * GHZ for fmt, rate in rates.items()}
    assert derived.derived
    assert derived.source.startswith("derived")


UNKNOWN = [
    intel(85, AVX512, "Intel(R) Xeon(R) CPU @ 2.00GHz"),  # one FMA pipe or two: nothing says
    intel(85, AVX512, "Intel(R) Xeon(R) Gold 5120"),  # some 5000s have one pipe, some two
    intel(151, AVX2),  # performance and efficiency cores
    amd(26, AVX512, name="AMD Ryzen AI 9 HX 370"),  # 256-bit pipes
    amd(23, AVX2, 1),  # Zen 1: 128-bit pipes
    arm("0xd0c"),  # no clock anywhere
    arm("0xd03"),
]


@pytest.mark.parametrize("description", UNKNOWN)
def test_what_the_text_does_not_settle_is_unknown(description):
    assert cpu.derive(cpuinfo.read(description)) is None


def test_hardware_threads_share_a_core():
    blocks = [
        f"processor: {i}\nphysical id: 0\ncore id: {i // 2}\nvendor_id: AuthenticAMD\n"
        f"cpu family: 25\nmodel: 1\nflags: {AVX2}\ncpu MHz: 2000"
        for i in range(8)
    ]
    description = "\n\n".join(blocks)
    assert cpuinfo.read(description).cores == 4
    assert cpuinfo.read(description, usable={0, 1, 2}).cores == 2
    assert cpuinfo.read(description, limit=3).cores == 3


def test_the_clock_is_the_best_known_one():
    named = intel(79, AVX2, "Intel(R) Xeon(R) CPU E5-2673 v4 @ 2.30GHz")
    assert cpuinfo.read(named, max_khz=3_600_000).clock_hz == 3.6 * GHZ
    assert cpuinfo.read(named).clock_hz == 2.3 * GHZ
    assert cpuinfo.read(intel(79, AVX2)).clock_hz == 2 * GHZ
    assert cpuinfo.read(arm("0xd0c")).clock_hz is None


def test_devices_that_share_the_cores_share_the_peak():
    info = cpuinfo.read(amd(25, AVX2))
    whole, quarter = cpu.derive(info), cpu.derive(info, shared_by=4)
    assert quarter.peak["fp32"] * 4 == whole.peak["fp32"]
    assert "4 JAX devices share its cores" in quarter.notes[-1]


@pytest.mark.parametrize(
    ("environment", "limit"),
    [
        ({}, None),
        ({"NPROC": "3"}, 3),
        ({"PJRT_NPROC": "2", "NPROC": "3"}, 2),
        ({"OMP_NUM_THREADS": "1"}, None),
        ({"NPROC": "many"}, None),
    ],
)
def test_xla_threads(environment, limit):
    assert cpuinfo.thread_limit(environment) == limit


def test_memory():
    assert cpuinfo.memory_bytes("MemTotal:       1024 kB\nMemFree: 1 kB\n") == 2**20
    assert cpuinfo.memory_bytes("") is None


def test_a_text_without_processors_describes_none():
    assert cpuinfo.read("") is None
