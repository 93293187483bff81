"""`Model`: a loss function that carries its configuration, presets and example arguments."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic

import jax
import numpy as np
from jax import Array

from jaxflops.errors import JaxflopsError
from jaxflops.models._random import random_batch, random_parameters
from jaxflops.models._settings import read
from jaxflops.models._sizes import C, resolved


@dataclass(frozen=True, eq=False)
class Model(Generic[C]):
    """A scalar loss with named arguments; calling it computes `loss`.

    presets: name -> configuration; published ones cite their source where they are defined.
    make_loss, make_forward: configuration -> function of the example arguments (the forward
        pass takes a prefix of them: no targets).
    make_args: configuration -> abstract arguments of the loss, parameters among them.
    argnums: which arguments are parameters; what a gradient is usually taken of.
    labels: the configuration field that bounds integer inputs (a vocabulary, classes).
    """

    name: str
    config: C
    presets: Mapping[str, C] = field(repr=False)
    make_loss: Callable[[C], Callable[..., Array]] = field(repr=False)
    make_forward: Callable[[C], Callable[..., Any]] = field(repr=False)
    make_args: Callable[[C], tuple[Any, ...]] = field(repr=False)
    argnums: tuple[int, ...] = (0,)
    labels: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        # On the instance, where `inspect.signature` and JAX look: the user's argument names.
        object.__setattr__(self, "__name__", self.name)
        object.__setattr__(self, "__signature__", _signature(self.loss))

    def __call__(self, *args: Any) -> Array:
        return self.loss(*args)

    @functools.cached_property
    def sizes(self) -> C:
        """The configuration with symbols resolved, once: loss and arguments share their scope."""
        return resolved(self.config)

    @functools.cached_property
    def loss(self) -> Callable[..., Array]:
        """Scalar training loss of the example arguments."""
        return self.make_loss(self.sizes)

    @functools.cached_property
    def forward(self) -> Callable[..., Any]:
        """Outputs before the loss, of the example arguments without the targets."""
        return self.make_forward(self.sizes)

    def example_args(self) -> tuple[Any, ...]:
        """Abstract arguments of the loss; nothing is allocated."""
        return self.make_args(self.sizes)

    def random_args(self, seed: int = 0) -> tuple[Any, ...]:
        """Real arrays in the shape of `example_args`, scaled to a finite loss and gradient."""
        rng = np.random.default_rng(seed)
        below = 2 if self.labels is None else getattr(self.config, self.labels)
        return tuple(
            random_parameters(rng, arg) if i in self.argnums else random_batch(rng, arg, below)
            for i, arg in enumerate(self.example_args())
        )

    @property
    def parameter_count(self) -> Any:
        """Elements of the arguments that a gradient is taken of; an int, or JAX's symbolic size."""
        args = self.example_args()
        leaves = jax.tree.leaves([args[i] for i in self.argnums])
        return sum(math.prod(leaf.shape) for leaf in leaves)

    def with_preset(self, name: str) -> Model[C]:
        """The same model with a configuration from `presets`."""
        if name not in self.presets:
            raise JaxflopsError(
                f"model {self.name!r} has no preset {name!r}; write one of: "
                + ", ".join(self.presets)
            )
        return dataclasses.replace(self, config=self.presets[name])

    def with_config(self, **changes: Any) -> Model[C]:
        """The same model with some fields changed; text is read as the field's type."""
        hints = typing.get_type_hints(type(self.config))
        for name in changes:
            if name not in self.config.__dataclass_fields__:
                raise JaxflopsError(
                    f"model {self.name!r} has no setting {name!r}; write one of: "
                    + ", ".join(self.config.__dataclass_fields__)
                )
        values = {name: read(name, value, hints[name]) for name, value in changes.items()}
        return dataclasses.replace(self, config=dataclasses.replace(self.config, **values))


def _signature(loss: Callable[..., Any]) -> inspect.Signature:
    """Of the arguments that are left when `config` is bound."""
    signature = inspect.signature(loss)
    left = [p for p in signature.parameters.values() if p.name != "config"]
    return signature.replace(parameters=left)


def configured(fn: Callable[..., Array]) -> Callable[[Any], Callable[..., Array]]:
    """Configuration -> `fn` with its `config` argument bound."""
    return lambda config: functools.partial(fn, config=config)
