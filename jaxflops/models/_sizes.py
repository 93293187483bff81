"""Sizes of a configuration: numbers, or names that become JAX's symbolic dimensions."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any, ClassVar, Literal, Protocol, TypeVar

import jax
import jax.export

from jaxflops.errors import SpecError

Dim = Any
"""A size: an int, or text such as "B" or "2*D"; `resolved` turns text into a dimension of JAX's."""


DType = Literal["f32", "bf16"]


class Configuration(Protocol):
    """A frozen dataclass of sizes and switches."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


C = TypeVar("C", bound=Configuration)


def resolved(config: C) -> C:
    """`config` with the text in its `Dim` fields as symbolic dimensions that share one scope."""
    hints = typing.get_type_hints(type(config))
    texts = {
        name: value
        for name, hint in hints.items()
        if hint is Dim and isinstance(value := getattr(config, name), str)
    }
    try:
        dims = jax.export.symbolic_shape(",".join(texts.values()))
    except ValueError as error:
        raise SpecError(
            f"sizes {texts}: write whole numbers, or names of symbolic sizes such as B"
        ) from error
    return dataclasses.replace(config, **dict(zip(texts, dims, strict=True)))
