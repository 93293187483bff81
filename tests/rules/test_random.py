"""Random keys and bits against the lowered module and against the published generators."""

import jax
import pytest
from rule_oracles import cost

import jaxflops as jf
from jaxflops.errors import UnknownCostError
from jaxflops.formulas.random import PHILOX_2, PHILOX_4, PHILOX_WORD, THREEFRY_2, THREEFRY_4
from jaxflops.jaxpr.op import Array, Op
from jaxflops.jaxpr.registry import COST_RULES

COUNTER_BASED = ["threefry2x32", "threefry4x32", "philox2x32", "philox4x32"]


def key(impl: str, *shape: int):
    return jax.ShapeDtypeStruct(shape, jax.eval_shape(lambda: jax.random.key(0, impl=impl)).dtype)


def lowered(f, *args) -> float:
    """XLA's count for a platform that unrolls the hash; each sharding mark counts -1 there."""
    module = jax.jit(f).trace(*args).lower(lowering_platforms=("tpu",))
    marks = module.compiler_ir("hlo").as_hlo_text().count("custom-call(")
    return module.cost_analysis().get("flops", 0) + marks


PROGRAMS = {
    "bits": (lambda k: jax.random.bits(k, (4, 5)), ()),
    "one draw": (lambda k: jax.random.bits(k, ()), ()),
    "bytes": (lambda k: jax.random.bits(k, (4, 5), "uint8"), ()),
    "split": (lambda k: jax.random.split(k, 3), ()),
    "split to a matrix": (lambda k: jax.random.split(k, (3, 2)), ()),
    "fold": (jax.random.fold_in, (jax.ShapeDtypeStruct((), "uint32"),)),
}


@pytest.mark.parametrize("partitionable", [True, False])
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("impl", COUNTER_BASED)
def test_keys_and_bits_equal_the_lowered_module(impl, program, partitionable) -> None:
    if impl != "threefry2x32" and not partitionable:
        return  # the setting is threefry2x32's
    f, rest = PROGRAMS[program]
    with jax.threefry_partitionable(partitionable):
        args = (key(impl), *rest)
        assert jf.analyze(f)(*args).total.int_ops == lowered(f, *args)


@pytest.mark.parametrize("impl", COUNTER_BASED[:2])
def test_mapped_keys_equal_the_lowered_module(impl) -> None:
    bits = jax.vmap(lambda k: jax.random.bits(k, (4, 5)))
    split = jax.vmap(lambda k: jax.random.split(k, 2))
    for f in (bits, split):
        assert jf.analyze(f)(key(impl, 3)).total.int_ops == lowered(f, key(impl, 3))


@pytest.mark.parametrize("dtype", ["int32", "uint32"])
@pytest.mark.parametrize("impl", [*COUNTER_BASED, "rbg", "unsafe_rbg"])
def test_seeding_equals_the_lowered_module(impl, dtype) -> None:
    f = lambda seed: jax.random.key(seed, impl=impl)
    seed = jax.ShapeDtypeStruct((), dtype)
    assert jf.analyze(f)(seed).total.int_ops == lowered(f, seed)


@pytest.mark.parametrize("program", ["split", "split to a matrix", "fold"])
def test_rbg_keys_hold_two_threefry_keys(program) -> None:
    f, rest = PROGRAMS[program]
    assert jf.analyze(f)(key("rbg"), *rest).total.int_ops == lowered(f, key("rbg"), *rest)


def test_wide_draws() -> None:
    with jax.enable_x64(True):
        f = lambda k: jax.random.bits(k, (4, 5), "uint64")
        for impl in COUNTER_BASED:
            assert jf.analyze(f)(key(impl)).total.int_ops == lowered(f, key(impl))


class Word:
    """A 32-bit word that counts operations; words that depend on the key alone count apart."""

    block = schedule = 0

    def __init__(self, value: int, is_key: bool = False) -> None:
        self.value, self.is_key = value & 0xFFFFFFFF, is_key

    def _do(self, other, value: int, operations: int = 1) -> "Word":
        is_key = self.is_key and (other is None or other.is_key)
        if is_key:
            Word.schedule += operations
        else:
            Word.block += operations
        return Word(value, is_key)

    def __add__(self, other: "Word") -> "Word":
        return self._do(other, self.value + other.value)

    def __xor__(self, other: "Word") -> "Word":
        return self._do(other, self.value ^ other.value)

    def rotate(self, by: int) -> "Word":  # two shifts, or
        return self._do(None, self.value << by | self.value >> (32 - by), 3)

    def products(self, by: int) -> tuple["Word", "Word"]:  # low and high half
        product = self.value * by
        return self._do(None, product), self._do(None, product >> 32)


def constant(value: int) -> Word:
    return Word(value, is_key=True)


def threefry(words: int) -> list[int]:
    """Random123's threefry, 20 rounds, of a zero key and counter."""
    rotations = {
        2: [[13], [15], [26], [6], [17], [29], [16], [24]],
        4: [[10, 26], [11, 21], [13, 27], [23, 5], [6, 20], [17, 11], [25, 10], [18, 20]],
    }[words]
    keys = [constant(0) for _ in range(words)]
    parity = keys[0]
    for word in [*keys[1:], constant(0x1BD11BDA)]:
        parity = parity ^ word
    keys.append(parity)
    x = [Word(0) + k for k in keys[:words]]
    for r in range(20):
        pairs = [(0, 1), (2, 3)] if r % 2 == 0 or words == 2 else [(0, 3), (2, 1)]
        for (a, b), by in zip(pairs, rotations[r % 8], strict=False):
            x[a] = x[a] + x[b]
            x[b] = x[a] ^ x[b].rotate(by)
        if r % 4 == 3:
            number = r // 4 + 1
            x = [word + keys[(number + i) % (words + 1)] for i, word in enumerate(x)]
            x[-1] = x[-1] + constant(number)
    return [word.value for word in x]


def philox(words: int) -> list[int]:
    """Random123's philox, 10 rounds, of a zero key and counter."""
    factors = {2: [0xD256D193], 4: [0xD2511F53, 0xCD9E8D57]}[words]
    weyl = [constant(0x9E3779B9), constant(0xBB67AE85)]
    keys = [constant(0) for _ in factors]
    x = [Word(0) for _ in range(words)]
    for r in range(10):
        if r:
            keys = [k + w for k, w in zip(keys, weyl, strict=False)]
        halves = [x[2 * i].products(factor) for i, factor in enumerate(factors)]
        low, high = ([pair[half] for pair in halves] for half in (0, 1))
        odd = x[1::2]
        x = []
        for i in range(len(factors)):
            x += [high[i - 1] ^ odd[i] ^ keys[i], low[i - 1]]
    return [word.value for word in x]


# Known answers: Random123's kat_vectors.
KNOWN = [
    (threefry, 2, THREEFRY_2, [0x6B200159, 0x99BA4EFE]),
    (threefry, 4, THREEFRY_4, [0x9C6CA96A, 0xE17EAE66, 0xFC10ECD4, 0x5256A7D8]),
    (philox, 2, PHILOX_2, [0xFF1DAE59, 0x6CD10DF2]),
    (philox, 4, PHILOX_4, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
]


@pytest.mark.parametrize(("generator", "words", "formula", "answer"), KNOWN)
def test_generators_are_counted_operation_by_operation(generator, words, formula, answer) -> None:
    Word.block = Word.schedule = 0
    assert generator(words) == answer
    assert (Word.block, Word.schedule) == (formula.block, formula.schedule)


def test_bit_generators_are_counted_as_philox_and_say_so() -> None:
    block = PHILOX_4.block + PHILOX_4.schedule + 2  # the counter's carry
    assert block == 4 * PHILOX_WORD
    f = lambda k: jax.lax.rng_bit_generator(k, (3, 5))
    analysis = jf.analyze(f)(*jf.specs("u32[4]"))
    assert analysis.total.int_ops == PHILOX_WORD * 15
    assert "rng_bit_generator: counted as Philox" in analysis.caveats
    assert cost(lambda k: jax.random.bits(k, (4, 5)), "key<rbg>[]").int_ops == PHILOX_WORD * 20
    bytes_ = cost(lambda k: jax.random.bits(k, (4, 5), "uint8"), "key<rbg>[]")
    assert bytes_.int_ops == PHILOX_WORD * 5
    assert cost(lambda k: jax.random.split(k, 3), "key<urbg>[]").int_ops == PHILOX_WORD * 40 * 3


def test_uniform_floats_of_the_old_generator() -> None:
    got = cost(lambda a, b: jax.lax.rng_uniform(a, b, (3, 5)), "f32[]", "f32[]")
    assert (got.int_ops, got.other_flops) == (PHILOX_WORD * 15, 2 * 15)


def test_gamma_draws_say_that_they_reject() -> None:
    analysis = jf.analyze(lambda k: jax.random.gamma(k, 2.0, (3,)))(key("threefry2x32"))
    assert analysis.by("primitive")["random_gamma"].transcendentals == 4 * 3
    assert any("a rejection sampler" in caveat for caveat in analysis.caveats)


def test_a_users_generator_is_unknown_not_zero() -> None:
    keys = Array((), "key<mine>", 8, "key")
    for name in ("random_bits", "random_split", "random_seed", "random_fold_in"):
        op = Op(name, (keys,), (keys,))
        with pytest.raises(UnknownCostError, match="the generator of key<mine> is not known"):
            COST_RULES[name].formula(op, bit_width=32)
