"""Counts joined with the clock."""

from __future__ import annotations

from jaxflops.quantities.quantity import Quantity

QUANTITIES: tuple[Quantity, ...] = (
    Quantity(
        "flops_per_second",
        "machine",
        "flops as asked for, of all devices",
        "median wall-clock seconds of a call, until all results are ready",
        "FLOP/s",
        "all samples are kept; the interval of the median is printed beside it",
    ),
    Quantity(
        "bytes_per_second",
        "machine",
        "bytes_unfused",
        "median wall-clock seconds of a call",
        "B/s",
        "an assumption about traffic, not a measurement of it",
    ),
    Quantity(
        "mfu",
        "machine",
        "seconds at peak: matmul_flops of forward and backward as asked for, without recompute and "
        "update, each kind over its own peak; a shard_map body that a mesh axis only replicates "
        "counts once along it, where its specs show that (those of a gradient under "
        "check_vma=False do not)",
        "devices that the executable uses, times median seconds of a call",
        "",
        "PaLM (2022), appendix B; peaks per dtype and precision in jaxflops/machine/data",
    ),
    Quantity(
        "hfu",
        "machine",
        "seconds at peak: matmul_flops of the compiled program, of whatever phase, of all devices, "
        "each kind over its own peak",
        "devices that the executable uses, times median seconds of a call",
        "",
        "Korthikanti et al. (2022); read from the compiled HLO: recompute that the "
        "compiler merged is not in it",
    ),
    Quantity(
        "device_seconds",
        "profile",
        "seconds on the device from a run's first instruction to its last; an instant belongs in "
        "equal parts to all instructions active in it; loops and calls get only what nothing in "
        "them takes",
        "runs that are whole in the trace: the mean",
        "s",
        "events of the JAX profiler, joined with the compiled HLO by instruction",
    ),
    Quantity(
        "explained",
        "profile",
        "device seconds of instructions that the program named, at a scope or else a line; fused "
        "code at its deepest common scope, which must not be the root",
        "device seconds",
        "",
        "op_name of the compiled HLO; (compiler) and the root explain nothing",
    ),
    Quantity(
        "inferred",
        "profile",
        "device seconds of instructions without a name whose site the data flow tells: the loop's, "
        "of those in it or that copy or fill its buffers; a view's, where the program named that",
        "device seconds",
        "",
        "data flow of the compiled HLO; never added to `explained`",
    ),
    Quantity(
        "of_peak",
        "profile",
        "seconds at peak: matmul_flops of the compiled program, as often as its events show it "
        "ran, each kind over its own peak",
        "device seconds of the same instructions",
        "",
        "Williams, Waterman and Patterson (2009); one device's FLOPs and seconds",
    ),
    Quantity(
        "above_ideal",
        "profile",
        "device seconds less the ideal: of each instruction the greater of FLOPs over peak and "
        "bytes over bandwidth, where those are known",
        "",
        "s",
        "Williams, Waterman and Patterson (2009)",
    ),
    Quantity(
        "intensity",
        "roofline",
        "flops (contractions and other) as asked for",
        "bytes_unfused",
        "FLOP/B",
        "Williams, Waterman and Patterson (2009); their traffic is that past the caches",
    ),
    Quantity(
        "unfused_seconds",
        "roofline",
        "of each operation the greater of contractions over their kinds' peaks and bytes_unfused "
        "over bandwidth, summed as if one ran after another",
        "devices",
        "s",
        "Williams, Waterman and Patterson (2009); an assumption about traffic, not an upper bound",
    ),
    Quantity(
        "compulsory_seconds",
        "roofline",
        "the greater of all contractions over their kinds' peaks and bytes_compulsory over "
        "bandwidth, as if all overlapped",
        "devices",
        "s",
        "Williams, Waterman and Patterson (2009); other arithmetic is taken to hide behind traffic",
    ),
)
