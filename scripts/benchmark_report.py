"""The benchmark's rows as lines, a Markdown table, and a roofline."""

from typing import Any

from jaxflops.errors import JaxflopsError
from jaxflops.machine.ceilings import Ceilings
from jaxflops.machine.roofline import measured
from jaxflops.report import plot
from jaxflops.report.measurement import duration, percent, rate
from jaxflops.tree import Kind

HEADS = ("model", "program", "compile", "step", "spread", "device", "FLOP/s", "MFU", "HFU",
         "of ceiling", "ideal, unfused", "ideal, compulsory", "device time explained",
         "most above the ideal")  # fmt: skip


def line(row: dict[str, Any]) -> str:
    """One row on a terminal."""
    mark = "  faster than the ceilings so far" if row["impossible"] else ""
    return (
        f"{row['model']:12s} {row['program']:10s} step {duration(row['seconds']):>9s}, "
        f"{rate(row['flops_per_second'], 'FLOP'):>14s}, MFU {share(row['mfu']):>6s}, "
        f"HFU {share(row['hfu']):>6s}, of ceiling {share(row['hfu_of_ceiling']):>6s}, "
        f"ideal {duration(row['ideal_seconds'])}{mark}"
    )


def share(value: float | None) -> str:
    return "-" if value is None else percent(value)


def write(results: Any, seen: Ceilings) -> None:
    """NAME.md and, where matplotlib is, NAME.png beside the JSON."""
    path = results.path.with_suffix(".md")
    path.write_text("\n".join(markdown(results, seen)) + "\n", "utf-8")
    print(f"results: {results.path.name}, {path.name}", end="")
    try:
        picture(results, seen)
        print(f", {results.path.with_suffix('.png').name}")
    except JaxflopsError as error:
        print(f"; no picture: {error}")


def markdown(results: Any, seen: Ceilings) -> list[str]:
    head = results.head
    made = head["environment"]
    peaks = ", ".join(
        f"{kind} {rate(max(p.rate for p in points), 'FLOP')}"
        for kind, points in seen.matmul.items()
        if points
    )
    bandwidth = seen.bandwidth(2**62)
    load = head["load_average"]
    flags = f"; XLA_FLAGS={made['XLA_FLAGS']}" if "XLA_FLAGS" in made else ""
    made_with = (
        f"{head['date']}, jaxflops {head['jaxflops']}, "
        f"JAX {made['jax']}, jaxlib {made['jaxlib']}, Python {made['python']}; "
        f"{made.get('cpu', '')}, {made.get('cpu_cores', '?')} cores{flags}. "
        f"{head.get('seconds', '?')} s in all, begun at a load average of {load[0]}: where that is "
        "above the cores, other work ran beside it, and the spreads say so."
    )
    legend = (
        f"MFU and HFU are of peaks from: {head['peaks']}. Ceilings measured here: {peaks}; "
        f"memory {rate(bandwidth, 'B') if bandwidth else 'unknown'}. `of ceiling` is HFU over "
        "them. Step: wall-clock median and its spread; device: mean of profiled runs, without "
        "dispatch, with what recording costs. Ideal seconds: every operation alone (unfused), or "
        "arguments and results once (compulsory), under the ceilings."
    )
    table = [f"| {' | '.join(HEADS)} |", f"|{'---|' * len(HEADS)}"]
    lines = [f"# Benchmark on {made['device_kind']}", "", made_with, "", legend, "", *table]
    return lines + [f"| {' | '.join(cells(row))} |" for row in results.rows]


def cells(row: dict[str, Any]) -> list[str]:
    start = [row["model"], row["program"]]
    if "failed" in row:
        return [*start, f"FAILED: {row['failed']}", *[""] * (len(HEADS) - 3)]
    compulsory = row["ideal_seconds_compulsory"]
    wasted = [f"{w['site']} {duration(w['above_ideal'] or w['seconds'])}" for w in row["wasteful"]]
    explained = f"{percent(row['seconds_explained'])} + {percent(row['seconds_inferred'])} inferred"
    return [
        *start,
        duration(row["compile_seconds"]),
        duration(row["seconds"]),
        percent(row["measurement"]["spread_seconds"] / row["seconds"]),
        duration(row["device_seconds"]),
        rate(row["flops_per_second"], "FLOP"),
        share(row["mfu"]),
        share(row["hfu"]),
        share(row["hfu_of_ceiling"]),
        duration(row["ideal_seconds_unfused"]),
        "not known" if compulsory is None else duration(compulsory),
        explained,
        "; ".join([*wasted, *(f"IMPOSSIBLE {text}" for text in row["impossible"])]),
    ]


def picture(results: Any, seen: Ceilings) -> None:
    """Every program as a point under the measured roofs."""
    rows = [row for row in results.rows if "failed" not in row]
    points = [
        plot.Point(
            f"{row['model']} {row['program']}",
            row["intensity"],
            row["flops_per_second"],
            bool(row["impossible"]),
        )
        for row in rows
    ]
    kinds = {"fp32": Kind(("float32", "float32"), "float32"),
             "bf16": Kind(("bfloat16", "bfloat16"), "bfloat16")}  # fmt: skip
    known = tuple(kind for name, kind in kinds.items() if seen.matmul.get(name))
    title = f"{results.head['environment']['device_kind']}: programs under measured roofs"
    path = results.path.with_suffix(".png")
    plot.draw(points, plot.Sky(measured(seen), known), title, path, beside=True)
