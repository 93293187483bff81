"""The convolutions of a derivation's forms, from their definition: output by output, tap by tap."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np


def _axes(text: str, roles: str) -> list[int]:
    """Positions of the roles, then of the spatial axes in a fixed order."""
    spatial = sorted(letter for letter in text if letter not in roles)
    return [text.index(letter) for letter in (*roles, *spatial)]


def _each(value: Any, rank: int) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, tuple) else (value,) * rank


def _taps(
    x: tuple[int, ...], w: tuple[int, ...], out: tuple[int, ...], options: dict[str, Any]
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]:
    """(input, kernel, output) positions that are multiplied, all as (N, C, *), (O, I, *)."""
    rank = len(x) - 2
    stride = _each(options.get("stride", 1), rank)
    low = [p[0] if isinstance(p, tuple) else p for p in _each(options.get("padding", 0), rank)]
    left, right = (_each(options.get(f"{s}_dilation", 1), rank) for s in ("lhs", "rhs"))
    groups, batches = options.get("groups", 1), options.get("batch_groups", 1)
    per_group, per_batch = w[0] // groups, w[0] // batches
    for n, o in itertools.product(range(out[0]), range(w[0])):
        for place in itertools.product(*map(range, out[2:])):
            for i in range(w[1]):
                for tap in itertools.product(*map(range, w[2:])):
                    at = [
                        p * s + t * d - b
                        for p, s, t, d, b in zip(place, stride, tap, right, low, strict=True)
                    ]
                    if any(a % d for a, d in zip(at, left, strict=True)):
                        continue
                    where = [a // d for a, d in zip(at, left, strict=True)]
                    if all(0 <= a < size for a, size in zip(where, x[2:], strict=True)):
                        channel = i + (o // per_group) * w[1]
                        batch = n + (o // per_batch) * (x[0] // batches)
                        yield (batch, channel, *where), (o, i, *tap), (n, o, *place)


def _plain(x: Any, w: Any, layout: str) -> tuple[Any, Any, list[int]]:
    left, right = layout.split("->", maxsplit=1)[0].split(",")
    x = np.transpose(np.asarray(x, np.float64), _axes(left, "NC"))
    w = np.transpose(np.asarray(w, np.float64), _axes(right, "OI"))
    return x, w, _axes(layout.split("->")[1], "NC")


def conv(x: Any, w: Any, layout: str, **options: Any) -> Any:
    x, w, out_axes = _plain(x, w, layout)
    shape = _output_shape(x.shape, w.shape, options)
    out = np.zeros(shape)
    for a, b, c in _taps(x.shape, w.shape, shape, options):
        out[c] += x[a] * w[b]
    return np.transpose(out, np.argsort(out_axes))


def conv_input_grad(y: Any, w: Any, layout: str, *, shape: tuple[int, ...], **options: Any) -> Any:
    x, w, out_axes = _plain(np.zeros(shape), w, layout)
    y = np.transpose(np.asarray(y, np.float64), out_axes)
    for a, b, c in _taps(x.shape, w.shape, y.shape, options):
        x[a] += y[c] * w[b]
    return np.transpose(x, np.argsort(_axes(layout.split(",", maxsplit=1)[0], "NC")))


def conv_weight_grad(x: Any, y: Any, layout: str, *, shape: tuple[int, ...], **options: Any) -> Any:
    x, w, out_axes = _plain(x, np.zeros(shape), layout)
    y = np.transpose(np.asarray(y, np.float64), out_axes)
    for a, b, c in _taps(x.shape, w.shape, y.shape, options):
        w[b] += y[c] * x[a]
    return np.transpose(w, np.argsort(_axes(layout.split("->", maxsplit=1)[0].split(",")[1], "OI")))


def _output_shape(x: Any, w: Any, options: dict[str, Any]) -> tuple[int, ...]:
    rank = len(x) - 2
    pads = [p if isinstance(p, tuple) else (p, p) for p in _each(options.get("padding", 0), rank)]
    stride = _each(options.get("stride", 1), rank)
    left, right = (_each(options.get(f"{s}_dilation", 1), rank) for s in ("lhs", "rhs"))
    spatial = [
        ((n - 1) * b + 1 + sum(p) - ((k - 1) * r + 1)) // s + 1
        for n, k, p, s, b, r in zip(x[2:], w[2:], pads, stride, left, right, strict=True)
    ]
    return (x[0] // options.get("batch_groups", 1), w[0], *spatial)
