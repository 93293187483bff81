"""`Cost`: what one piece of a program does, in exact counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any

from jaxflops.polynomial import Count, evaluate


@dataclass(frozen=True, slots=True)
class Cost:
    """Seven exact counts that add up and scale; each is an int or a polynomial, never a float.

    matmul_flops: work that can run on tensor cores / MXUs (dot, convolution, ragged and scaled
      dots); a multiply-add is 2, a complex multiply-add 8.
    other_flops: floating-point elementwise work and reductions, 1 per element and operation.
    transcendentals: calls of exp, log, tanh, erf ... (not part of `flops`).
    int_ops: integer, boolean and comparison-of-integer work.
    bytes_read, bytes_written: operands and results in bytes, every operation on its own.
    payload_bytes: what the devices together put into collectives, in bytes.
    """

    matmul_flops: Count = 0
    other_flops: Count = 0
    transcendentals: Count = 0
    int_ops: Count = 0
    bytes_read: Count = 0
    bytes_written: Count = 0
    payload_bytes: Count = 0

    @property
    def flops(self) -> Count:
        """Floating-point operations: contractions plus everything else (no transcendentals)."""
        return self.matmul_flops + self.other_flops

    @property
    def bytes(self) -> Count:
        """Bytes read plus bytes written."""
        return self.bytes_read + self.bytes_written

    def __add__(self, other: Cost) -> Cost:
        if other is ZERO:
            return self
        if self is ZERO:
            return other
        return Cost(
            self.matmul_flops + other.matmul_flops,
            self.other_flops + other.other_flops,
            self.transcendentals + other.transcendentals,
            self.int_ops + other.int_ops,
            self.bytes_read + other.bytes_read,
            self.bytes_written + other.bytes_written,
            self.payload_bytes + other.payload_bytes,
        )

    def __sub__(self, other: Cost) -> Cost:
        return self + other * -1

    def __mul__(self, times: Count) -> Cost:
        if self is ZERO or times == 1:
            return self
        return Cost(
            self.matmul_flops * times,
            self.other_flops * times,
            self.transcendentals * times,
            self.int_ops * times,
            self.bytes_read * times,
            self.bytes_written * times,
            self.payload_bytes * times,
        )

    __rmul__ = __mul__

    def map(self, change: Callable[[Count], Count]) -> Cost:
        """The cost with `change` applied to each of its counts."""
        return Cost(*(change(getattr(self, name)) for name in FIELDS))

    def at(self, **sizes: Count) -> Cost:
        """The cost with sizes given to all or some of its symbols; other names are ignored."""
        if self is ZERO:  # views leave out containers by it
            return self
        return self.map(lambda count: evaluate(count, sizes))

    def __reduce__(self) -> str | tuple[Any, ...]:
        """`ZERO` is copied and pickled as itself: views leave out containers by it."""
        return "ZERO" if self is ZERO else (Cost, tuple(self.as_dict().values()))

    def as_dict(self) -> dict[str, Count]:
        """Field name -> count, in the order of the fields."""
        return {name: getattr(self, name) for name in FIELDS}


FIELDS: tuple[str, ...] = tuple(field.name for field in fields(Cost))
ZERO = Cost()


def total(costs: Iterable[Cost]) -> Cost:
    """The sum of costs; `ZERO` for none. Equal objects are added once and scaled."""
    listed = [cost for cost in costs if cost is not ZERO]
    if not listed:
        return ZERO
    distinct = {id(cost): cost for cost in listed}
    matmul: Count = 0
    other: Count = 0
    calls: Count = 0
    ints: Count = 0
    read: Count = 0
    written: Count = 0
    payload: Count = 0
    for each, times in Counter(map(id, listed)).items():
        cost = distinct[each]
        matmul += cost.matmul_flops * times
        other += cost.other_flops * times
        calls += cost.transcendentals * times
        ints += cost.int_ops * times
        read += cost.bytes_read * times
        written += cost.bytes_written * times
        payload += cost.payload_bytes * times
    return Cost(matmul, other, calls, ints, read, written, payload)
