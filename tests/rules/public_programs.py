"""Programs over JAX's public API, by area: name -> (function, argument specs)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.experimental.jet
import jax.experimental.ode
import jax.numpy as jnp
import jax.scipy as jsp
import jax.scipy.cluster.vq
import jax.scipy.integrate
import jax.scipy.interpolate
import jax.scipy.ndimage
import jax.scipy.optimize
import jax.scipy.signal
import jax.scipy.spatial.transform
import jax.scipy.stats
from jax import lax

Program = tuple[Callable[..., Any], tuple[str, ...]]
X, V, KEY = "f32[6,6]", "f32[6]", "key[]"


def over(module: Any, names: str, *specs: str) -> dict[str, Program]:
    """`module.name` on the same arguments for each name that this version has."""
    return {n: (getattr(module, n), specs) for n in names.split() if hasattr(module, n)}


NUMPY = {
    **over(
        jnp,
        "abs arccos arccosh arcsin arcsinh arctan arctanh cbrt ceil cos cosh deg2rad exp exp2 "
        "expm1 fabs floor i0 isfinite isinf isnan log log10 log1p log2 negative rad2deg reciprocal "
        "rint sign signbit sin sinc sinh sqrt square tan tanh trunc nan_to_num angle conj real "
        "imag spacing frexp modf all any argmax argmin argsort average count_nonzero cumprod "
        "cumsum diff gradient ediff1d max mean median min nanmax nanmean nanmedian nanmin nanprod "
        "nanstd nansum nanvar prod ptp sort std sum var flip rot90 ravel trace tril triu transpose "
        "diag diagonal unwrap nanargmax histogram cov corrcoef",
        X,
    ),
    **over(
        jnp,
        "add arctan2 copysign divide divmod equal floor_divide float_power fmax fmin fmod greater "
        "heaviside hypot logaddexp logaddexp2 maximum mod multiply nextafter not_equal power "
        "remainder subtract dot matmul vdot inner outer kron isclose allclose array_equal",
        X,
        X,
    ),
    **over(jnp, "convolve correlate searchsorted digitize", V, V),
    **over(jnp, "packbits unpackbits bitwise_count", "u8[16]"),
    "ldexp": (jnp.ldexp, (X, "i32[6,6]")),
    "cross": (jnp.cross, ("f32[6,3]", "f32[6,3]")),
    "percentile": (lambda x: jnp.percentile(x, 30.0), (X,)),
    "interp": (jnp.interp, (V, V, V)),
    "polyfit": (lambda x, y: jnp.polyfit(x, y, 2), (V, V)),
    "roots": (lambda x: jnp.roots(x, strip_zeros=False), (V,)),
    "unique": (lambda x: jnp.unique(x, size=4), (X,)),
    "nonzero": (lambda x: jnp.nonzero(x, size=4), (X,)),
    "where": (jnp.where, ("bool[6,6]", X, X)),
    "take": (jnp.take, (X, "i32[4]")),
    "put": (lambda x, i, v: jnp.put(x, i, v, inplace=False), (X, "i32[4]", "f32[4]")),
    "bincount": (lambda x: jnp.bincount(x, length=5), ("i32[9]",)),
    "piecewise": (lambda x: jnp.piecewise(x, [x < 0], [jnp.sin, jnp.cos]), (V,)),
    "partition": (lambda x: jnp.partition(x, 3), (X,)),
    "lexsort": (lambda x: jnp.lexsort((x[0], x[1])), (X,)),
    "einsum": (lambda a, b, c: jnp.einsum("ij,jk,kl->il", a, b, c), (X, X, X)),
    "pad": (lambda x: jnp.pad(x, 1, mode="reflect"), (X,)),
    "apply_along_axis": (lambda x: jnp.apply_along_axis(jnp.sort, 0, x), (X,)),
    "tile": (lambda x: jnp.tile(x, (2, 2)), (X,)),
    "repeat": (lambda x: jnp.repeat(x, 2), (X,)),
    "roll": (lambda x: jnp.roll(x, 1), (X,)),
    **over(jnp.fft, "fft ifft rfft irfft hfft ihfft fft2 rfft2 irfft2 fftn fftshift", X),
}

LINALG = {
    **over(
        jnp.linalg,
        "cholesky cond det eig eigh eigvals eigvalsh inv matrix_norm matrix_rank norm pinv qr "
        "slogdet svd svdvals",
        X,
    ),
    **over(jsp.linalg, "expm hessenberg lu lu_factor polar schur sqrtm block_diag", X),
    **over(lax.linalg, "qdwh tridiagonal hessenberg schur lu", X),
    "lstsq": (jnp.linalg.lstsq, (X, V)),
    "solve": (jnp.linalg.solve, (X, V)),
    "matrix_power": (lambda x: jnp.linalg.matrix_power(x, 5), (X,)),
    "eigh_tridiagonal": (
        lambda d, e: jsp.linalg.eigh_tridiagonal(d, e, eigvals_only=True),
        (V, "f32[5]"),
    ),
    "cho_solve": (lambda x, b: jsp.linalg.cho_solve((x, True), b), (X, V)),
    "solve_triangular": (jsp.linalg.solve_triangular, (X, V)),
    "cg": (lambda a, b: jsp.sparse.linalg.cg(lambda x: a @ x, b), (X, V)),
    "gmres": (lambda a, b: jsp.sparse.linalg.gmres(lambda x: a @ x, b), (X, V)),
    "bicgstab": (lambda a, b: jsp.sparse.linalg.bicgstab(lambda x: a @ x, b), (X, V)),
}

NN = {
    **over(
        jax.nn,
        "relu relu6 sigmoid softplus sparse_plus silu log_sigmoid leaky_relu hard_sigmoid "
        "hard_tanh elu celu selu gelu glu soft_sign squareplus mish softmax log_softmax logsumexp "
        "standardize",
        X,
    ),
    "one_hot": (lambda x: jax.nn.one_hot(x, 5), ("i32[4]",)),
    "attention": (
        lambda q, k, v: jax.nn.dot_product_attention(q, k, v, is_causal=True, local_window_size=3),
        ("f32[2,8,4,16]", "f32[2,8,2,16]", "f32[2,8,2,16]"),
    ),
}

RANDOM = {
    **over(
        jax.random,
        "bits cauchy exponential gumbel laplace logistic maxwell normal rademacher uniform",
        KEY,
    ),
    "bernoulli": (lambda k: jax.random.bernoulli(k, 0.5, (5,)), (KEY,)),
    "ball": (lambda k: jax.random.ball(k, 3), (KEY,)),
    "beta": (lambda k: jax.random.beta(k, 1.0, 2.0, (5,)), (KEY,)),
    "binomial": (lambda k: jax.random.binomial(k, 5, 0.5, (5,)), (KEY,)),
    "categorical": (lambda k: jax.random.categorical(k, jnp.ones(5)), (KEY,)),
    "choice": (lambda k: jax.random.choice(k, 5, (3,), replace=False, p=jnp.ones(5) / 5), (KEY,)),
    "dirichlet": (lambda k: jax.random.dirichlet(k, jnp.ones(4)), (KEY,)),
    "gamma": (lambda k: jax.random.gamma(k, 2.0, (3,)), (KEY,)),
    "multivariate_normal": (
        lambda k: jax.random.multivariate_normal(k, jnp.zeros(3), jnp.eye(3)),
        (KEY,),
    ),
    "orthogonal": (lambda k: jax.random.orthogonal(k, 4), (KEY,)),
    "permutation": (lambda k: jax.random.permutation(k, 8), (KEY,)),
    "poisson": (lambda k: jax.random.poisson(k, 3.0, (4,)), (KEY,)),
    "randint": (lambda k: jax.random.randint(k, (4,), 0, 9), (KEY,)),
    "truncated_normal": (lambda k: jax.random.truncated_normal(k, -1.0, 1.0, (3,)), (KEY,)),
    "split": (lambda k: jax.random.split(jax.random.fold_in(k, 3), 2), (KEY,)),
}

_special = jsp.special
SCIPY = {
    **over(
        _special,
        "digamma entr erf erfc erfinv exp1 expi expit factorial gamma gammaln gammasgn i0 i0e i1 "
        "i1e log_ndtr logit logsumexp ndtr ndtri sici spence",
        X,
    ),
    **over(_special, "betaln gammainc gammaincc kl_div poch rel_entr xlog1py xlogy zeta", X, X),
    **over(_special, "betainc hyp1f1", X, X, X),
    "expn": (lambda x: _special.expn(2, x), (X,)),
    "polygamma": (lambda x: _special.polygamma(1, x), (X,)),
    "minimize": (
        lambda x: jsp.optimize.minimize(lambda x: (x**2).sum(), x, method="BFGS").x,
        (V,),
    ),
    "convolve2d": (jsp.signal.convolve2d, (X, X)),
    "fftconvolve": (jsp.signal.fftconvolve, (X, X)),
    "stft": (lambda x: jsp.signal.stft(x, nperseg=8), ("f32[64]",)),
    "welch": (lambda x: jsp.signal.welch(x, nperseg=8), ("f32[64]",)),
    "map_coordinates": (lambda x, c: jsp.ndimage.map_coordinates(x, [c, c], 1), (X, V)),
    "dct": (jsp.fft.dct, (X,)),
    "vq": (jsp.cluster.vq.vq, (X, X)),
    "grid": (
        lambda x, v, q: jsp.interpolate.RegularGridInterpolator((x, x), v)(q),
        (V, X, "f32[3,2]"),
    ),
    "trapezoid": (jsp.integrate.trapezoid, (V,)),
    "kde": (lambda x, p: jsp.stats.gaussian_kde(x).evaluate(p), ("f32[2,9]", "f32[2,3]")),
    "mode": (lambda x: jsp.stats.mode(x).mode, (X,)),
    "rankdata": (jsp.stats.rankdata, (V,)),
    "rotation": (lambda q: jsp.spatial.transform.Rotation.from_quat(q).as_matrix(), ("f32[4]",)),
}

LAX = {
    "associative_scan": (lambda x: lax.associative_scan(jnp.add, x), (X,)),
    "map": (lambda x: lax.map(jnp.sin, x), (X,)),
    "fori_loop": (lambda x: lax.fori_loop(0, 5, lambda _, x: x * 2, x), (X,)),
    "custom_root": (
        lambda x: lax.custom_root(lambda y: y**2 - x, 1.0, lambda _, y: y, lambda g, y: y / g(1.0)),
        ("f32[]",),
    ),
    "platform_dependent": (lambda x: lax.platform_dependent(x, cpu=jnp.sin, default=jnp.cos), (X,)),
    "composite": (lambda x: lax.composite(jnp.sin, "my.sin")(x), (X,)),
    "patches": (
        lambda x: lax.conv_general_dilated_patches(x, (2, 2), (1, 1), "SAME"),
        ("f32[1,3,6,6]",),
    ),
    "conv_local": (
        lambda x, w: lax.conv_general_dilated_local(x, w, (1, 1), "VALID", (2, 2)),
        ("f32[1,3,6,6]", "f32[4,12,5,5]"),
    ),
    "random_gamma_grad": (lax.random_gamma_grad, (X, X)),
    "segment_sum": (lambda x, i: jax.ops.segment_sum(x, i, 3), (X, "i32[6]")),
    "segment_max": (lambda x, i: jax.ops.segment_max(x, i, 3), (X, "i32[6]")),
    "resize": (lambda x: jax.image.resize(x, (12, 9), "cubic"), (X,)),
    "odeint": (
        lambda x: jax.experimental.ode.odeint(lambda y, _: -y, x, jnp.linspace(0, 1, 4)),
        (V,),
    ),
    "jet": (lambda x: jax.experimental.jet.jet(jnp.sin, (x,), ([jnp.ones(6)],))[0], (V,)),
    "remat": (jax.checkpoint(jnp.sin), (X,)),
}

AREAS: dict[str, dict[str, Program]] = {
    "numpy": NUMPY,
    "linalg": LINALG,
    "nn": NN,
    "random": RANDOM,
    "scipy": SCIPY,
    "lax": LAX,
}
