"""Short names of dtypes, as JAX, HLO and jaxtyping write them."""

from __future__ import annotations

import re
from typing import Any

import jax
import jax.numpy as jnp

from jaxflops.errors import SpecError

_FAMILIES = {"f": "float", "bf": "bfloat", "i": "int", "s": "int", "u": "uint", "c": "complex"}
_SHORT = re.compile(r"(bf|f|i|s|u|c)(\d+)(?:_?(e\d\w*))?")
_LONG = re.compile(r"(float|bfloat|int|uint|complex)\d+(_\w+)?")
_BOOLS = ("bool", "pred", "b1")
_KEY = re.compile(r"key(<(\w+)>)?")
_IMPLEMENTATIONS = {"fry": "threefry2x32", "rbg": "rbg", "urbg": "unsafe_rbg"}
_WIDE = ("float64", "int64", "uint64", "complex128")


def read_dtype(name: str) -> Any:
    """`f32`, `bf16`, `i8`, `u32`, `c64`, `f8_e4m3fn`, `bool`, `key<fry>`, `float32` -> dtype."""
    if key := _KEY.fullmatch(name):
        return _key_dtype(name, key[2])
    long = long_name(name)
    if long is None or not hasattr(jnp, long):
        raise SpecError(
            f"unknown dtype {name!r}; write f32, bf16, f16, f8_e4m3fn, i32, u8, i4, c64, bool, "
            "key, or NumPy's name (float32)"
        )
    if long in _WIDE and not jax.config.jax_enable_x64:  # type: ignore[attr-defined]
        half = {"float64": "f32", "int64": "i32", "uint64": "u32", "complex128": "c64"}[long]
        raise SpecError(
            f"{name} needs 64-bit types, which JAX has switched off; write {half}, or switch them "
            "on with jax.config.update('jax_enable_x64', True) or JAX_ENABLE_X64=1"
        )
    return jnp.dtype(getattr(jnp, long))


def long_name(name: str) -> str | None:
    """NumPy's name of a dtype given by its short or long name; None for what is no dtype."""
    if name in _BOOLS:
        return "bool_"
    if _LONG.fullmatch(name):
        return name
    if short := _SHORT.fullmatch(name):
        family, bits, variant = short.groups()
        return f"{_FAMILIES[family]}{bits}{'_' + variant if variant else ''}"
    return None


def _key_dtype(name: str, kind: str | None) -> Any:
    implementation = None if kind is None else _IMPLEMENTATIONS.get(kind, kind)
    try:  # abstractly: nothing is computed
        return jax.eval_shape(lambda: jax.random.key(0, impl=implementation)).dtype
    except ValueError:
        known = ", ".join(f"key<{short}>" for short in _IMPLEMENTATIONS)
        raise SpecError(f"unknown random generator in {name!r}; write key, {known}") from None


def float_bits(aval: Any) -> tuple[int, int] | None:
    """(exponent bits, mantissa bits) of a floating-point type."""
    if not jnp.issubdtype(aval.dtype, jnp.floating):
        return None
    finfo: Any = jnp.finfo  # typed in some releases of ml_dtypes, untyped in others
    info = finfo(aval.dtype)
    return int(info.nexp), int(info.nmant)
