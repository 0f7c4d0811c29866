"""Lyapunov exponents: how fast neighbouring paths part or come together, under the same noise."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Int
from numpy.typing import ArrayLike

from sdebayes._core import precision
from sdebayes._core.arguments import checked
from sdebayes._core.draws import choose_draws
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, Positive, Seed, Vectors
from sdebayes._core.types import Key, Matrix, Vector
from sdebayes._core.units import with_units
from sdebayes.analysis.evaluate import in_chunks, reference_state
from sdebayes.analysis.phase_space import flow
from sdebayes.dynamics import SDE, LinearSDE, ObservedSDE
from sdebayes.simulation import Source, as_source
from sdebayes.simulation.kernels import local_rates
from sdebayes.simulation.source import SourceLike

_DRAWS = 20
_BATCHES, _TRANSIENT = 20, 2
_STEPS_PER_QR = 10
_RATE_TIMES_STEP = 0.1
_RATE_TIMES_NOISY_STEP = 0.05
_RATE_TIMES_STEP_OF_STATE_DEPENDENT_NOISE = 0.02
_PILOT_BLOCKS, _EVERY = 64, 16
_MOST_STEPS = 2e7


@checked
def lyapunov_exponents(
    source: SourceLike,
    duration: Positive,
    x0: Vectors | None = None,
    *,
    noise: bool = True,
    paths: Count = 4,
    samples: Count | None = None,
    seed: Seed = 0,
) -> xr.Dataset:
    r"""Return the Lyapunov spectrum of every draw, along its noisy paths or its deterministic flow.

    Two paths that start infinitely near each other and meet the same noise part like V(t):

    .. math:: dX = f\,dt + G\,dW, \qquad dV = ∂f\,V\,dt + \sum_k ∂G_k\,V\,dW_k,

    G_k being the k-th column of G. The exponents are the mean growth rates of the diagonal of R in the repeated
    factorisation V = Q R. A positive first one: the paths part, and forecasts lose their sharpness at that rate; all
    negative: paths forget where they started, and noise alone keeps them apart.

    Parameters
    ----------
    source
        A posterior or an SDE.
    duration
        Length of each path, in time; its first eleventh is the transient and does not count.
    x0
        Where the paths start, (state,) or (path, state); by default the median equilibrium of an affine drift, else the
        middle of the data, else the median initial mean, else zero. Without noise the exponents at a fixed point are
        its own.
    noise
        Whether the paths have the noise of the SDE. Without it they follow dx/dt = f(x).
    paths
        Number of paths of each draw.
    samples
        At most so many draws, evenly spread; default: at most 20, and all of an affine drift with constant noise.
    seed
        Seed of the noise.

    Returns
    -------
    xarray.Dataset
        Over (sample, mode), largest first, in 1/time: ``exponent``, and ``standard_error``, its Monte-Carlo error by
        the means of 20 batches of each path. NaN where a path became infinite.

    Raises
    ------
    DataError
        If duration or paths are not positive, or x0 cannot be used.

    See Also
    --------
    sdebayes.analysis.process.mixing_time : How fast the start is forgotten.
    sdebayes.plots.phase_space.lyapunov_exponents : Draws them.

    Notes
    -----
    An affine drift with constant noise is not simulated: its exponents are the real parts of the eigenvalues of ∂f. In
    other cases the step is 0.1 (with constant noise 0.05, with other noise 0.02) of the inverse of the fastest rate
    ‖∂f‖ + ‖∂G‖², by the Runge–Kutta rule for the drift and Euler–Maruyama for the noise; the error holds the chance of
    the paths, not the step's bias, and is wrong if batches, each a twenty-second of the duration, are not longer than
    the memory of the process.

    References
    ----------
    Benettin, Galgani, Giorgilli & Strelcyn (1980), Meccanica 15, 9–20, doi:10.1007/BF02128236. Arnold (1998), Random
    Dynamical Systems, ch. 3, doi:10.1007/978-3-662-12878-7.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("ornstein_uhlenbeck", 10, 0.1)
    >>> sb.analysis.phase_space.lyapunov_exponents(truth, duration=10.0)["exponent"].values.round(2)
    array([[-1., -1.]])
    """
    if not (np.isfinite(duration) and duration > 0):
        raise DataError(f"duration={duration!r} must be positive and finite.")
    stacked = as_source(source, None if x0 is None else np.asarray(x0).shape[-1])
    begin = _starts(stacked, x0, paths)
    linear = stacked.sde.linear
    if linear is not None:
        draws = choose_draws(stacked.n_draws, 8 * stacked.n_states, samples)
        return _exact(stacked, linear, draws)
    draws = choose_draws(stacked.n_draws, 8 * begin.size, samples, _DRAWS)
    step = _step(stacked, draws, begin, noise)
    blocks = _blocks(duration, step)
    numbers = draws[:, None] * paths + np.arange(paths)
    rows = np.concatenate(
        [np.broadcast_to(begin, (draws.size, *begin.shape)), numbers[..., None]], axis=-1
    ).astype(float)
    with precision.scope(stacked.precision):
        key, h, count = jax.random.key(seed), jnp.asarray(step), jnp.asarray(blocks)
    (growth,) = in_chunks(
        lambda observed, starts: (_growth(observed, starts, key, h, count, noise),), stacked, draws, rows
    )
    rates = growth[:, :, _TRANSIENT:] / (step * _STEPS_PER_QR * blocks)
    rates = np.where(np.isfinite(rates), rates, np.nan).reshape(draws.size, -1, stacked.n_states)
    exponent, error = rates.mean(axis=1), rates.std(axis=1, ddof=1) / np.sqrt(rates.shape[1])
    order = np.argsort(-exponent, axis=-1)
    exponent, error = (np.take_along_axis(values, order, axis=-1) for values in (exponent, error))
    return _labelled(stacked, draws, exponent, error, {"step": step, "seed": seed, "noise": int(noise)})


def _blocks(duration: float, step: float) -> int:
    """Return the number of factorisations in each batch."""
    if duration > _MOST_STEPS * step:
        raise DataError(
            f"A step of {step:.2g} makes {duration / step:.2g} steps of each path, above {_MOST_STEPS:.0g}: the "
            "drift is fast near x0. Start within the data, or ask for a shorter duration."
        )
    return int(np.ceil(duration / (step * _STEPS_PER_QR * (_BATCHES + _TRANSIENT))))


def _starts(source: Source, x0: ArrayLike | None, paths: int) -> Float[np.ndarray, "path state"]:
    begin = reference_state(source, None) if x0 is None else np.asarray(x0, dtype=float)
    shapes = ((source.n_states,), (paths, source.n_states))
    if begin.shape not in shapes or not np.isfinite(begin).all():
        raise DataError(f"x0 has the shape {begin.shape}; expected finite {shapes[0]} or {shapes[1]}.")
    return np.broadcast_to(begin, shapes[1])


def _exact(source: Source, linear: LinearSDE, draws: np.ndarray) -> xr.Dataset:
    """Return the exponents of an affine drift with constant noise, the real parts of the eigenvalues of −A."""
    values = -np.sort(np.linalg.eigvals(np.asarray(linear.drift.matrix, dtype=float)[draws]).real, axis=-1)
    return _labelled(source, draws, values, np.zeros_like(values), {})


def _step(source: Source, draws: np.ndarray, begin: np.ndarray, noise: bool) -> float:
    """Return one step for all draws, by the fastest local rate (99 % quantile) along short deterministic paths."""
    (places,) = in_chunks(_pilot, source, draws, begin)
    stays = np.isfinite(places).all(axis=(1, 2))
    if not stays.any():
        raise DataError("Paths run away from x0 under every draw's drift; start within the data.")
    with precision.scope(source.precision):
        rates = np.asarray(local_rates(source.take(draws[stays]).sde, jnp.asarray(places[stays])))
    fastest = float(np.quantile(rates, 0.99))
    if not (np.isfinite(fastest) and fastest > 0):
        raise DataError(
            f"The fastest rate of the drift near x0 is {fastest}; it must be above zero to choose a step."
        )
    share = _RATE_TIMES_STEP
    if noise:
        share = (
            _RATE_TIMES_NOISY_STEP
            if source.sde.diffusion.constant
            else _RATE_TIMES_STEP_OF_STATE_DEPENDENT_NOISE
        )
    return share / fastest


@eqx.filter_jit
def _pilot(
    observed: ObservedSDE, starts: Float[Array, "sample path state"]
) -> tuple[Float[Array, "sample place state"]]:
    def one(own: ObservedSDE, x: Array) -> Array:
        return flow.settling_path(own.sde, x, _PILOT_BLOCKS)[1][::_EVERY]

    places = eqx.filter_vmap(lambda own, xs: jax.vmap(lambda x: one(own, x))(xs))(observed, starts)
    return (places.reshape(len(starts), -1, starts.shape[-1]),)


@eqx.filter_jit
def _growth(
    observed: ObservedSDE,
    rows: Float[Array, "sample path state_and_number"],
    key: Key,
    step: Float[Array, ""],
    blocks: Int[Array, ""],
    noise: bool,
) -> Float[Array, "sample path batch state"]:
    """Return the sum of log |diag R| in every batch; a row holds where a path starts, and the number of its noise."""

    def one(sde: SDE, row: Array) -> Array:
        own = jax.random.fold_in(key, row[-1].astype(int))
        return _of_path(sde, row[:-1], own, step, blocks, noise)

    return eqx.filter_vmap(lambda own, starts: jax.vmap(lambda row: one(own.sde, row))(starts))(
        observed, rows
    )


def _of_path(
    sde: SDE, x: Vector, key: Key, step: Float[Array, ""], blocks: Int[Array, ""], noise: bool
) -> Float[Array, "batch state"]:
    def move(at: Vector, shock: Vector) -> Vector:
        later = flow.runge_kutta(sde, at, step)
        return later + sde.diffusion(at) @ shock if noise else later

    def follow(carry: tuple[Vector, Matrix], shock: Vector) -> tuple[tuple[Vector, Matrix], None]:
        at, tangent = carry
        return (move(at, shock), jax.jacfwd(move)(at, shock) @ tangent), None

    def block(carry: tuple[Vector, Matrix], number: Array) -> tuple[tuple[Vector, Matrix], Array]:
        shocks = jnp.sqrt(step) * jax.random.normal(
            jax.random.fold_in(key, number), (_STEPS_PER_QR, x.size), x.dtype
        )
        (at, tangent), _ = jax.lax.scan(follow, carry, shocks)
        q, r = jnp.linalg.qr(tangent)
        return (at, q), jnp.log(jnp.abs(jnp.diagonal(r)))

    def batch(carry: tuple[Vector, Matrix], number: Array) -> tuple[tuple[Vector, Matrix], Array]:
        def add(k: Array, sums: tuple[tuple[Vector, Matrix], Array]) -> tuple[tuple[Vector, Matrix], Array]:
            later, logs = block(sums[0], number * blocks + k)
            return later, sums[1] + logs

        later, total = jax.lax.fori_loop(0, blocks, add, (carry, jnp.zeros_like(x)))
        return later, total

    start = (x, jnp.eye(x.size, dtype=x.dtype))
    return jax.lax.scan(batch, start, jnp.arange(_BATCHES + _TRANSIENT))[1]


def _labelled(
    source: Source, draws: np.ndarray, exponent: np.ndarray, error: np.ndarray, attrs: dict[str, Any]
) -> xr.Dataset:
    dims = ("sample", "mode")
    return with_units(
        xr.Dataset(
            {
                "exponent": (dims, exponent, {"long_name": "Lyapunov exponent"}),
                "standard_error": (dims, error, {"long_name": "Monte-Carlo standard error"}),
            },
            {"sample": draws, "mode": np.arange(1, source.n_states + 1)},
            source.provenance | {f"lyapunov_{name}": value for name, value in attrs.items()},
        ),
        exponent="per time",
        standard_error="per time",
    )
