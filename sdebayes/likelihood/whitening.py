"""Innovations: observations less what was predicted of them, in units of its standard deviations."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Bool, Float

from sdebayes.likelihood.arrays import Observations
from sdebayes.likelihood.linear_gaussian import LinearGaussian, kalman_filter


def whiten(
    values: Float[Array, "trajectory time observed"],
    mean: Float[Array, "trajectory time observed"],
    covariance: Float[Array, "trajectory time observed observed"],
    seen: Bool[Array, "trajectory time observed"],
) -> Float[Array, "trajectory time observed"]:
    """Return L⁻¹ (y − μ) with S = L Lᵀ, of the entries that were seen; NaN elsewhere."""

    def one(residual: Array, S: Array, here: Array) -> Array:
        S = jnp.where(here[:, None] & here[None, :], S, jnp.eye(here.size, dtype=S.dtype))
        white = solve_triangular(jnp.linalg.cholesky(S), jnp.where(here, residual, 0.0), lower=True)
        return jnp.where(here, white, jnp.nan)

    return jax.vmap(jax.vmap(one))(values - mean, covariance, jnp.asarray(seen))


def shared_innovations(
    system: LinearGaussian, data: Observations, values: Float[Array, "many time observed"]
) -> tuple[Float[Array, "many time observed"], Float[Array, "many time observed"]]:
    """Standardise and predict trajectories that share their covariances, which are filtered once for all."""
    one = Observations(
        jnp.zeros((1, *values.shape[1:]), values.dtype),
        jnp.ones((1, *values.shape[1:]), bool),
        jnp.asarray(data.times)[:1],
        data.steps,
        jnp.asarray(data.step_index)[:1],
        shared=True,
        complete=True,
    )
    P = kalman_filter(system, one).predicted_covariance[0]
    H = system.matrix
    factors = jnp.linalg.cholesky(H @ P @ H.T + system.noise)
    gains = jax.vmap(lambda L, cross: jax.scipy.linalg.cho_solve((L, True), cross).T)(factors, H @ P)
    index = jnp.concatenate([one.step_index[0], jnp.zeros(1, dtype=one.step_index.dtype)])

    def step(mean: Array, inputs: tuple[Array, ...]) -> tuple[Array, tuple[Array, Array]]:
        value, gain, L, u = inputs
        predicted = mean @ H.T
        residual = value - predicted
        following = (mean + residual @ gain.T) @ system.transition[u].T + system.shift[u]
        return following, (solve_triangular(L, residual.T, lower=True).T, predicted)

    start = jnp.broadcast_to(system.mean, (values.shape[0], system.mean.size))
    _, (white, predicted) = jax.lax.scan(step, start, (values.swapaxes(0, 1), gains, factors, index))
    return white.swapaxes(0, 1), predicted.swapaxes(0, 1)
