"""Draws that are positive, inside a NumPyro model: numbers, and matrices by their Cholesky factors."""

from __future__ import annotations

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, Float


def positive(name: str, median: object, spread: float) -> Float[Array, " state"]:
    """Draw independent log-normal values with this median and standard deviation of the logarithm."""
    return numpyro.sample(name, dist.LogNormal(jnp.log(jnp.asarray(median)), spread).to_event(1))


def correlation_cholesky(name: str, state_dim: int, concentration: float) -> Float[Array, "state state"]:
    """Draw the Cholesky factor of a correlation matrix, LKJ(concentration)."""
    if state_dim == 1:
        return jnp.ones((1, 1))
    return numpyro.sample(name, dist.LKJCholesky(state_dim, concentration=concentration))


def covariance_cholesky(
    name: str, variance: Float[Array, " state"], concentration: float
) -> Float[Array, "state state"]:
    """Draw the Cholesky factor of a covariance matrix of given variances, its correlations LKJ(concentration)."""
    correlation = correlation_cholesky(f"{name}_correlation", variance.shape[0], concentration)
    factor = jnp.sqrt(variance)[:, None] * correlation
    numpyro.deterministic(f"{name}_covariance", factor @ factor.T)
    return factor
