"""Devices of the user's own: a TOML file before the table, refused where it is wrong."""

import jax
import pytest

import jaxflops as jf
from jaxflops.errors import JaxflopsError
from jaxflops.machine.devices import device, known

ROW = """
[[device]]
id = "mine"
kinds = ["My Accelerator.*"]
platform = "cuda"
peak = { bf16 = 250e12, fp32 = 60_000_000_000_000 }
bandwidth = 1.2e12
source = "a datasheet"
date = "2026-11"
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Write the file that the variable names."""

    def write(text):
        path = tmp_path / f"devices{len(list(tmp_path.iterdir()))}.toml"
        path.write_text(text)
        monkeypatch.setenv("JAXFLOPS_DEVICES", str(path))

    return write


def test_a_device_of_ones_own(own):
    assert device("My Accelerator 2") is None
    own(ROW)
    found = device("My Accelerator 2")
    assert found is device("mine")
    assert (found.peak["bf16"], found.peak["fp32"], found.bandwidth) == (250e12, 60e12, 1.2e12)
    assert (found.source, found.date, found.derived) == ("a datasheet", "2026-11", False)
    assert known()[0] is found
    assert device("NVIDIA H100 80GB HBM3").id == "h100-sxm5"


def test_it_comes_before_the_table_and_the_derived_cpu(own):
    own(ROW.replace("My Accelerator.*", "H100").replace('"mine"', '"slower"')
        + ROW.replace("My Accelerator.*", "^cpu$").replace('"cuda"', '"cpu"'))  # fmt: skip
    assert device("NVIDIA H100 80GB HBM3").id == "slower"
    cpu = jax.devices("cpu")[0]
    assert device(cpu).id == "mine"
    x = jax.ShapeDtypeStruct((4, 4), "float32")
    measured = jf.measure(lambda x: x @ x, samples=1, clock=iter(range(99)).__next__)(x)
    assert measured.mfu == 2 * 4**3 / 60e12


WRONG = {
    "[[device]": "cannot be read as TOML",
    "[device]\nid = 'x'": r"write one table \[\[device\]\] for each device",
    ROW.replace('date = "2026-11"', ""): "device 'mine': date is missing",
    ROW + "bandwith = 1e12\n": "bandwith is no field; write id, kinds, platform, peak",
    ROW.replace("250e12", '"250e12"'): "bf16: write FLOP/s, as in bf16 = 250e12",
    ROW.replace("250e12", "0"): "bf16: write FLOP/s, as in bf16 = 250e12",
    ROW.replace('"cuda"', '"gpu"'): "platform is one of cuda, rocm, tpu, cpu",
    ROW.replace("1.2e12", '"fast"'): "bandwidth = 'fast' is no float",
    ROW.replace("My Accelerator.*", "("): r"kind '\('",
    ROW.replace("250e12", "inf"): "bf16: write FLOP/s",
    ROW.replace("bf16", "float16"): "float16 is no format; write fp64, fp32, tf32, bf16",
    ROW.replace("1.2e12", "0"): "bandwidth = 0: write more than 0, or leave it out",
    ROW.replace("1.2e12", "true"): "bandwidth = True: write more than 0, or leave it out",
    "device = [1]": r"write one table \[\[device\]\] for each",
    ROW + ROW: "two devices are called mine",
}


@pytest.mark.parametrize(("text", "message"), WRONG.items(), ids=WRONG.values())
def test_what_is_wrong_is_refused(text, message, own):
    own(text)
    with pytest.raises(JaxflopsError, match=message):
        device("TPU v4")


def test_a_file_that_is_not_there(monkeypatch):
    monkeypatch.setenv("JAXFLOPS_DEVICES", "nowhere.toml")
    with pytest.raises(JaxflopsError, match="JAXFLOPS_DEVICES=nowhere.toml: cannot be read"):
        device()
