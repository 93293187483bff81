"""A scanned 32-layer transformer: compiled it runs every layer, and XLA's dictionary has one."""

import loop_once

import jaxflops as jf


def test_32_layers_run_and_xla_has_one_of_them():
    scanned, unrolled = (loop_once.model(32, scan) for scan in (True, False))
    args = scanned.example_args()
    run = loop_once.compiled(scanned, "call")
    assert run.analysis.matmul_flops == jf.analyze(unrolled)(*unrolled.example_args()).matmul_flops
    assert run.said == run.projected < run.analysis.flops / 20
    ledger = jf.compare(scanned, compiled=False)(*args)
    (row,) = [row for row in ledger.rows if row.step == "lowered to XLA"]
    assert row.cause == loop_once.ONCE.format(32)
    layer = -row.flops // 31
    assert run.analysis.matmul_flops - 31 * layer == run.once
    assert ledger.lowered.against_xla.rounding == (0, 0)
