"""The convolutions of a derivation's forms, from their definition: group by group, tap by tap."""

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


Grid = tuple[Any, ...]  # indexes of a block of elements, one array an axis


def _taps(
    x: tuple[int, ...], w: tuple[int, ...], out: tuple[int, ...], options: dict[str, Any]
) -> Iterator[tuple[Grid, Grid, Grid]]:
    """(input, kernel, output) elements that are multiplied, all as (N, C, *), (O, I, *).

    For each group and each tap: all outputs for which the tap meets real input.
    """
    rank = len(x) - 2
    stride = _each(options.get("stride", 1), rank)
    low = [p[0] if isinstance(p, tuple) else p for p in _each(options.get("padding", 0), rank)]
    left, right = (_each(options.get(f"{s}_dilation", 1), rank) for s in ("lhs", "rhs"))
    groups, batches = options.get("groups", 1), options.get("batch_groups", 1)
    n, o, i = np.arange(out[0]), np.arange(w[0]), np.arange(w[1])
    for group, batch in itertools.product(range(groups), range(batches)):
        chosen = o[(o // (w[0] // groups) == group) & (o // (w[0] // batches) == batch)]
        inputs, channels = n + batch * (x[0] // batches), i + group * w[1]
        for tap in itertools.product(*map(range, w[2:])):
            where, places = [], []
            for t, size, reach, s, d, b, dilation in zip(
                tap, x[2:], out[2:], stride, right, low, left, strict=True
            ):
                place = np.arange(reach)
                at = place * s + t * d - b
                real = (at % dilation == 0) & (at >= 0) & (at // dilation < size)
                where.append(at[real] // dilation)
                places.append(place[real])
            yield (
                np.ix_(inputs, channels, *where),
                np.ix_(chosen, i, *([t] for t in tap)),
                np.ix_(n, chosen, *places),
            )


def _matrix(w: Any) -> Any:
    """One tap of a kernel, [O, I, 1, ...], as a matrix."""
    return w.reshape(w.shape[:2])


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
        out[c] += np.einsum("ni...,oi->no...", x[a], _matrix(w[b]))
    return np.transpose(out, np.argsort(out_axes))


def conv_input_grad(y: Any, w: Any, layout: str, *, shape: tuple[int, ...], **options: Any) -> Any:
    x, w, out_axes = _plain(np.zeros(shape), w, layout)
    y = np.transpose(np.asarray(y, np.float64), out_axes)
    for a, b, c in _taps(x.shape, w.shape, y.shape, options):
        x[a] += np.einsum("no...,oi->ni...", y[c], _matrix(w[b]))
    return np.transpose(x, np.argsort(_axes(layout.split(",", maxsplit=1)[0], "NC")))


def conv_weight_grad(x: Any, y: Any, layout: str, *, shape: tuple[int, ...], **options: Any) -> Any:
    x, w, out_axes = _plain(x, np.zeros(shape), layout)
    y = np.transpose(np.asarray(y, np.float64), out_axes)
    for a, b, c in _taps(x.shape, w.shape, y.shape, options):
        axes = (0, *range(2, x.ndim))
        w[b] += np.tensordot(y[c], x[a], (axes, axes)).reshape(w[b].shape)
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
