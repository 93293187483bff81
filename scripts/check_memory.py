"""`peak_bytes` of every model against what XLA allocates: the whole distribution of ratios.

    python scripts/check_memory.py [--size small|medium] [--models transformer,lstm]

Forward, gradient, and a step of gradient descent whose weights are donated. Ours is counted from
the jaxpr; XLA's is arguments + results - shared + temporary bytes of the compiled program's
memory_analysis(). There is no bound to pass: the table is the result.
"""

import argparse
import platform
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
from rich.progress import track

import jaxflops as jf
from jaxflops.models import suite

CLOSE = 0.25
# What XLA:CPU does that a jaxpr does not say, read in its buffer assignments.
WHY = (
    """resnet: the gradient of max pooling (select_and_scatter_add) is expanded into four index
  arrays of the padded input and a scatter into a copy of it""",
    """remat, unrolled: common subexpression elimination merges what is recomputed with what it
  repeats, so the program holds what it would without remat""",
)


class Held(NamedTuple):
    """One program: our peak, and XLA's allocation by what it is for."""

    name: str
    peak: int
    arguments: int
    results: int
    shared: int
    temporary: int

    @property
    def allocated(self) -> int:
        """Bytes that XLA sets aside."""
        return self.arguments + self.results - self.shared + self.temporary

    @property
    def ratio(self) -> float:
        """Ours over XLA's."""
        return self.peak / self.allocated


def programs(
    size: Any, only: list[str]
) -> Iterator[tuple[str, Callable[..., Any], tuple[Any, ...]]]:
    """(name, jitted function, arguments) of every model's forward pass, gradient and step."""
    for name, loss, args in suite(size):
        if not only or any(name.startswith(model) for model in only):
            yield f"{name} forward", jax.jit(loss), args
            yield f"{name} gradient", jax.jit(jax.grad(loss, argnums=loss.argnums)), args
            yield f"{name} step", jax.jit(step(loss), donate_argnums=loss.argnums), args


def step(loss: Any) -> Callable[..., Any]:
    """Gradient descent on the arguments that are differentiated."""

    def descend(*args: Any) -> Any:
        gradients = jax.grad(loss, argnums=loss.argnums)(*args)
        weights = tuple(args[i] for i in loss.argnums)
        return jax.tree.map(lambda w, g: w - 0.1 * g, weights, gradients)

    return descend


def check(name: str, fn: Any, args: tuple[Any, ...]) -> Held:
    traced = fn.trace(*args)
    memory = traced.lower().compile().memory_analysis()
    return Held(
        name,
        jf.analyze(traced)().peak_bytes,
        memory.argument_size_in_bytes,
        memory.output_size_in_bytes,
        memory.alias_size_in_bytes,
        memory.temp_size_in_bytes,
    )


def show(held: list[Held]) -> None:
    print(
        f"{'program':42}{'ours':>12}{'XLA':>12}{'ratio':>8}   arguments, results, shared, temporary"
    )
    ranked = sorted(held, key=lambda each: each.ratio)
    for each in ranked:
        parts = f"{each.arguments:,}, {each.results:,}, {each.shared:,}, {each.temporary:,}"
        print(f"{each.name:42}{each.peak:>12,}{each.allocated:>12,}{each.ratio:>8.3f}   {parts}")
    ratios = [each.ratio for each in ranked]
    cuts = ((0, "least"), (1, "1st quartile"), (2, "median"), (3, "3rd quartile"), (4, "most"))
    shown = ", ".join(f"{name} {ratios[(len(ratios) - 1) * i // 4]:.3f}" for i, name in cuts)
    close = sum(1 / (1 + CLOSE) <= ratio <= 1 + CLOSE for ratio in ratios)
    print(f"ours / XLA of {len(ratios)} programs: {shown}; {close} within {CLOSE:.0%}")
    worst = max(held, key=lambda each: max(each.ratio, 1 / each.ratio))
    print(f"worst: {worst.name}, {worst.ratio:.3f}", *WHY, sep="\n- ")
    versions = f"jax {jax.__version__}, jaxlib {jax.lib.__version__}"
    print(f"({versions}, {jax.default_backend()}, Python {platform.python_version()})")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=("small", "medium"), default="small")
    parser.add_argument("--models", default="", help="comma-separated names; all by default")
    given = parser.parse_args()
    chosen = list(programs(given.size, list(filter(None, given.models.split(",")))))
    held = [check(*each) for each in track(chosen, description="programs")]
    show(held)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
