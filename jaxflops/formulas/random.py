"""Counter-based random generators, in integer operations (Random123: Salmon et al., SC'11).

A rotation is 3 operations (two shifts, or). Known by JAX's tag of the key type: `key<fry>`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxflops.polynomial import Count

# What RngBitGenerator runs is the backend's choice; Philox 4x32-10 is XLA's own default:
# 10 rounds of (2 products, each low and high half, 4 xor) and 2 key additions, for 4 words.
PHILOX_WORD = 25
WORD = 32  # bits
HALVE = 1  # the upper half of a seed: a shift; the mask of the lower half is all ones


@dataclass(frozen=True)
class Generator:
    """One evaluation on a counter block, and what surrounds it.

    block: operations on one block of counters; schedule: on its key alone.
    words: 32-bit words of a block, mixed into one result.
    wide: mixing them into 64 bits (two converts, shift, or; and what joins more than two words).
    halves: how many independent generators a key holds (`rbg` keys hold two).
    seed_blocks: evaluations that hash a seed.
    """

    block: int
    schedule: int
    words: int
    wide: int = 4
    halves: int = 1
    seed_blocks: int = 0

    @property
    def hash(self) -> int:
        """One evaluation under a key of its own."""
        return self.block + self.schedule


# threefry2x32: 20 rounds of add, rotate, xor; the key added 6 times (2 words), its number 5 times.
THREEFRY_2 = Generator(block=20 * 5 + 6 * 2 + 5, schedule=2, words=2)
THREEFRY_4 = Generator(20 * 10 + 6 * 4 + 5, schedule=4, words=4, wide=6, seed_blocks=1)
# philox: 10 rounds of product (low, high) and two xor for each pair; the key is bumped 9 times.
PHILOX_2 = Generator(block=10 * 4, schedule=9, words=2, seed_blocks=1)
PHILOX_4 = Generator(block=10 * 8, schedule=18, words=4, seed_blocks=1)
GENERATORS = {
    "fry": THREEFRY_2,
    "fry4": THREEFRY_4,
    "phx2": PHILOX_2,
    "phx4": PHILOX_4,
    "rbg": replace(THREEFRY_2, halves=2),
    "urbg": replace(THREEFRY_2, halves=2),
}


def counters(ndim: int, size: Count) -> Count:
    """A 64-bit count of `size` elements: multiply and add an axis but the last, split in 3."""
    return size * (2 * (ndim - 1) + 3) if ndim else 0


def mixing(generator: Generator, bit_width: int) -> int:
    """Folding a block's words into one result of `bit_width` bits."""
    if bit_width == 2 * WORD:
        return generator.wide
    return generator.words - 1 + (bit_width < WORD)


def original_threefry_bits(bit_width: int, size: Count) -> Count:
    """Threefry bits before `jax_threefry_partitionable`: each 32-bit word of a block is used."""
    words = -(-bit_width * size // WORD)
    unpack = {2 * WORD: 4, WORD: 0}.get(bit_width, 3) * size
    if bit_width < WORD:
        unpack = unpack + WORD // bit_width
    return -(-words // 2) * THREEFRY_2.block + THREEFRY_2.schedule + unpack
