"""The most that this machine was seen to do: matmuls of a kind, memory traffic, dispatch."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxflops.errors import JaxflopsError
from jaxflops.machine import calls, stages
from jaxflops.machine.inputs import Inputs
from jaxflops.machine.peaks import ceiling_key
from jaxflops.machine.sampling import Plan, Samples, sample
from jaxflops.machine.stages import Clock
from jaxflops.tree import Kind

_SHORT = Plan(seconds=0.2, least=5, warm_up_seconds=0.3)
_SMALLEST_MATMUL, _SMALLEST_ARRAY = 256, 2**15
# Sizes end when two in a row gain less than this, or when one call takes longer than that.
_GAIN, _PATIENCE, _LONG = 1.02, 2, 0.1
_STREAM_SECONDS = 5e-3
_MOST_TRIPS = 2**15


class Point(NamedTuple):
    """The best rate seen at one size: n of an n x n matmul, or bytes of an array."""

    size: int
    rate: float


@dataclass(frozen=True)
class Ceilings:
    """Best rates seen on one device, in FLOP/s, bytes/s and seconds; not what a datasheet says.

    matmul: kind (`peaks.ceiling_key`) -> the rates of square products, by size.
    stream: in-place updates that read and write an array, by its size in bytes.
    dispatch_seconds: the median of calling a compiled program that does next to nothing.
    """

    device_kind: str
    environment: Mapping[str, str]
    matmul: Mapping[str, tuple[Point, ...]]
    stream: tuple[Point, ...]
    dispatch_seconds: float
    date: str

    def peak(self, kind: Kind) -> float | None:
        """FLOP/s of the best product of that kind; None when it was not measured."""
        points = self.matmul.get(ceiling_key(kind) or "", ())
        return max((point.rate for point in points), default=None)

    def best(self, other: Ceilings) -> Ceilings:
        """The better of both at every size: a ceiling is the most that was ever seen."""
        kinds = dict.fromkeys((*self.matmul, *other.matmul))
        return replace(
            self,
            matmul={k: _best(self.matmul.get(k, ()), other.matmul.get(k, ())) for k in kinds},
            stream=_best(self.stream, other.stream),
            dispatch_seconds=min(self.dispatch_seconds, other.dispatch_seconds),
        )

    def bandwidth(self, size: int) -> float | None:
        """Bytes/s that an array of `size` bytes may reach: the best rate at that size or above.

        A larger array is no faster than a smaller one, but for what it costs to start.
        """
        below = [point for point in self.stream if point.size <= size]
        least = below[-1].size if below else 0
        return max((point.rate for point in self.stream if point.size >= least), default=None)


def _best(one: tuple[Point, ...], other: tuple[Point, ...]) -> tuple[Point, ...]:
    rates = dict(one)
    for size, rate in other:
        rates[size] = max(rate, rates.get(size, 0.0))
    return tuple(Point(size, rates[size]) for size in sorted(rates))


def measure_matmul(
    kind: Kind, device: jax.Device, clock: Clock = time.perf_counter, largest: int = 2**14
) -> tuple[Point, ...]:
    """FLOP/s of n x n products of a kind, n doubling until the rate no longer grows.

    Raises JaxflopsError when the backend cannot run such a product.
    """
    points: list[Point] = []
    for size in _doubling(_SMALLEST_MATMUL, largest, 2):
        taken = _sample(_product(kind), _operands(kind, size, device), clock, _quick(device))
        seconds = min(taken.samples)
        points.append(Point(size, _flops(kind, size) / seconds if seconds else 0.0))
        if seconds > _LONG or _stalled([point.rate for point in points]):
            break
    return tuple(points)


def _stalled(rates: list[float]) -> bool:
    """Whether the last two sizes gained nothing on the best before them."""
    return len(rates) > _PATIENCE and max(rates[-_PATIENCE:]) < _GAIN * max(rates[:-_PATIENCE])


def measure_stream(
    device: jax.Device, clock: Clock = time.perf_counter, largest: int | None = None
) -> tuple[Point, ...]:
    """Bytes/s of updating an array in place, read and write, sizes growing fourfold.

    Up to `largest` bytes; left out, 256 MiB, and 1 GiB on a GPU, which launches every pass.
    """
    largest = largest or (2**30 if device.platform == "gpu" else 2**28)
    return tuple(
        Point(size, _stream_rate(size, device, clock))
        for size in _doubling(_SMALLEST_ARRAY, largest, 4)
    )


def measure_dispatch(device: jax.Device, clock: Clock = time.perf_counter) -> float:
    """Median seconds of calling a compiled program that adds one to a number."""
    taken = _sample(lambda x: x + 1, (_abstract((), jnp.float32, device),), clock).samples
    return sorted(taken)[len(taken) // 2]


def _quick(device: jax.Device) -> dict[str, Any] | None:
    """On a GPU products of its library: XLA tries out Triton kernels for ten seconds at a size."""
    return {"xla_gpu_enable_triton_gemm": False} if device.platform == "gpu" else None


def _sample(
    program: Any, args: tuple[Any, ...], clock: Clock, options: dict[str, Any] | None = None
) -> Samples:
    staged = stages.stage(jax.jit(program), args, {}, (), clock, options)
    work, _ = calls.prepare(staged, Inputs().concrete(staged.leaves, staged.shardings), None)
    taken = sample(work, _SHORT, clock)
    if taken.failure is not None:
        raise JaxflopsError(f"a ceiling: {stages.reason(taken.failure)}") from taken.failure
    return taken


def _product(kind: Kind) -> Any:
    accumulator = jnp.dtype(kind.accumulator) if kind.accumulator else None

    def product(a: Any, b: Any) -> Any:
        return jnp.matmul(
            a, b, precision=_precision(kind.precision), preferred_element_type=accumulator
        )

    return product


def _precision(text: str) -> Any:
    """`HIGHEST`, `BF16_BF16_F32_X3`, `DEFAULT/HIGH` as JAX takes them."""
    names = text.split("/")
    if len(names) == 1 and text and text not in lax.Precision.__members__:
        return lax.DotAlgorithmPreset[text]
    parts = [lax.Precision[name or "DEFAULT"] for name in names]
    return parts[0] if len(parts) == 1 else tuple(parts)


def _operands(kind: Kind, size: int, device: jax.Device) -> tuple[Any, ...]:
    dtypes = (kind.operands * 2)[:2]
    return tuple(_abstract((size, size), jnp.dtype(dtype), device) for dtype in dtypes)


def _abstract(shape: tuple[int, ...], dtype: Any, device: jax.Device) -> Any:
    where = jax.sharding.SingleDeviceSharding(device)
    return jax.ShapeDtypeStruct(shape, dtype, sharding=where)  # type: ignore[no-untyped-call]


def _flops(kind: Kind, size: int) -> int:
    """A multiply-add is 2, a complex one 8."""
    return (8 if kind.operands[0].startswith("c") else 2) * size**3


def _stream_rate(size: int, device: jax.Device, clock: Clock) -> float:
    """Bytes/s at one size: passes until they take a while, the best of several such."""
    where = jax.sharding.SingleDeviceSharding(device)
    array = jax.device_put(jnp.ones(size // 4, jnp.float32), where)
    passes = (_launched if device.platform == "gpu" else _looped)(array)
    best, trips = float("inf"), 1
    while True:
        for _ in range(4):  # the first of them warms up
            start = clock()
            array = passes(array, trips).block_until_ready()
            best = min(best, (clock() - start) / trips)
        if best * trips >= _STREAM_SECONDS or trips >= _MOST_TRIPS:
            return 2 * size / best if best else 0.0
        trips *= 4


def _update(x: Any) -> Any:
    return x * 0.999 + 0.001


def _looped(array: Any) -> Any:
    """(array, trips) -> array: a loop in the program, so that dispatch is paid once."""

    def update(x: Any, trips: Any) -> Any:
        return lax.fori_loop(0, trips, lambda _, x: _update(x), x)

    return jax.jit(update, donate_argnums=0).lower(array, 1).compile()


def _launched(array: Any) -> Any:
    """The same as launches without waiting: a GPU goes round a loop by asking the host."""
    compiled = jax.jit(_update, donate_argnums=0).lower(array).compile()

    def passes(array: Any, trips: int) -> Any:
        for _ in range(trips):
            array = compiled(array)
        return array

    return passes


def _doubling(first: int, last: int, factor: int) -> Iterator[int]:
    while first <= last:
        yield first
        first *= factor
