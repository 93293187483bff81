"""Random keys and bits, in integer operations of the key's generator."""

from __future__ import annotations

from math import prod
from typing import Any

import jax

from jaxflops.cost import Cost
from jaxflops.errors import UnknownCostError
from jaxflops.formulas import random as formulas
from jaxflops.formulas.random import GENERATORS, HALVE, PHILOX_WORD, THREEFRY_2, WORD, Generator
from jaxflops.jaxpr.op import Array, Op
from jaxflops.jaxpr.registry import cost_rule
from jaxflops.polynomial import Count

TRACED = "JAX's own implementation, traced"


@cost_rule("threefry2x32", "threefry4x32", "philox2x32", "philox4x32", oracle=TRACED)
def hash_block(op: Op, /, **_: Any) -> Cost:
    """One block an element of the counters; the key's schedule once a key."""
    generator = _HASHES[op.name]
    return Cost(int_ops=generator.block * op.out.size + generator.schedule * op.inputs[0].size)


_HASHES = {
    "threefry2x32": formulas.THREEFRY_2,
    "threefry4x32": formulas.THREEFRY_4,
    "philox2x32": formulas.PHILOX_2,
    "philox4x32": formulas.PHILOX_4,
}


@cost_rule("iota_2x32_shape", oracle="lowered XLA")
def iota_2x32_shape(op: Op, /, **_: Any) -> Cost:
    """64-bit counters: a product and a sum an axis but the last; a shift and two converts."""
    return Cost(int_ops=formulas.counters(op.out.ndim, op.out.size))


@cost_rule("random_bits", oracle=TRACED)
def random_bits(op: Op, /, *, bit_width: int, **_: Any) -> Cost:
    """A block for each result, its words mixed; `rbg` keys: 25 for each 32-bit word (Philox)."""
    keys, each = op.inputs[0].size, op.out.shape[op.inputs[0].ndim :]
    size, tag = prod(each), _tag(op.inputs[0])
    if tag in ("rbg", "urbg"):
        return Cost(int_ops=PHILOX_WORD * keys * _words(size, bit_width))
    generator = _generator(op.inputs[0])
    if tag == "fry" and not _partitionable():
        return Cost(int_ops=keys * formulas.original_threefry_bits(bit_width, size))
    mixed = generator.block + formulas.mixing(generator, bit_width)
    counters = formulas.counters(len(each), size)
    return Cost(int_ops=keys * (mixed * size + generator.schedule) + counters)


@cost_rule("random_split", oracle=TRACED)
def random_split(op: Op, /, **_: Any) -> Cost:
    """A block for each new key; `unsafe_rbg` keys: ten draws of 4 words."""
    keys, new = op.inputs[0].size, op.out.shape[op.inputs[0].ndim :]
    size = prod(new)
    if _tag(op.inputs[0]) == "urbg":
        return Cost(int_ops=PHILOX_WORD * 40 * keys * size)
    generator = _generator(op.inputs[0])
    counters = formulas.counters(len(new), size)
    if _tag(op.inputs[0]) in ("fry", "rbg") and not _partitionable():
        counters = 0
    each = generator.block * size + generator.schedule
    return Cost(int_ops=generator.halves * keys * each + counters)


@cost_rule("random_seed", oracle=TRACED)
def random_seed(op: Op, /, **_: Any) -> Cost:
    """Two words out of each seed: a shift, and converts; some generators hash them."""
    converts = 0 if op.inputs[0].dtype == "uint32" else 2
    generator = _generator(op.out)
    hashes = generator.seed_blocks * generator.hash
    return Cost(int_ops=op.out.size * (HALVE + converts + hashes))


@cost_rule("random_fold_in", oracle=TRACED)
def random_fold_in(op: Op, /, **_: Any) -> Cost:
    """One block for each key, on the number folded in; `unsafe_rbg`: ten draws of 4 words, xor."""
    keys, generator = op.out, _generator(op.out)
    if _tag(keys) == "urbg":
        return Cost(int_ops=keys.size * (HALVE + PHILOX_WORD * 40 + 4))
    halve = HALVE if generator.block == THREEFRY_2.block else 0
    return Cost(int_ops=keys.size * (generator.halves * generator.hash + halve))


@cost_rule("rng_bit_generator", oracle="published count (Random123)", note="counted as Philox")
def rng_bit_generator(op: Op, /, **_: Any) -> Cost:
    """25 for each 32-bit word: Philox 4x32-10, XLA's usual choice."""
    bits = op.outputs[1]
    return Cost(int_ops=PHILOX_WORD * _words(bits.size, 8 * bits.itemsize))


@cost_rule("rng_uniform", oracle="published count (Random123)", note="counted as Philox")
def rng_uniform(op: Op, /, **_: Any) -> Cost:
    """25 for each 32-bit word, then scaled and shifted."""
    words = _words(op.out.size, 8 * op.out.itemsize)
    return Cost(int_ops=PHILOX_WORD * words, other_flops=2 * op.out.size)


@cost_rule(
    "random_gamma",
    oracle="one round of JAX's own implementation",
    note="a rejection sampler, counted as one accepted proposal an element",
)
def random_gamma(op: Op, /, **_: Any) -> Cost:
    """Marsaglia and Tsang: a normal and a uniform draw, a cube, two logarithms an element."""
    size = op.out.size
    draws = 2 * _generator(op.inputs[0]).hash
    return Cost(int_ops=draws * size, other_flops=12 * size, transcendentals=4 * size)


def _generator(key: Array) -> Generator:
    """The generator of a key's type; raises UnknownCostError for a user's own."""
    if _tag(key) not in GENERATORS:
        raise UnknownCostError(f"the generator of {key.dtype} is not known")
    return GENERATORS[_tag(key)]


def _tag(key: Array) -> str:
    """`key<fry>` -> `fry`."""
    return key.dtype.removeprefix("key<").removesuffix(">")


def _words(size: Count, bit_width: int) -> Count:
    return -(-size * bit_width // WORD)


def _partitionable() -> bool:
    """How the program will be lowered: a setting of JAX, not of the equation."""
    return bool(jax.config.jax_threefry_partitionable)  # type: ignore[attr-defined]
